/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of the qtest protocol to a whole q35 board and a virtio device. Each
 * line has exactly one answer, which is the last line that it causes. */
#include "../unit/test-virtio.h"
#include "accel/qtest-server.h"
#include "accel/qtest.h"
#include "program/registry.h"
#include "system/machine.h"

#include "fuzz-input.h"

#define RAM_SIZE (16 * MiB)

static Machine *machine(void)
{
    Machine *m = machine_new(&program_registry,
                             machine_type_find(&program_registry, "q35"),
                             &qtest_accel_ops);
    GError *err = NULL;
    Device *dev;

    m->config.ram_size = RAM_SIZE;
    machine_lock(m);
    machine_build(m, &err);
    g_assert_no_error(err);
    dev = device_new(&m->tree, &test_virtio_pci_type);
    g_assert_true(device_set(dev, "addr", "4", NULL));
    dev->bus = device_tree_find_bus(&m->tree, NULL, BUS_PCI);
    g_assert_true(device_realize(dev, NULL));
    virtio_device_from(dev->backend)->errors_logged = VIRTIO_ERRORS_LOGGED_MAX;
    m->run_state = RUN_STATE_RUNNING;
    return m;
}

static void check_answer(const GString *out)
{
    const char *line = out->str;
    unsigned answers = 0;

    g_assert_true(out->len && out->str[out->len - 1] == '\n');
    while (*line) {
        answers += !g_str_has_prefix(line, "IRQ ");
        line = strchr(line, '\n') + 1;
    }
    g_assert_cmpuint(answers, ==, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    Machine *m = machine();
    QtestServer server;

    qtest_server_init(&server, m);
    for (char **line = lines; *line; line++) {
        g_string_truncate(server.out, 0);
        qtest_server_line(&server, *line);
        check_answer(server.out);
        while (g_main_context_iteration(m->context, FALSE)) {
        }
    }
    qtest_server_finish(&server);
    m->run_state = RUN_STATE_PAUSED;
    machine_unlock(m);
    machine_free(m);
    return 0;
}
