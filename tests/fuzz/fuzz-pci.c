/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest can do to PCI configuration space, virtio-pci's registers and
 * MSI-X, in any order. The input is a sequence of operations of eight bytes:
 *
 *     operation(1) width(1) address(2) value(4)
 */
#include "../unit/fake-accel.h"
#include "../unit/test-virtio.h"
#include "hw/i386/mch.h"

#include "fuzz-access.h"
#include "fuzz-input.h"

#define ECAM     MCH_ECAM_BASE
#define MSIX_BAR UINT64_C(0xc0000000)
#define BAR      UINT64_C(0xc0100000)

typedef struct Fuzz {
    Machine *m;
    Device *dev;
    TestVirtio *t;
} Fuzz;

static void set_intx(void *opaque, uint8_t devfn, unsigned pin, bool level)
{
    g_assert_cmpuint(pin, <, 4);
}

static void fuzz_set_up(Fuzz *f)
{
    Mch *host;

    f->m = fake_machine_new();
    f->m->run_state = RUN_STATE_RUNNING;
    host = mch_new(f->m, NULL);
    host->root.set_intx = set_intx;
    mch_setup_ecam(host, ECAM);
    f->dev = device_new(&f->m->tree, &test_virtio_pci_type);
    g_assert_true(device_set(f->dev, "addr", "1", NULL));
    g_assert_true(device_realize(f->dev, NULL));
    f->t = test_virtio_from(virtio_device_from(f->dev->backend));
    f->t->vdev.errors_logged = VIRTIO_ERRORS_LOGGED_MAX;
}

/* Where a driver puts the device before it talks to it. */
static void place(Fuzz *f)
{
    static const uint32_t rows[][3] = {
        { PCI_BASE_ADDRESS_1, (uint32_t)MSIX_BAR, 4 },
        { PCI_BASE_ADDRESS_4, (uint32_t)BAR, 4 },
        { PCI_BASE_ADDRESS_5, 0, 4 },
        { PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        address_space_write(&f->m->memory, ECAM + (1 << 15) + rows[i][0],
                            rows[i][1], rows[i][2]);
    }
}

static void access_port(Fuzz *f, bool is_write, uint16_t port, uint32_t value,
                        unsigned size)
{
    if (is_write) {
        address_space_write(&f->m->io, port, value, MIN(size, 4));
    } else {
        (void)address_space_read(&f->m->io, port, MIN(size, 4));
    }
}

/* Things that are not accesses: the back end and the main loop. */
static void happen(Fuzz *f, unsigned what)
{
    VirtIODevice *vdev = &f->t->vdev;

    switch (what % 6) {
    case 0:
        event_notifier_set(&vdev->queues[what % vdev->n_queues].call);
        break;
    case 1:
        event_notifier_set(&vdev->config_changed);
        break;
    case 2:
        f->t->fail = !f->t->fail;
        break;
    case 3:
        device_reset(f->dev);
        break;
    case 4:
        fake.fail_irqfd = !fake.fail_irqfd;
        break;
    default:
        while (g_main_context_iteration(f->m->context, FALSE)) {
        }
    }
}

static void operate(Fuzz *f, FuzzInput *in)
{
    unsigned op = (unsigned)fuzz_int(in, 1);
    unsigned size = 1u << (fuzz_int(in, 1) & 3);
    uint16_t addr = (uint16_t)fuzz_int(in, 2);
    uint32_t value = (uint32_t)fuzz_int(in, 4);
    bool is_write = op & 1;

    switch (op >> 1 & 7) {
    case 0:
        fuzz_access(f->m, is_write, ECAM + (1 << 15) + addr, value, size);
        break;
    case 1:
        access_port(f, true, 0xcf8, 0x80000800 | (addr & 0xfffc), 4);
        access_port(f, is_write, 0xcfc + (addr & 3), value, size);
        break;
    case 2:
    case 3:
        fuzz_access(f->m, is_write, BAR + addr, value, size);
        break;
    case 4:
        fuzz_access(f->m, is_write, MSIX_BAR + addr % 4096, value, size);
        break;
    case 5:
        fuzz_access(f->m, is_write, (uint64_t)value << 4 | addr, addr, size);
        break;
    case 6:
        place(f);
        break;
    default:
        happen(f, addr);
    }
}

/* What must hold whatever the guest did. */
static void check(const Fuzz *f)
{
    const VirtIODevice *vdev = &f->t->vdev;

    g_assert_cmpuint(f->t->starts, ==, f->t->stops + vdev->started);
    g_assert_true(!vdev->started ||
                  (vdev->state.status & VIRTIO_CONFIG_S_DRIVER_OK));
    for (unsigned i = 0; i < vdev->n_queues; i++) {
        g_assert_cmpuint(vdev->queues[i].state.size, <=,
                         vdev->queues[i].max_size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput in = { data, size, 0 };
    Fuzz f;

    fuzz_set_up(&f);
    while (fuzz_more(&in)) {
        operate(&f, &in);
        check(&f);
    }
    f.m->run_state = RUN_STATE_PAUSED;
    fake_machine_free(f.m);
    g_assert_cmpuint(fake.n_ioeventfd, ==, 0);
    for (unsigned i = 0; i < FAKE_MAX; i++) {
        g_assert_cmpint(fake.irqfd[i].fd, ==, -1);
    }
    return 0;
}
