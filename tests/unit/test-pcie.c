/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hotplug registers of a slot as a table, and the root port on the real
 * host bridge with functions of the test behind it. */
#include "fake-accel.h"
#include "hw/i386/mch.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie-root-port.h"
#include "util/error.h"
#include "util/keyval.h"

#define ECAM   MCH_ECAM_BASE
#define BAR    UINT64_C(0xc0000000)
#define MSIX   UINT64_C(0xc0010000)
#define SECOND UINT64_C(1000000000)

/* What pciehp of Linux enables where there is an attention button. */
#define LISTENS                                                          \
    (PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_DLLSCE | PCI_EXP_SLTCTL_HPIE | \
     PCI_EXP_SLTCTL_ATTN_IND_OFF)
#define ON    PCI_EXP_SLTCTL_PWR_IND_ON
#define BLINK PCI_EXP_SLTCTL_PWR_IND_BLINK
#define OFF   PCI_EXP_SLTCTL_PWR_IND_OFF
#define CUT   PCI_EXP_SLTCTL_PWR_OFF

/* --- the slot --- */

static PcieSlot full_slot(void)
{
    PcieSlot s;

    pcie_slot_reset(&s, true);
    g_assert_cmpuint(pcie_slot_write_control(&s, LISTENS | ON), ==, 0);
    return s;
}

static void test_reset_gives_power_to_a_full_slot(void)
{
    PcieSlot s;

    pcie_slot_reset(&s, true);
    g_assert_true(pcie_slot_has_power(&s) && s.link);
    g_assert_cmphex(s.status, ==, PCI_EXP_SLTSTA_PDS);
    g_assert_cmphex(s.control, ==, PCI_EXP_SLTCTL_ATTN_IND_OFF | ON);
    pcie_slot_reset(&s, false);
    g_assert_false(pcie_slot_has_power(&s) || s.link);
    g_assert_cmphex(s.status, ==, 0);
    g_assert_cmphex(s.control, ==, PCI_EXP_SLTCTL_ATTN_IND_OFF | OFF | CUT);
}

/* Writes of slot control after a device_del, and what each asks of the port. */
static const struct {
    const char *name;
    struct {
        uint16_t control;
        unsigned actions;
    } writes[4];
    bool pending; /* at the end */
} answers[] = {
    { "power then indicator",
      { { BLINK, 0 },
        { BLINK | CUT, PCIE_SLOT_POWER_OFF },
        { OFF | CUT, PCIE_SLOT_EJECT } },
      true },
    { "both at once",
      { { OFF | CUT, PCIE_SLOT_POWER_OFF | PCIE_SLOT_EJECT } },
      true },
    { "indicator then power",
      { { OFF, 0 }, { OFF | CUT, PCIE_SLOT_POWER_OFF | PCIE_SLOT_EJECT } },
      true },
    { "taken back", { { BLINK, 0 }, { ON, PCIE_SLOT_REFUSED } }, false },
    { "attention indicator only", { { ON, 0 }, { ON, 0 } }, true },
};

static void test_guest_answers_a_request(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(answers); i++) {
        PcieSlot s = full_slot();

        g_test_message("%s", answers[i].name);
        g_assert_cmpint(pcie_slot_request(&s, true, 0), ==, PCIE_SLOT_ASKED);
        for (unsigned w = 0; answers[i].writes[w].control; w++) {
            unsigned actions = pcie_slot_write_control(
                &s, LISTENS | answers[i].writes[w].control);

            g_assert_cmphex(actions, ==, answers[i].writes[w].actions);
        }
        g_assert_cmpint(s.unplug, ==, answers[i].pending);
    }
}

static void test_guest_that_cuts_power_unasked_keeps_the_card(void)
{
    PcieSlot s = full_slot();

    g_assert_cmphex(pcie_slot_write_control(&s, LISTENS | OFF | CUT), ==,
                    PCIE_SLOT_POWER_OFF);
    g_assert_false(pcie_slot_has_power(&s) || s.link);
    g_assert_cmphex(s.status, ==, PCI_EXP_SLTSTA_PDS | PCI_EXP_SLTSTA_DLLSC);
    g_assert_cmphex(pcie_slot_write_control(&s, LISTENS | ON), ==, 0);
    g_assert_true(pcie_slot_has_power(&s) && s.link);
}

static void test_request_is_refused_while_the_guest_thinks(void)
{
    PcieSlot s = full_slot();

    g_assert_cmpint(pcie_slot_request(&s, true, SECOND), ==, PCIE_SLOT_ASKED);
    g_assert_cmphex(s.status & PCI_EXP_SLTSTA_ABP, !=, 0);
    pcie_slot_write_status(&s, PCI_EXP_SLTSTA_ABP);
    g_assert_cmpint(pcie_slot_request(&s, true, 6 * SECOND - 1), ==,
                    PCIE_SLOT_PENDING);
    g_assert_cmphex(s.status & PCI_EXP_SLTSTA_ABP, ==, 0);
    g_assert_cmpint(pcie_slot_request(&s, true, 6 * SECOND), ==,
                    PCIE_SLOT_ASKED);
    pcie_slot_write_control(&s, LISTENS | BLINK);
    g_assert_cmpint(pcie_slot_request(&s, true, 20 * SECOND), ==,
                    PCIE_SLOT_BUSY);
    g_assert_cmphex(s.status & PCI_EXP_SLTSTA_ABP, !=, 0);
}

static void test_nobody_is_asked_where_nobody_listens(void)
{
    PcieSlot s = full_slot();

    g_assert_cmpint(pcie_slot_request(&s, false, 0), ==, PCIE_SLOT_NOBODY);
    pcie_slot_write_control(&s, LISTENS | OFF | CUT);
    g_assert_cmpint(pcie_slot_request(&s, true, 0), ==, PCIE_SLOT_NOBODY);
    pcie_slot_reset(&s, true);
    g_assert_cmpint(pcie_slot_request(&s, true, 0), ==, PCIE_SLOT_NOBODY);
    g_assert_cmphex(s.status, ==, PCI_EXP_SLTSTA_PDS);
}

static void test_card_comes_and_goes(void)
{
    PcieSlot s;

    pcie_slot_reset(&s, false);
    pcie_slot_write_control(&s, LISTENS | OFF | CUT);
    pcie_slot_insert(&s);
    g_assert_cmphex(s.status, ==,
                    PCI_EXP_SLTSTA_PDS | PCI_EXP_SLTSTA_PDC |
                        PCI_EXP_SLTSTA_DLLSC);
    g_assert_true(s.link && !pcie_slot_has_power(&s));
    g_assert_true(pcie_slot_interrupt(&s));
    pcie_slot_write_status(&s, UINT16_MAX);
    g_assert_cmphex(s.status, ==, PCI_EXP_SLTSTA_PDS);
    g_assert_false(pcie_slot_interrupt(&s));
    pcie_slot_write_control(&s, LISTENS | ON);
    g_assert_true(pcie_slot_has_power(&s));
    g_assert_cmphex(s.status, ==, PCI_EXP_SLTSTA_PDS);
    pcie_slot_remove(&s);
    g_assert_cmphex(s.status, ==, PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC);
}

/* Slot control at the time when a card comes: no driver, one that has just
 * begun, one that has switched an empty slot on, one without a button. */
static const uint16_t listeners[] = {
    0,
    LISTENS | OFF | CUT,
    LISTENS | ON,
    PCI_EXP_SLTCTL_PDCE | PCI_EXP_SLTCTL_HPIE | ON,
};

static void test_card_waits_for_power_whoever_listens(void)
{
    const uint16_t off = OFF | CUT;

    for (unsigned i = 0; i < G_N_ELEMENTS(listeners); i++) {
        PcieSlot s;

        pcie_slot_reset(&s, false);
        pcie_slot_write_control(&s, listeners[i]);
        pcie_slot_insert(&s);
        g_assert_false(pcie_slot_has_power(&s));
        g_assert_cmphex(s.control & (PCI_EXP_SLTCTL_PIC | PCI_EXP_SLTCTL_PCC),
                        ==, off);
        g_assert_cmphex(s.status, ==,
                        PCI_EXP_SLTSTA_PDS | PCI_EXP_SLTSTA_PDC |
                            PCI_EXP_SLTSTA_DLLSC);
        pcie_slot_write_control(&s, LISTENS | ON);
        g_assert_true(pcie_slot_has_power(&s));
    }
}

static void test_slot_that_is_emptied_is_off(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(listeners); i++) {
        PcieSlot s;

        pcie_slot_reset(&s, true);
        pcie_slot_write_control(&s, listeners[i]);
        pcie_slot_remove(&s);
        g_assert_false(pcie_slot_has_power(&s) || s.link);
    }
}

static void test_card_that_goes_unseen_asks_nobody(void)
{
    PcieSlot s;

    pcie_slot_reset(&s, false);
    pcie_slot_insert(&s);
    g_assert_cmpint(pcie_slot_request(&s, true, 0), ==, PCIE_SLOT_NOBODY);
    pcie_slot_write_control(&s, LISTENS | OFF | CUT);
    g_assert_cmpint(pcie_slot_request(&s, true, 0), ==, PCIE_SLOT_NOBODY);
    pcie_slot_remove(&s);
    g_assert_cmphex(s.status & PCI_EXP_SLTSTA_PDS, ==, 0);
    pcie_slot_insert(&s);
    pcie_slot_write_control(&s, LISTENS | ON);
    g_assert_true(pcie_slot_has_power(&s) && s.link);
}

static void test_interrupt_needs_its_enables(void)
{
    static const struct {
        uint16_t control, status;
        bool interrupt;
    } rows[] = {
        { PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_ABPE, PCI_EXP_SLTSTA_ABP, true },
        { PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_PDCE, PCI_EXP_SLTSTA_PDC, true },
        { PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_DLLSCE, PCI_EXP_SLTSTA_DLLSC,
          true },
        { PCI_EXP_SLTCTL_ABPE, PCI_EXP_SLTSTA_ABP, false },
        { PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_ABPE, PCI_EXP_SLTSTA_PDC,
          false },
        { PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_PDCE, PCI_EXP_SLTSTA_DLLSC,
          false },
        { PCI_EXP_SLTCTL_HPIE, PCI_EXP_SLTSTA_ABP, false },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        PcieSlot s = { .control = rows[i].control, .status = rows[i].status };

        g_assert_cmpint(pcie_slot_interrupt(&s), ==, rows[i].interrupt);
    }
}

static void test_control_keeps_what_a_guest_cannot_write(void)
{
    PcieSlot s = full_slot();

    pcie_slot_write_control(&s, UINT16_MAX);
    g_assert_cmphex(s.control, ==, 0x17eb);
}

/* --- the port --- */

typedef struct TestFunction {
    PciDevice pci;
    MemoryRegion mem;
    unsigned resets;
} TestFunction;

static uint64_t region_read(void *opaque, uint64_t offset, unsigned size)
{
    return 0x40 + offset;
}

static void region_write(void *opaque, uint64_t offset, uint64_t value,
                         unsigned size)
{
}

static const MemoryRegionOps region_ops = { region_read, region_write };

static TestFunction *function_from(Device *dev)
{
    return container_of(pci_device_from(dev), TestFunction, pci);
}

static bool test_realize(Device *dev, GError **errp)
{
    static const PciIdentity id = { .vendor = 0x1234,
                                    .device = 0x5678,
                                    .class_code = 0x0100 };
    TestFunction *t = function_from(dev);

    pci_device_init(&t->pci, &id, &pci_default_ops);
    t->pci.state.config[PCI_INTERRUPT_PIN] = 1;
    memory_region_init(&t->mem, "mem", &region_ops, t, 4 * KiB);
    pci_register_bar(&t->pci, 0, 0, &t->mem);
    return pci_device_plug(&t->pci, errp);
}

static void test_unrealize(Device *dev)
{
    pci_device_unplug(pci_device_from(dev));
}

static void test_reset(Device *dev)
{
    function_from(dev)->resets++;
    pci_device_reset(pci_device_from(dev));
}

static const DeviceType test_type = {
    .name = "test-pci",
    .bus = BUS_PCI,
    .size = sizeof(TestFunction),
    .bus_props = pci_bus_props,
    .user_creatable = true,
    .realize = test_realize,
    .unrealize = test_unrealize,
    .reset = test_reset,
};

typedef struct Fixture {
    Machine *m;
    Mch *host;
    PcieRootPort *port; /* 00:03.0, id "pci.1", no function behind it */
    bool intx[PCI_DEVFN_MAX][4];
} Fixture;

static void set_intx(void *opaque, uint8_t devfn, unsigned pin, bool level)
{
    Fixture *f = opaque;

    f->intx[devfn][pin] = level;
}

static Device *add(Fixture *f, const DeviceType *type, const char *text,
                   GError **errp)
{
    auto_json *opts = keyval_parse(text, "driver", NULL);
    Device *dev = device_new(&f->m->tree, type);

    if (!device_configure(dev, opts, errp) || !device_realize(dev, errp)) {
        device_free(dev);
        return NULL;
    }
    return dev;
}

static void refuse(Fixture *f, const DeviceType *type, const char *text,
                   const char *message)
{
    g_autoptr(GError) err = NULL;

    g_assert_null(add(f, type, text, &err));
    g_assert_cmpstr(err->message, ==, message);
}

static TestFunction *add_behind(Fixture *f, const char *text)
{
    Device *dev = add(f, &test_type, text, NULL);

    g_assert_nonnull(dev);
    return function_from(dev);
}

static PcieRootPort *add_port(Fixture *f, const char *text)
{
    Device *dev = add(f, &pcie_root_port_type, text, NULL);

    g_assert_nonnull(dev);
    return container_of(pci_device_from(dev), PcieRootPort, pci);
}

static void set_up(Fixture *f, gconstpointer data)
{
    f->m = fake_machine_new();
    f->host = mch_new(f->m, NULL);
    f->host->root.set_intx = set_intx;
    f->host->root.opaque = f;
    mch_setup_ecam(f->host, ECAM);
    f->port = add_port(f, "pcie-root-port,id=pci.1,addr=3,slot=5,port=7");
    device_reset(&f->port->pci.dev);
    f->m->run_state = RUN_STATE_RUNNING;
}

static void tear_down(Fixture *f, gconstpointer data)
{
    fake_machine_free(f->m);
}

static uint64_t at(unsigned bus, unsigned devfn, unsigned reg)
{
    return ECAM + bus * MiB + (devfn << 12) + reg;
}

static uint32_t get(Fixture *f, uint64_t addr, unsigned size)
{
    return (uint32_t)address_space_read(&f->m->memory, addr, size);
}

static void set(Fixture *f, uint64_t addr, uint32_t value, unsigned size)
{
    address_space_write(&f->m->memory, addr, value, size);
}

static uint64_t port_reg(unsigned reg)
{
    return at(0, PCI_DEVFN(3, 0), reg);
}

static uint64_t exp_reg(Fixture *f, unsigned reg)
{
    return port_reg(f->port->exp_cap + reg);
}

static void set_buses(Fixture *f, unsigned secondary, unsigned subordinate)
{
    set(f, port_reg(PCI_SECONDARY_BUS), secondary, 1);
    set(f, port_reg(PCI_SUBORDINATE_BUS), subordinate, 1);
}

static void control(Fixture *f, uint16_t value)
{
    set(f, exp_reg(f, PCI_EXP_SLTCTL), LISTENS | value, 2);
}

static void test_port_header(Fixture *f, gconstpointer data)
{
    g_assert_cmphex(get(f, port_reg(PCI_VENDOR_ID), 4), ==, 0x000c1b36);
    g_assert_cmphex(get(f, port_reg(PCI_CLASS_DEVICE), 2), ==, 0x0604);
    g_assert_cmphex(get(f, port_reg(PCI_HEADER_TYPE), 1), ==, 1);
    g_assert_cmphex(get(f, exp_reg(f, PCI_EXP_FLAGS), 2), ==, 0x0142);
    g_assert_cmphex(get(f, exp_reg(f, PCI_EXP_SLTCAP), 4), ==,
                    5u << 19 | 0x0004007b);
    g_assert_cmphex(get(f, exp_reg(f, PCI_EXP_LNKCAP), 4) >> 24, ==, 7);
    set(f, port_reg(PCI_MEMORY_BASE), 0xffffffff, 4);
    g_assert_cmphex(get(f, port_reg(PCI_MEMORY_BASE), 4), ==, 0xfff0fff0);
    set(f, port_reg(PCI_PREF_MEMORY_BASE), 0xffffffff, 4);
    g_assert_cmphex(get(f, port_reg(PCI_PREF_MEMORY_BASE), 4), ==, 0xfff1fff1);
    set(f, port_reg(PCI_IO_BASE), 0xffff, 2);
    g_assert_cmphex(get(f, port_reg(PCI_IO_BASE), 2), ==, 0xf0f0);
    g_assert_cmphex(get(f, port_reg(0x100), 4), ==, 0);
    g_assert_cmpuint(pci_bus_count(&f->host->root), ==, 2);
}

static void test_config_follows_bus_numbers(Fixture *f, gconstpointer data)
{
    add_behind(f, "test-pci,bus=pci.1");
    device_reset(&f->port->pci.dev);
    g_assert_cmphex(get(f, at(1, 0, 0), 4), ==, 0xffffffff);
    set_buses(f, 1, 0);
    g_assert_cmphex(get(f, at(1, 0, 0), 4), ==, 0xffffffff);
    set_buses(f, 1, 1);
    g_assert_cmphex(get(f, at(1, 0, 0), 4), ==, 0x56781234);
    g_assert_cmphex(get(f, at(1, PCI_DEVFN(1, 0), 0), 4), ==, 0xffffffff);
    g_assert_cmphex(get(f, at(2, 0, 0), 4), ==, 0xffffffff);
    set_buses(f, 9, 12);
    g_assert_cmphex(get(f, at(1, 0, 0), 4), ==, 0xffffffff);
    g_assert_cmphex(get(f, at(10, 0, 0), 4), ==, 0xffffffff);
    address_space_write(&f->m->io, 0xcf8, 0x80090000, 4);
    g_assert_cmphex(address_space_read(&f->m->io, 0xcfc, 4), ==, 0x56781234);
}

static void test_bar_behind_follows_power(Fixture *f, gconstpointer data)
{
    TestFunction *t = add_behind(f, "test-pci,bus=pci.1");

    device_reset(&f->port->pci.dev);
    set_buses(f, 1, 1);
    set(f, at(1, 0, PCI_BASE_ADDRESS_0), BAR, 4);
    set(f, at(1, 0, PCI_COMMAND), PCI_COMMAND_MEMORY, 2);
    g_assert_cmphex(get(f, BAR + 2, 1), ==, 0x42);
    g_assert_cmphex(pci_requester_id(&t->pci), ==, 0x100);
    control(f, OFF | CUT);
    g_assert_cmphex(get(f, BAR + 2, 1), ==, 0xff);
    g_assert_cmphex(get(f, at(1, 0, 0), 4), ==, 0xffffffff);
    g_assert_cmpuint(t->resets, ==, 1);
    g_assert_false(t->pci.dev.ejected);
    control(f, ON);
    g_assert_cmphex(get(f, at(1, 0, 0), 4), ==, 0x56781234);
    g_assert_cmphex(get(f, at(1, 0, PCI_COMMAND), 2), ==, 0);
}

static void test_secondary_bus_reset(Fixture *f, gconstpointer data)
{
    TestFunction *t = add_behind(f, "test-pci,bus=pci.1");

    device_reset(&f->port->pci.dev);
    set_buses(f, 1, 1);
    set(f, at(1, 0, PCI_COMMAND), PCI_COMMAND_MEMORY, 2);
    set(f, port_reg(PCI_BRIDGE_CONTROL), PCI_BRIDGE_CTL_BUS_RESET, 2);
    g_assert_cmphex(get(f, at(1, 0, 0), 4), ==, 0xffffffff);
    set(f, port_reg(PCI_BRIDGE_CONTROL), 0, 2);
    g_assert_cmphex(get(f, at(1, 0, 0), 4), ==, 0x56781234);
    g_assert_cmphex(get(f, at(1, 0, PCI_COMMAND), 2), ==, 0);
    g_assert_cmpuint(t->resets, ==, 1);
}

static void test_intx_behind_joins_the_ports_own(Fixture *f, gconstpointer data)
{
    const uint8_t devfn = PCI_DEVFN(3, 0);
    TestFunction *one = add_behind(f, "test-pci,bus=pci.1,addr=0.1");
    TestFunction *zero = add_behind(
        f, "test-pci,bus=pci.1,addr=0,multifunction=on");

    pci_set_intx(&zero->pci, true);
    g_assert_true(f->intx[devfn][0]);
    pci_set_intx(&one->pci, true);
    pci_set_intx(&zero->pci, false);
    g_assert_true(f->intx[devfn][0]);
    pci_set_intx(&f->port->pci, true);
    pci_set_intx(&one->pci, false);
    g_assert_true(f->intx[devfn][0]);
    /* The port's own disable bit is not for what is behind it. */
    set(f, port_reg(PCI_COMMAND), PCI_COMMAND_INTX_DISABLE, 2);
    g_assert_false(f->intx[devfn][0]);
    pci_set_intx(&one->pci, true);
    g_assert_true(f->intx[devfn][0]);
    pci_set_intx(&one->pci, false);
    g_assert_false(f->intx[devfn][0]);
    g_assert_false(f->intx[devfn][1]);
}

static void plug(Fixture *f, TestFunction *t)
{
    Bus *bus = t->pci.dev.bus;

    bus->hotplug->plugged(bus, &t->pci.dev);
}

static void test_hotplug_interrupts_by_intx(Fixture *f, gconstpointer data)
{
    const uint8_t devfn = PCI_DEVFN(3, 0);

    control(f, OFF | CUT);
    g_assert_false(f->intx[devfn][0]);
    plug(f, add_behind(f, "test-pci,bus=pci.1"));
    g_assert_true(f->intx[devfn][0]);
    g_assert_cmphex(get(f, exp_reg(f, PCI_EXP_SLTSTA), 2), ==, 0x148);
    g_assert_cmphex(
        get(f, exp_reg(f, PCI_EXP_LNKSTA), 2) & PCI_EXP_LNKSTA_DLLLA, !=, 0);
    set(f, exp_reg(f, PCI_EXP_SLTSTA), 0x148, 2);
    g_assert_false(f->intx[devfn][0]);
}

static void test_hotplug_interrupts_by_message(Fixture *f, gconstpointer data)
{
    set(f, port_reg(PCI_BASE_ADDRESS_0), MSIX, 4);
    set(f, port_reg(PCI_COMMAND), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
    set(f, MSIX, 0xfee00000, 4);
    set(f, MSIX + 8, 0x41, 4);
    set(f, MSIX + 12, 0, 4);
    set(f, port_reg(f->port->pci.msix->cap + PCI_MSIX_FLAGS),
        PCI_MSIX_FLAGS_ENABLE, 2);
    control(f, OFF | CUT);
    plug(f, add_behind(f, "test-pci,bus=pci.1"));
    g_assert_cmpuint(fake.n_sent, ==, 1);
    g_assert_cmphex(fake.sent[0].data, ==, 0x41);
    g_assert_cmphex(fake.sent[0].requester_id, ==, PCI_DEVFN(3, 0));
    g_assert_false(f->intx[PCI_DEVFN(3, 0)][0]);
    /* No further message before all events were cleared. */
    set(f, exp_reg(f, PCI_EXP_SLTSTA), PCI_EXP_SLTSTA_PDC, 2);
    control(f, ON);
    control(f, ON | CUT);
    g_assert_cmpuint(fake.n_sent, ==, 1);
    set(f, exp_reg(f, PCI_EXP_SLTSTA), PCI_EXP_SLTSTA_DLLSC, 2);
    control(f, ON);
    g_assert_cmpuint(fake.n_sent, ==, 2);
}

/* A guest that boots: its scan of the buses is over, or goes on, when the card
 * comes, and its hotplug driver takes the slot later. */
static void test_card_is_unseen_until_the_slot_is_on(Fixture *f,
                                                     gconstpointer data)
{
    set_buses(f, 1, 1);
    plug(f, add_behind(f, "test-pci,bus=pci.1"));
    g_assert_cmphex(get(f, at(1, 0, 0), 4), ==, 0xffffffff);
    g_assert_cmphex(get(f, exp_reg(f, PCI_EXP_SLTCTL), 2) & PCI_EXP_SLTCTL_PCC,
                    ==, PCI_EXP_SLTCTL_PWR_OFF);
    g_assert_cmphex(get(f, exp_reg(f, PCI_EXP_SLTSTA), 2), ==, 0x148);
    control(f, ON);
    g_assert_cmphex(get(f, at(1, 0, 0), 4), ==, 0x56781234);
}

/* The hotplug driver is taken off the port and comes back, as by sysfs. */
static void test_card_comes_while_the_driver_is_away(Fixture *f,
                                                     gconstpointer data)
{
    set_buses(f, 1, 1);
    control(f, OFF | CUT);
    set(f, exp_reg(f, PCI_EXP_SLTCTL), PCI_EXP_SLTCTL_ATTN_IND_OFF | OFF | CUT,
        2);
    plug(f, add_behind(f, "test-pci,bus=pci.1"));
    g_assert_cmphex(get(f, at(1, 0, 0), 4), ==, 0xffffffff);
    control(f, OFF | CUT);
    g_assert_true(f->intx[PCI_DEVFN(3, 0)][0]);
    control(f, ON);
    g_assert_cmphex(get(f, at(1, 0, 0), 4), ==, 0x56781234);
}

/* Nobody has run: it is as a card of the command line. */
static void test_card_is_on_before_the_guest_begins(Fixture *f,
                                                    gconstpointer data)
{
    f->m->run_state = RUN_STATE_PRELAUNCH;
    plug(f, add_behind(f, "test-pci,bus=pci.1"));
    set_buses(f, 1, 1);
    g_assert_cmphex(get(f, at(1, 0, 0), 4), ==, 0x56781234);
    g_assert_cmphex(get(f, exp_reg(f, PCI_EXP_SLTSTA), 2), ==,
                    PCI_EXP_SLTSTA_PDS);
}

/* A reset begins anew: what is plugged is as on the command line. */
static void test_unseen_card_is_on_after_a_reset(Fixture *f, gconstpointer data)
{
    plug(f, add_behind(f, "test-pci,bus=pci.1"));
    device_reset(&f->port->pci.dev);
    set_buses(f, 1, 1);
    g_assert_cmphex(get(f, at(1, 0, 0), 4), ==, 0x56781234);
    g_assert_cmphex(get(f, exp_reg(f, PCI_EXP_SLTSTA), 2), ==,
                    PCI_EXP_SLTSTA_PDS);
}

static void test_events_enabled_late_interrupt(Fixture *f, gconstpointer data)
{
    plug(f, add_behind(f, "test-pci,bus=pci.1"));
    g_assert_false(f->intx[PCI_DEVFN(3, 0)][0]);
    control(f, ON);
    g_assert_true(f->intx[PCI_DEVFN(3, 0)][0]);
    /* By a dword that has slot control in its lower half. */
    set(f, exp_reg(f, PCI_EXP_SLTCTL), 0x01480000 | LISTENS | ON, 4);
    g_assert_false(f->intx[PCI_DEVFN(3, 0)][0]);
    g_assert_cmphex(get(f, exp_reg(f, PCI_EXP_SLTCTL), 2), ==, LISTENS | ON);
}

static void test_places_that_are_refused(Fixture *f, gconstpointer data)
{
    refuse(f, &test_type, "test-pci,bus=pci.1,addr=1",
           "test-pci: PCI address 01.0: bus 'pci.1' has slot 0 only; give "
           "another addr= or bus=");
    refuse(f, &pcie_root_port_type, "pcie-root-port,slot=5",
           "pcie-root-port: chassis 0 and slot 5 are those of 'pci.1': give "
           "another chassis= or slot=");
    refuse(f, &pcie_root_port_type, "pcie-root-port,bus=pci.1,chassis=1",
           "pcie-root-port: bus 'pci.1' is behind a root port: a root port "
           "plugs into the root bus, bus=pcie.0");
    refuse(f, &pcie_root_port_type, "pcie-root-port,id=pcie.0,chassis=1",
           "pcie-root-port: there is a bus 'pcie.0': give another id=");
    refuse(f, &pcie_root_port_type, "pcie-root-port,slot=8192",
           "pcie-root-port: property 'slot' cannot be '8192': a number from 0 "
           "to 8191 is expected");
    add_port(f, "pcie-root-port,slot=8191");
    g_assert_nonnull(device_tree_find_bus(&f->m->tree, "pcie.1", BUS_PCI));
    add_behind(f, "test-pci,bus=pci.1,id=full");
    f->m->tree.started = true;
    refuse(f, &test_type, "test-pci,bus=pci.1",
           "test-pci: slot 0 of bus 'pci.1' is taken by 'full'; a further "
           "function is added before function 0");
    f->m->tree.started = false;
}

static void test_slot_without_hotplug_is_always_on(Fixture *f,
                                                   gconstpointer data)
{
    PcieRootPort *port = add_port(f, "pcie-root-port,id=fixed,hotplug=off,"
                                     "chassis=1,addr=4");
    uint64_t cap = at(0, PCI_DEVFN(4, 0), port->exp_cap);

    device_reset(&port->pci.dev);
    g_assert_null(port->secondary.bus.hotplug);
    g_assert_false(port->secondary.off);
    g_assert_cmphex(get(f, cap + PCI_EXP_SLTCAP, 4) & PCI_EXP_SLTCAP_HPC, ==,
                    0);
    set(f, cap + PCI_EXP_SLTCTL, UINT16_MAX, 2);
    g_assert_false(port->secondary.off);
}

#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcie/slot/reset", test_reset_gives_power_to_a_full_slot);
    g_test_add_func("/pcie/slot/answers", test_guest_answers_a_request);
    g_test_add_func("/pcie/slot/unasked",
                    test_guest_that_cuts_power_unasked_keeps_the_card);
    g_test_add_func("/pcie/slot/again",
                    test_request_is_refused_while_the_guest_thinks);
    g_test_add_func("/pcie/slot/nobody",
                    test_nobody_is_asked_where_nobody_listens);
    g_test_add_func("/pcie/slot/card", test_card_comes_and_goes);
    g_test_add_func("/pcie/slot/waits",
                    test_card_waits_for_power_whoever_listens);
    g_test_add_func("/pcie/slot/emptied", test_slot_that_is_emptied_is_off);
    g_test_add_func("/pcie/slot/unseen",
                    test_card_that_goes_unseen_asks_nobody);
    g_test_add_func("/pcie/slot/interrupt", test_interrupt_needs_its_enables);
    g_test_add_func("/pcie/slot/read-only",
                    test_control_keeps_what_a_guest_cannot_write);
    ADD("/pcie/port/header", test_port_header);
    ADD("/pcie/port/bus-numbers", test_config_follows_bus_numbers);
    ADD("/pcie/port/power", test_bar_behind_follows_power);
    ADD("/pcie/port/bus-reset", test_secondary_bus_reset);
    ADD("/pcie/port/intx", test_intx_behind_joins_the_ports_own);
    ADD("/pcie/port/hotplug-intx", test_hotplug_interrupts_by_intx);
    ADD("/pcie/port/hotplug-message", test_hotplug_interrupts_by_message);
    ADD("/pcie/port/unseen", test_card_is_unseen_until_the_slot_is_on);
    ADD("/pcie/port/rebind", test_card_comes_while_the_driver_is_away);
    ADD("/pcie/port/prelaunch", test_card_is_on_before_the_guest_begins);
    ADD("/pcie/port/unseen-reset", test_unseen_card_is_on_after_a_reset);
    ADD("/pcie/port/late-enable", test_events_enabled_late_interrupt);
    ADD("/pcie/port/refused", test_places_that_are_refused);
    ADD("/pcie/port/no-hotplug", test_slot_without_hotplug_is_always_on);
    return g_test_run();
}
