/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest can do to the firmware configuration device: accesses to its
 * ports, and DMA commands. The input is a sequence of operations:
 *
 *     operation(1), then for an access  port(1) value(4)
 *                           a command   where(1) control(4) length(4) address(8)
 */
#include "../unit/fake-accel.h"
#include "hw/nvram/fw_cfg.h"

#include "fuzz-input.h"

#define LOW_END  UINT64_C(0xa0000)
#define HIGH     (4 * GiB)
#define HIGH_LEN (64 * KiB)

static const char *const names[] = { "etc/a", "opt/b", NULL };

static void prepare(void *opaque)
{
    fw_cfg_replace_file(opaque, "etc/a", g_bytes_new_static("prepared", 8));
}

static FwCfg *set_up(Machine *m)
{
    GuestRam *ram = &m->ram;
    FwCfg *s;

    g_assert_cmpint(guest_ram_init(ram, LOW_END + HIGH_LEN), ==, 0);
    guest_ram_add_block(ram, 0, 0, LOW_END);
    guest_ram_add_block(ram, HIGH, LOW_END, HIGH_LEN);
    s = fw_cfg_new(m, NULL);
    g_assert_nonnull(s);
    fw_cfg_set_int(s, FW_CFG_NB_CPUS, 3, 2);
    fw_cfg_set(s, FW_CFG_NUMA, g_bytes_new(NULL, 0));
    fw_cfg_add_file(s, "etc/a", g_bytes_new_static("original", 8), NULL);
    fw_cfg_add_file(s, "opt/b", g_bytes_new_static("b", 1), NULL);
    fw_cfg_set_prepare(s, names, prepare, s);
    return s;
}

static void access_port(Machine *m, unsigned op, FuzzInput *in)
{
    uint16_t port = (uint16_t)(FW_CFG_PORT - 4 + fuzz_int(in, 1) % 20);
    uint32_t value = (uint32_t)fuzz_int(in, 4);
    unsigned size = 1u << (op >> 4) % 3;

    if (op & 8) {
        address_space_write(&m->io, port, value, size);
    } else {
        (void)address_space_read(&m->io, port, size);
    }
}

/* Puts a command where there is room for one, and starts it there. */
static void command(Machine *m, FuzzInput *in)
{
    static const uint64_t places[] = { 0, LOW_END - 16, HIGH,
                                       HIGH + HIGH_LEN - 16 };
    uint64_t gpa = places[fuzz_int(in, 1) % G_N_ELEMENTS(places)];
    uint32_t control = (uint32_t)fuzz_int(in, 4);
    uint32_t len = (uint32_t)fuzz_int(in, 4);
    uint64_t address = fuzz_int(in, 8);
    struct {
        uint32_t control, len;
        uint64_t address;
    } c = { GUINT32_TO_BE(control), GUINT32_TO_BE(len),
            GUINT64_TO_BE(address) };
    uint32_t answer;

    g_assert_true(guest_ram_write(&m->ram, gpa, &c, sizeof(c)));
    address_space_write(&m->io, FW_CFG_PORT + 4,
                        GUINT32_SWAP_LE_BE((uint32_t)(gpa >> 32)), 4);
    address_space_write(&m->io, FW_CFG_PORT + 8,
                        GUINT32_SWAP_LE_BE((uint32_t)gpa), 4);
    memcpy(&answer, guest_ram_ptr(&m->ram, gpa, 4), 4);
    g_assert_cmphex(GUINT32_FROM_BE(answer), <=, 1);
}

/* What must hold whatever the guest did: the first item is what it was. */
static void check(Machine *m)
{
    static const char signature[] = "QEMU";

    address_space_write(&m->io, FW_CFG_PORT, FW_CFG_SIGNATURE, 2);
    for (unsigned i = 0; i < sizeof(signature); i++) {
        g_assert_cmphex(address_space_read(&m->io, FW_CFG_PORT + 1, 1), ==,
                        signature[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput in = { data, size, 0 };
    Machine *m = fake_machine_new();

    set_up(m);
    while (fuzz_more(&in)) {
        unsigned op = (unsigned)fuzz_int(&in, 1);

        switch (op & 7) {
        case 0:
            device_reset(g_ptr_array_index(m->tree.devices, 0));
            break;
        case 1:
        case 2:
        case 3:
            access_port(m, op, &in);
            break;
        default:
            command(m, &in);
        }
    }
    check(m);
    fake_machine_free(m);
    return 0;
}
