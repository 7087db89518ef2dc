/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qemu-xhci under a guest that writes anything into registers and rings. The
 * input is a sequence of operations of eight bytes:
 *
 *     operation(1) width(1) address(2) value(4)
 */
#include "../unit/fake-accel.h"
#include "hw/i386/mch.h"
#include "hw/usb/hcd-xhci.h"

#include "fuzz-access.h"
#include "fuzz-input.h"

#define ECAM MCH_ECAM_BASE
#define BAR  UINT64_C(0xc0000000)
#define RAM  (1 * MiB)

typedef struct Fuzz {
    Machine *m;
    Device *dev;
} Fuzz;

static void set_up(Fuzz *f)
{
    static const uint32_t rows[][3] = {
        { PCI_BASE_ADDRESS_0, (uint32_t)BAR, 4 },
        { PCI_BASE_ADDRESS_2, (uint32_t)BAR + 0x10000, 4 },
        { PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2 },
    };

    f->m = fake_machine_new();
    f->m->run_state = RUN_STATE_RUNNING;
    f->m->config.ram_size = RAM;
    g_assert_cmpint(guest_ram_init(&f->m->ram, RAM), ==, 0);
    guest_ram_add_block(&f->m->ram, 0, 0, RAM);
    timer_list_step_to(f->m->timers, 0);
    mch_setup_ecam(mch_new(f->m, NULL), ECAM);
    f->dev = device_new(&f->m->tree, &qemu_xhci_type);
    g_assert_true(device_set(f->dev, "addr", "1", NULL));
    g_assert_true(device_realize(f->dev, NULL));
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        address_space_write(&f->m->memory, ECAM + (1 << 15) + rows[i][0],
                            rows[i][1], rows[i][2]);
    }
}

static void operate(Fuzz *f, FuzzInput *in)
{
    unsigned op = (unsigned)fuzz_int(in, 1);
    unsigned size = 1u << (fuzz_int(in, 1) & 3);
    uint16_t addr = (uint16_t)fuzz_int(in, 2);
    uint32_t value = (uint32_t)fuzz_int(in, 4);

    switch (op >> 1 & 7) {
    case 0:
        fuzz_access(f->m, op & 1, ECAM + (1 << 15) + addr % 4096, value, size);
        break;
    case 1:
    case 2:
        fuzz_access(f->m, op & 1, BAR + addr % 4096, value, size);
        break;
    case 3: /* the control word of a TRB among others */
        (void)guest_ram_write(&f->m->ram, addr & ~3u, &value, 4);
        break;
    case 4: /* an address below 64 KiB, as rings have here */
        fuzz_access(f->m, true, BAR + addr % 4096, value & 0xffc1, 4);
        break;
    case 5:
        fuzz_access(f->m, op & 1, BAR + 0x10000 + addr % 4096, value, size);
        break;
    case 6:
        device_reset(f->dev);
        break;
    default:
        timer_list_step_to(f->m->timers,
                           machine_clock_ns(f->m) + (int64_t)value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput in = { data, size, 0 };
    Fuzz f;

    set_up(&f);
    while (fuzz_more(&in)) {
        operate(&f, &in);
    }
    f.m->run_state = RUN_STATE_PAUSED;
    fake_machine_free(f.m);
    return 0;
}
