/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine on the qtest accelerator without a board: one mebibyte of RAM,
 * registers that are recorded, and a PCI bus with devices of the test. */
#ifndef TEST_QTEST_H
#define TEST_QTEST_H

#include "accel/qtest-server.h"
#include "accel/qtest.h"
#include "hw/pci/pci.h"
#include "program/registry.h"
#include "system/machine.h"
#include "util/event-notifier.h"

#define RAM_SIZE  MiB
#define MMIO_BASE UINT64_C(0xfe000000)
#define MMIO_SIZE 64
#define PORT_BASE 0x100
#define LAPIC     UINT64_C(0xfee00000)

typedef struct Fixture {
    Machine *m;
    QtestServer s;
    MemoryRegion mmio, ports;
    uint8_t regs[MMIO_SIZE];
    uint64_t offset, value; /* of the last access */
    unsigned size, writes;
    PciBus bus;
    bool board_level;
} Fixture;

/* --- registers and a PCI device --- */

static inline uint64_t reg_read(void *opaque, uint64_t offset, unsigned size)
{
    Fixture *f = opaque;
    uint64_t value = 0;

    f->offset = offset;
    f->size = size;
    memcpy(&value, f->regs + offset, size);
    return value;
}

static inline void reg_write(void *opaque, uint64_t offset, uint64_t value,
                             unsigned size)
{
    Fixture *f = opaque;

    f->offset = offset;
    f->size = size;
    f->value = value;
    f->writes++;
    memcpy(f->regs + offset, &value, size);
}

static const MemoryRegionOps reg_ops = { reg_read, reg_write };

static inline bool pin_realize(Device *dev, GError **errp)
{
    static const PciIdentity id = { .vendor = 0x1234, .class_code = 0x0100 };
    PciDevice *pci = pci_device_from(dev);

    pci_device_init(pci, &id, &pci_default_ops);
    /* A device with an id has a pin. */
    pci->state.config[PCI_INTERRUPT_PIN] = dev->id != NULL;
    return pci_device_plug(pci, errp);
}

static inline void pin_unrealize(Device *dev)
{
    pci_device_unplug(pci_device_from(dev));
}

static const DeviceType pin_type = {
    .name = "pin",
    .bus = BUS_PCI,
    .size = sizeof(PciDevice),
    .bus_props = pci_bus_props,
    .user_creatable = true,
    .realize = pin_realize,
    .unrealize = pin_unrealize,
};

static inline void board_intx(void *opaque, uint8_t devfn, unsigned pin,
                              bool level)
{
    Fixture *f = opaque;

    f->board_level = level;
}

static inline PciDevice *add_device(Fixture *f, const char *id)
{
    Device *dev = device_new(&f->m->tree, &pin_type);

    dev->id = g_strdup(id);
    g_assert_true(device_realize(dev, NULL));
    return pci_device_from(dev);
}

/* --- the machine --- */

static inline void setup(Fixture *f)
{
    *f = (Fixture){ .m = machine_new(&program_registry, NULL,
                                     &qtest_accel_ops) };
    machine_lock(f->m);
    g_assert_true(qtest_accel_ops.init(f->m, NULL));
    g_assert_cmpint(guest_ram_init(&f->m->ram, RAM_SIZE), ==, 0);
    guest_ram_add_block(&f->m->ram, 0, 0, 0xa0000);
    guest_ram_add_block(&f->m->ram, 0xc0000, 0xc0000, RAM_SIZE - 0xc0000);
    for (unsigned i = 0; i < f->m->ram.n_blocks; i++) {
        const RamBlock *b = &f->m->ram.blocks[i];

        g_assert_cmpint(memory_map_set(f->m, &(MemorySlot){ b->gpa, b->size,
                                                            b->host, false }),
                        ==, 0);
    }
    memory_region_init(&f->mmio, "mmio", &reg_ops, f, MMIO_SIZE);
    memory_region_map(&f->mmio, &f->m->memory, MMIO_BASE);
    memory_region_init(&f->ports, "ports", &reg_ops, f, MMIO_SIZE);
    memory_region_map(&f->ports, &f->m->io, PORT_BASE);
    pci_bus_init(&f->bus, f->m, "pcie.0");
    f->bus.set_intx = board_intx;
    f->bus.opaque = f;
    qtest_server_init(&f->s, f->m);
}

static inline void teardown(Fixture *f)
{
    qtest_server_finish(&f->s);
    machine_unlock(f->m);
    machine_free(f->m);
}

/* What the server has to send after @line, which lasts until the next call. */
static inline const char *ask(Fixture *f, const char *line)
{
    g_autofree char *text = g_strdup(line);

    g_string_truncate(f->s.out, 0);
    qtest_server_line(&f->s, text);
    return f->s.out->str;
}

/* The IRQ lines that came without a request. */
static inline const char *collect(Fixture *f)
{
    while (g_main_context_iteration(f->m->context, FALSE)) {
    }
    g_string_truncate(f->s.out, 0);
    qtest_server_collect(&f->s);
    return f->s.out->str;
}

typedef struct Exchange {
    const char *request, *answer;
} Exchange;

static inline void check_exchanges(const Exchange *e)
{
    Fixture f;

    setup(&f);
    for (; e->request; e++) {
        g_assert_cmpstr(ask(&f, e->request), ==, e->answer);
    }
    teardown(&f);
}

/* What a thread without the machine lock may do. */
static inline void *send_message(void *opaque)
{
    const MsiMessage msg = { .address = LAPIC, .data = 0x31 };
    Fixture *f = opaque;

    qtest_accel_ops.send_msi(f->m->accel, &msg);
    qtest_accel_ops.set_irq(f->m->accel, 5, true);
    return NULL;
}

typedef struct Case {
    const char *name; /* subject/condition/result */
    void (*test)(void);
} Case;

static inline int run_cases(int argc, char **argv, const Case *c)
{
    g_test_init(&argc, &argv, NULL);
    for (; c->name; c++) {
        g_autofree char *path = g_strconcat("/qtest/", c->name, NULL);

        g_test_add_func(path, c->test);
    }
    return g_test_run();
}

#endif
