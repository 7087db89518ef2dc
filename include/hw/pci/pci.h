/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI devices: configuration space with write masks, BARs that move when the
 * guest programs them, capabilities, INTx.
 *
 * A device type on this bus embeds PciDevice first. Its realize fills the
 * identity and the BARs and then calls pci_device_plug(); a guest access to
 * configuration space goes through ops->config_read/config_write, which a
 * device replaces only to add side effects around the default ones.
 *
 * Register numbers and bits come from <linux/pci_regs.h>. All functions need
 * the machine lock.
 */
#ifndef HW_PCI_PCI_H
#define HW_PCI_PCI_H

#include "hw/core/device.h"
#include "hw/core/irq.h"
#include "system/memory.h"

#include <linux/pci_regs.h>

#define PCI_CONFIG_SIZE   256
#define PCIE_CONFIG_SIZE  4096
#define PCI_SLOTS_MAX     32
#define PCI_FUNCTIONS_MAX 8
#define PCI_DEVFN_MAX     256
#define PCI_BARS_MAX      6
#define PCI_HOOKED_MAX    4 /* capabilities of a device with hooks */

#define PCI_DEVFN(slot, fn) ((uint8_t)(((slot) << 3) | (fn)))
#define PCI_SLOT(devfn)     ((devfn) >> 3)
#define PCI_FUNC(devfn)     ((devfn)&7)

typedef struct PciDevice PciDevice;
typedef struct PciBus PciBus;

typedef struct PciDeviceOps {
    /* @len is 1, 2 or 4, naturally aligned, within the device's space. */
    uint32_t (*config_read)(PciDevice *dev, uint32_t addr, unsigned len);
    void (*config_write)(PciDevice *dev, uint32_t addr, uint32_t value,
                         unsigned len);
    /* pci_may_master() may have another answer now. It may release the lock,
     * and the device may be gone when it returns. NULL: the device writes no
     * memory but its MSI-X messages. */
    void (*master_changed)(PciDevice *dev);
} PciDeviceOps;

/*
 * What a capability does beyond holding its bytes. A device without any of a
 * hook has NULL there.
 */
typedef struct PciCapabilityOps {
    /* Before the guest reads from it, for what is read elsewhere; @addr and
     * @len as in config_read. */
    void (*before_read)(PciDevice *dev, uint32_t addr, unsigned len);
    /* After the guest wrote to it. */
    void (*written)(PciDevice *dev, uint32_t addr, unsigned len);
    /* pci_may_master() may have another answer now. */
    void (*master_changed)(PciDevice *dev);
    /* At the end of pci_device_reset(): its bytes are those of the plug. */
    void (*reset)(PciDevice *dev);
} PciCapabilityOps;

/* A capability that has hooks. */
typedef struct PciCapability {
    const PciCapabilityOps *ops;
    uint16_t offset, size; /* in configuration space */
} PciCapability;

typedef struct Msix Msix; /* hw/pci/msix.h */

typedef struct PciBar {
    MemoryRegion *region; /* borrowed from the device; NULL: no such BAR */
    uint8_t type;         /* PCI_BASE_ADDRESS_* flag bits */
} PciBar;

/* What the guest sees and has made of the function: all there is to save. BARs
 * follow from config, and so does MSI-X but for MsixState (hw/pci/msix.h). */
typedef struct PciDeviceState {
    uint8_t config[PCIE_CONFIG_SIZE];
    bool irq_level;      /* of its INTx pin */
    uint8_t intx_behind; /* a bridge: pins that devices behind it drive */
    bool was_master;     /* bus mastering was on since the last reset */
} PciDeviceState;

struct PciDevice {
    Device dev;
    PciDeviceState state;
    const PciDeviceOps *ops;
    PciBus *bus;        /* valid once plugged */
    int32_t addr;       /* property: wanted devfn, or -1 */
    bool multifunction; /* property */
    char *romfile;      /* property; NULL or empty: there is no ROM */
    uint32_t rombar;    /* property, without effect */
    uint8_t devfn;      /* valid once plugged */
    bool plugged;
    bool is_express;                       /* has the 4 KiB space */
    uint8_t wmask[PCIE_CONFIG_SIZE];       /* bits the guest can write */
    uint8_t w1cmask[PCIE_CONFIG_SIZE];     /* bits a written 1 clears */
    uint8_t reset_value[PCIE_CONFIG_SIZE]; /* config at plug, for reset */
    uint16_t cap_end;                      /* where the next capability goes */
    PciBar bars[PCI_BARS_MAX];
    PciBus *secondary; /* a bridge: its other side, embedded; else NULL */
    PciCapability hooked[PCI_HOOKED_MAX];
    unsigned n_hooked;
    Msix *msix; /* owned by msix.c; NULL: none */
};

struct PciBus {
    Bus bus;
    Machine *machine;
    PciDevice *bridge; /* that leads here; NULL: a root bus, number 0 */
    unsigned n_slots;  /* that exist; PCI_SLOTS_MAX */
    bool off;          /* behind a slot without power: nothing answers */
    PciDevice *devices[PCI_DEVFN_MAX]; /* borrowed */
    /* Where INTx pin 0-3 of each device goes; set by the board. Level is the
     * wired OR, which the receiver keeps. */
    void (*set_intx)(void *opaque, uint8_t devfn, unsigned pin, bool level);
    void *opaque;
};

/* Properties of every PCI device: addr, multifunction, romfile, rombar. */
extern const Property pci_bus_props[];

/* The default ops. */
uint32_t pci_config_read(PciDevice *dev, uint32_t addr, unsigned len);
void pci_config_write(PciDevice *dev, uint32_t addr, uint32_t value,
                      unsigned len);
extern const PciDeviceOps pci_default_ops;

/* A root bus; @name is borrowed. */
void pci_bus_init(PciBus *bus, Machine *machine, const char *name);
void pci_bus_finish(PciBus *bus);

/* The bus that configuration accesses to bus @number reach from @root by the
 * bridges' secondary and subordinate bus numbers (PCI-to-PCI Bridge 1.2,
 * 3.2.5.4), or NULL. There are no bridges behind bridges. */
PciBus *pci_bus_find(PciBus *root, unsigned number);

/* How many buses there are, bridges' ones included. */
unsigned pci_bus_count(const PciBus *root);
/* The last number that the guest has given to one of them. */
unsigned pci_bus_last(const PciBus *root);

/* Of @dev, plugged: the number that the guest has given its bus << 8 | devfn. */
uint16_t pci_requester_id(const PciDevice *dev);

/* The bus that @dev plugs into; valid once it is configured. */
static inline PciBus *pci_bus_of(const PciDevice *dev)
{
    return container_of(dev->dev.bus, PciBus, bus);
}

typedef struct PciIdentity {
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint16_t class_code; /* base class << 8 | subclass */
    uint8_t prog_if, revision;
} PciIdentity;

/* First step of a realize: zeroes configuration space and writes the header. */
void pci_device_init(PciDevice *dev, const PciIdentity *id,
                     const PciDeviceOps *ops);
/* Last step: finds a place on dev->dev.bus (property addr, else the first free
 * slot), and lets the guest see the device. Undone by pci_device_unplug(). */
bool pci_device_plug(PciDevice *dev, GError **errp);
/* Takes the device off the bus; fine if it is not plugged. */
void pci_device_unplug(PciDevice *dev);
/* Configuration space back to what it was when plugged, BARs unmapped, INTx
 * low, MSI-X off. Part of the device's reset. */
void pci_device_reset(PciDevice *dev);

/* BAR @n shows @region, whose size is a power of two >= 16; @type is a
 * combination of PCI_BASE_ADDRESS_MEM_TYPE_64, _MEM_PREFETCH and _SPACE_IO. A
 * 64-bit BAR takes n and n + 1. */
void pci_register_bar(PciDevice *dev, unsigned n, uint8_t type,
                      MemoryRegion *region);

/* Adds a capability of @size bytes with id @cap_id and returns its offset; its
 * two first bytes are filled in, the rest is zero and read-only. @ops, which
 * may be NULL, are called with it. */
unsigned pci_add_capability(PciDevice *dev, uint8_t cap_id, unsigned size,
                            const PciCapabilityOps *ops);

/* Whether the device may read and write memory, which its MSI-X messages are,
 * too: bus mastering is on in it and in the bridge before it, and its slot has
 * power (PCI 3.0, 6.2.2; PCI Express 5.0, 7.5.1.1.3). A bridge that was no bus
 * master since the last reset stops nothing: firmware forgets to make it one.
 * INTx needs none. */
bool pci_may_master(const PciDevice *dev);
/* After that has changed for @dev: brings it, and for a bridge all that is
 * behind, in line. May release the lock. */
void pci_master_changed(PciDevice *dev);

/* Drives the device's INTx pin (PCI_INTERRUPT_PIN must be set); obeys
 * PCI_COMMAND_INTX_DISABLE. */
void pci_set_intx(PciDevice *dev, bool level);

/* Devices behind @bridge drive pin @pin (0 = INTA), or do so no more: what its
 * own function drives comes on top. */
void pci_forward_intx(PciDevice *bridge, unsigned pin, bool level);

/* Little-endian fields of config, wmask ... */
static inline uint16_t pci_get_word(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}
static inline uint32_t pci_get_long(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}
static inline void pci_set_word(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}
static inline void pci_set_long(uint8_t *p, uint32_t v)
{
    pci_set_word(p, (uint16_t)v);
    pci_set_word(p + 2, (uint16_t)(v >> 16));
}

static inline PciDevice *pci_device_from(Device *dev)
{
    return container_of(dev, PciDevice, dev);
}

#endif
