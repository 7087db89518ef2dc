/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/virtio/virtio-pci-int.h"
#include "hw/pci/pcie.h"
#include "util/error.h"
#include "util/log.h"

#include <linux/virtio_pci.h>

#define PCI_VENDOR_ID_REDHAT_QUMRANET 0x1af4
#define VIRTIO_PCI_DEVICE_ID_BASE     0x1040 /* specification 4.1.2.1 */

static_assert(offsetof(struct virtio_pci_common_cfg, queue_enable) ==
                  VIRTIO_PCI_COMMON_Q_ENABLE,
              "virtio 1.2, 4.1.4.3");
static_assert(offsetof(struct virtio_pci_common_cfg, queue_used_hi) ==
                  VIRTIO_PCI_COMMON_Q_USEDHI,
              "virtio 1.2, 4.1.4.3");
static_assert(sizeof(struct virtio_pci_cap) == 16, "virtio 1.2, 4.1.4");

static VirtIOPCIProxy *proxy_from(Device *dev)
{
    return container_of(pci_device_from(dev), VirtIOPCIProxy, pci);
}

/* --- common configuration, 4.1.4.3 --- */

static VirtQueue *selected_queue(const VirtIOPCIProxy *proxy)
{
    VirtIODevice *vdev = virtio_pci_vdev(proxy);

    return proxy->state.queue_select < vdev->n_queues
               ? &vdev->queues[proxy->state.queue_select]
               : NULL;
}

static uint32_t half(uint64_t value, uint32_t select)
{
    return select < 2 ? (uint32_t)(value >> (32 * select)) : 0;
}

static void set_half(uint64_t *value, uint32_t select, uint32_t v)
{
    if (select < 2) {
        *value &= ~((uint64_t)UINT32_MAX << (32 * select));
        *value |= (uint64_t)v << (32 * select);
    }
}

static uint32_t common_read_queue(const VirtIOPCIProxy *proxy, unsigned offset)
{
    const VirtQueue *q = selected_queue(proxy);

    if (!q) {
        return offset == VIRTIO_PCI_COMMON_Q_MSIX ? MSIX_NO_VECTOR : 0;
    }
    switch (offset) {
    case VIRTIO_PCI_COMMON_Q_SIZE:
        return q->state.size;
    case VIRTIO_PCI_COMMON_Q_MSIX:
        return proxy->state.vectors[proxy->state.queue_select];
    case VIRTIO_PCI_COMMON_Q_ENABLE:
        return q->state.enabled;
    case VIRTIO_PCI_COMMON_Q_NOFF:
        return proxy->state.queue_select;
    case VIRTIO_PCI_COMMON_Q_DESCLO:
    case VIRTIO_PCI_COMMON_Q_DESCHI:
        return half(q->state.desc, (offset - VIRTIO_PCI_COMMON_Q_DESCLO) / 4);
    case VIRTIO_PCI_COMMON_Q_AVAILLO:
    case VIRTIO_PCI_COMMON_Q_AVAILHI:
        return half(q->state.driver,
                    (offset - VIRTIO_PCI_COMMON_Q_AVAILLO) / 4);
    case VIRTIO_PCI_COMMON_Q_USEDLO:
    case VIRTIO_PCI_COMMON_Q_USEDHI:
        return half(q->state.device, (offset - VIRTIO_PCI_COMMON_Q_USEDLO) / 4);
    default:
        return 0;
    }
}

/* The whole register at @offset. */
static uint32_t common_read_register(const VirtIOPCIProxy *proxy,
                                     unsigned offset)
{
    const VirtIODevice *vdev = virtio_pci_vdev(proxy);

    switch (offset) {
    case VIRTIO_PCI_COMMON_DFSELECT:
        return proxy->state.device_feature_select;
    case VIRTIO_PCI_COMMON_DF:
        return half(vdev->host_features, proxy->state.device_feature_select);
    case VIRTIO_PCI_COMMON_GFSELECT:
        return proxy->state.driver_feature_select;
    case VIRTIO_PCI_COMMON_GF:
        return half(vdev->state.guest_features,
                    proxy->state.driver_feature_select);
    case VIRTIO_PCI_COMMON_MSIX:
        return proxy->state.vectors[vdev->n_queues];
    case VIRTIO_PCI_COMMON_NUMQ:
        return vdev->n_queues;
    case VIRTIO_PCI_COMMON_STATUS:
        return vdev->state.status;
    case VIRTIO_PCI_COMMON_CFGGENERATION:
        return vdev->state.config_generation;
    case VIRTIO_PCI_COMMON_Q_SELECT:
        return proxy->state.queue_select;
    default:
        return common_read_queue(proxy, offset);
    }
}

static void write_status(VirtIOPCIProxy *proxy, uint8_t status)
{
    VirtIODevice *vdev = virtio_pci_vdev(proxy);

    /* The eventfds are connected before the back end begins to use them. */
    if ((status & VIRTIO_CONFIG_S_DRIVER_OK) && !proxy->connected) {
        virtio_pci_connect(proxy);
    }
    virtio_set_status(vdev, status);
    if (!status) {
        virtio_pci_disconnect(proxy);
        for (unsigned i = 0; i <= vdev->n_queues; i++) {
            proxy->state.vectors[i] = MSIX_NO_VECTOR;
        }
    }
}

static void common_write_queue(VirtIOPCIProxy *proxy, unsigned offset,
                               uint32_t value)
{
    VirtIODevice *vdev = virtio_pci_vdev(proxy);
    VirtQueue *q = selected_queue(proxy);

    if (!q) {
        return;
    }
    if (offset == VIRTIO_PCI_COMMON_Q_MSIX) {
        virtio_pci_set_vector(proxy,
                              &proxy->interrupts[proxy->state.queue_select],
                              (uint16_t)value);
        return;
    }
    if (q->state.enabled) {
        return;
    }
    switch (offset) {
    case VIRTIO_PCI_COMMON_Q_SIZE:
        virtio_queue_set_size(vdev, q, (uint16_t)value);
        break;
    case VIRTIO_PCI_COMMON_Q_ENABLE:
        if (value == 1) {
            virtio_queue_enable(vdev, q);
        }
        break;
    case VIRTIO_PCI_COMMON_Q_DESCLO:
    case VIRTIO_PCI_COMMON_Q_DESCHI:
        set_half(&q->state.desc, (offset - VIRTIO_PCI_COMMON_Q_DESCLO) / 4,
                 value);
        break;
    case VIRTIO_PCI_COMMON_Q_AVAILLO:
    case VIRTIO_PCI_COMMON_Q_AVAILHI:
        set_half(&q->state.driver, (offset - VIRTIO_PCI_COMMON_Q_AVAILLO) / 4,
                 value);
        break;
    case VIRTIO_PCI_COMMON_Q_USEDLO:
    case VIRTIO_PCI_COMMON_Q_USEDHI:
        set_half(&q->state.device, (offset - VIRTIO_PCI_COMMON_Q_USEDLO) / 4,
                 value);
        break;
    default:
        break;
    }
}

static void common_write_register(VirtIOPCIProxy *proxy, unsigned offset,
                                  uint32_t value)
{
    VirtIODevice *vdev = virtio_pci_vdev(proxy);

    switch (offset) {
    case VIRTIO_PCI_COMMON_DFSELECT:
        proxy->state.device_feature_select = value;
        break;
    case VIRTIO_PCI_COMMON_GFSELECT:
        proxy->state.driver_feature_select = value;
        break;
    case VIRTIO_PCI_COMMON_GF: {
        uint64_t features = vdev->state.guest_features;

        set_half(&features, proxy->state.driver_feature_select, value);
        virtio_set_features(vdev, features);
        break;
    }
    case VIRTIO_PCI_COMMON_MSIX:
        virtio_pci_set_vector(proxy, &proxy->interrupts[vdev->n_queues],
                              (uint16_t)value);
        break;
    case VIRTIO_PCI_COMMON_STATUS:
        write_status(proxy, (uint8_t)value);
        break;
    case VIRTIO_PCI_COMMON_Q_SELECT:
        proxy->state.queue_select = (uint16_t)value;
        break;
    default:
        common_write_queue(proxy, offset, value);
        break;
    }
}

/* Width of the register that begins at @offset, 0 if none does. */
static unsigned common_width(unsigned offset)
{
    switch (offset) {
    case VIRTIO_PCI_COMMON_STATUS:
    case VIRTIO_PCI_COMMON_CFGGENERATION:
        return 1;
    case VIRTIO_PCI_COMMON_MSIX:
    case VIRTIO_PCI_COMMON_NUMQ:
    case VIRTIO_PCI_COMMON_Q_SELECT:
    case VIRTIO_PCI_COMMON_Q_SIZE:
    case VIRTIO_PCI_COMMON_Q_MSIX:
    case VIRTIO_PCI_COMMON_Q_ENABLE:
    case VIRTIO_PCI_COMMON_Q_NOFF:
        return 2;
    default:
        return offset % 4 == 0 && offset <= VIRTIO_PCI_COMMON_Q_USEDHI ? 4 : 0;
    }
}

/* 4.1.3.1: a register is accessed at its width, a 64-bit one in halves. */
static uint32_t common_read(VirtIOPCIProxy *proxy, unsigned offset,
                            unsigned size)
{
    uint32_t value = 0;

    if (common_width(offset) == size) {
        value = common_read_register(proxy, offset);
    } else {
        log_item(LOG_GUEST_ERROR, "%s: read of %u bytes at common offset %u",
                 virtio_pci_label(proxy), size, offset);
    }
    trace(virtio_pci_common_read, "%s offset=0x%x size=%u value=0x%x",
          virtio_pci_label(proxy), offset, size, value);
    return value;
}

static void common_write(VirtIOPCIProxy *proxy, unsigned offset, uint32_t value,
                         unsigned size)
{
    trace(virtio_pci_common_write, "%s offset=0x%x size=%u value=0x%x",
          virtio_pci_label(proxy), offset, size, value);
    if (common_width(offset) == size) {
        common_write_register(proxy, offset, value);
    } else {
        log_item(LOG_GUEST_ERROR, "%s: write of %u bytes at common offset %u",
                 virtio_pci_label(proxy), size, offset);
    }
}

static uint8_t isr_read(VirtIOPCIProxy *proxy)
{
    uint8_t isr = proxy->state.isr;

    proxy->state.isr = 0;
    pci_set_intx(&proxy->pci, false);
    return isr;
}

/* --- the BAR --- */

static uint64_t read_register(VirtIOPCIProxy *proxy, uint64_t offset,
                              unsigned size)
{
    VirtIODevice *vdev = virtio_pci_vdev(proxy);

    if (size == 8) {
        return read_register(proxy, offset, 4) |
               read_register(proxy, offset + 4, 4) << 32;
    }
    if (offset >= VIRTIO_PCI_NOTIFY_OFFSET) {
        return 0;
    }
    if (offset >= VIRTIO_PCI_DEVICE_OFFSET) {
        return virtio_config_read(
            vdev, (unsigned)offset - VIRTIO_PCI_DEVICE_OFFSET, size);
    }
    if (offset >= VIRTIO_PCI_ISR_OFFSET) {
        return offset == VIRTIO_PCI_ISR_OFFSET ? isr_read(proxy) : 0;
    }
    return common_read(proxy, (unsigned)offset, size);
}

static void write_register(VirtIOPCIProxy *proxy, uint64_t offset,
                           uint64_t value, unsigned size)
{
    VirtIODevice *vdev = virtio_pci_vdev(proxy);

    if (size == 8) {
        write_register(proxy, offset, value & UINT32_MAX, 4);
        write_register(proxy, offset + 4, value >> 32, 4);
    } else if (offset >= VIRTIO_PCI_DEVICE_OFFSET) {
        virtio_config_write(vdev, (unsigned)offset - VIRTIO_PCI_DEVICE_OFFSET,
                            value, size);
    } else if (offset < VIRTIO_PCI_ISR_OFFSET) {
        common_write(proxy, (unsigned)offset, (uint32_t)value, size);
    }
}

static uint64_t modern_read(void *opaque, uint64_t offset, unsigned size)
{
    VirtIOPCIProxy *proxy = opaque;
    VirtIODevice *vdev = virtio_pci_vdev(proxy);
    uint64_t value;

    if (!virtio_enter(vdev)) {
        return UINT64_MAX;
    }
    value = read_register(proxy, offset, size);
    virtio_leave(vdev);
    return value;
}

static void modern_write(void *opaque, uint64_t offset, uint64_t value,
                         unsigned size)
{
    VirtIOPCIProxy *proxy = opaque;
    VirtIODevice *vdev = virtio_pci_vdev(proxy);

    if (offset >= VIRTIO_PCI_NOTIFY_OFFSET && !proxy->pio_notify) {
        virtio_pci_notify(proxy, offset - VIRTIO_PCI_NOTIFY_OFFSET);
    } else if (virtio_enter(vdev)) {
        write_register(proxy, offset, value, size);
        virtio_leave(vdev);
    }
}

static const MemoryRegionOps modern_ops = {
    .read = modern_read,
    .write = modern_write,
};

static uint64_t ports_read(void *opaque, uint64_t offset, unsigned size)
{
    return 0;
}

static void ports_write(void *opaque, uint64_t offset, uint64_t value,
                        unsigned size)
{
    virtio_pci_notify(opaque, offset);
}

static const MemoryRegionOps ports_ops = {
    .read = ports_read,
    .write = ports_write,
};

/* --- configuration space --- */

/* The BAR that the PCI-access capability (4.1.4.9) shows now, and which part
 * of it. NULL: nothing that there is. */
static const MemoryRegion *cfg_window(const VirtIOPCIProxy *proxy,
                                      uint32_t *ret_offset, uint32_t *ret_len)
{
    const uint8_t *cap = proxy->pci.state.config + proxy->cfg_cap;
    uint8_t bar = cap[VIRTIO_PCI_CAP_BAR];
    uint32_t offset = pci_get_long(cap + VIRTIO_PCI_CAP_OFFSET);
    uint32_t len = pci_get_long(cap + VIRTIO_PCI_CAP_LENGTH);
    const MemoryRegion *mr = NULL;

    if (bar == VIRTIO_PCI_BAR_MODERN || bar == VIRTIO_PCI_BAR_NOTIFY) {
        mr = proxy->pci.bars[bar].region;
    }
    *ret_offset = offset;
    *ret_len = len;
    return mr && (len == 1 || len == 2 || len == 4) && offset % len == 0 &&
                   range_within(offset, len, mr->size)
               ? mr
               : NULL;
}

static uint8_t *cfg_data(VirtIOPCIProxy *proxy)
{
    return proxy->pci.state.config + proxy->cfg_cap +
           sizeof(struct virtio_pci_cap);
}

static bool touches_cfg_data(const VirtIOPCIProxy *proxy, uint32_t addr,
                             unsigned len)
{
    uint32_t data = proxy->cfg_cap + sizeof(struct virtio_pci_cap);

    return addr < data + 4 && addr + len > data;
}

static void cfg_before_read(PciDevice *pci, uint32_t addr, unsigned len)
{
    VirtIOPCIProxy *proxy = container_of(pci, VirtIOPCIProxy, pci);
    const MemoryRegion *mr;
    uint32_t offset, size;

    if (touches_cfg_data(proxy, addr, len) &&
        (mr = cfg_window(proxy, &offset, &size))) {
        pci_set_long(cfg_data(proxy),
                     (uint32_t)mr->ops->read(mr->opaque, offset, size));
    }
}

static void cfg_written(PciDevice *pci, uint32_t addr, unsigned len)
{
    VirtIOPCIProxy *proxy = container_of(pci, VirtIOPCIProxy, pci);
    const MemoryRegion *mr;
    uint32_t offset, size;

    if (touches_cfg_data(proxy, addr, len) &&
        (mr = cfg_window(proxy, &offset, &size))) {
        mr->ops->write(mr->opaque, offset, pci_get_long(cfg_data(proxy)), size);
    }
}

static const PciCapabilityOps cfg_ops = {
    .before_read = cfg_before_read,
    .written = cfg_written,
};

static uint32_t virtio_pci_config_read(PciDevice *pci, uint32_t addr,
                                       unsigned len)
{
    VirtIOPCIProxy *proxy = container_of(pci, VirtIOPCIProxy, pci);
    uint32_t result;

    if (!virtio_enter(virtio_pci_vdev(proxy))) {
        return UINT32_MAX;
    }
    result = pci_config_read(pci, addr, len);
    virtio_leave(virtio_pci_vdev(proxy));
    return result;
}

static void virtio_pci_config_write(PciDevice *pci, uint32_t addr,
                                    uint32_t value, unsigned len)
{
    VirtIOPCIProxy *proxy = container_of(pci, VirtIOPCIProxy, pci);
    bool had_msix;

    if (!virtio_enter(virtio_pci_vdev(proxy))) {
        return;
    }
    had_msix = msix_enabled(pci);
    pci_config_write(pci, addr, value, len);
    virtio_pci_follow_config(proxy, had_msix);
    virtio_leave(virtio_pci_vdev(proxy));
}

/* Of this function, or of the port that it is behind. A driver may set
 * DRIVER_OK first, as firmware does: the back end begins here then. */
static void virtio_pci_master_changed(PciDevice *pci)
{
    VirtIOPCIProxy *proxy = container_of(pci, VirtIOPCIProxy, pci);
    VirtIODevice *vdev = virtio_pci_vdev(proxy);

    if (virtio_enter(vdev)) {
        virtio_set_dma(vdev, pci_may_master(pci));
        virtio_leave(vdev);
    }
}

static const PciDeviceOps virtio_pci_ops = {
    .config_read = virtio_pci_config_read,
    .config_write = virtio_pci_config_write,
    .master_changed = virtio_pci_master_changed,
};

/* Adds one of the capabilities of 4.1.4 and returns its offset. */
static unsigned add_cap(VirtIOPCIProxy *proxy, uint8_t type, uint8_t bar,
                        uint32_t offset, uint32_t length, unsigned extra)
{
    unsigned size = (unsigned)sizeof(struct virtio_pci_cap) + extra;
    unsigned pos = pci_add_capability(&proxy->pci, PCI_CAP_ID_VNDR, size,
                                      type == VIRTIO_PCI_CAP_PCI_CFG ? &cfg_ops
                                                                     : NULL);
    uint8_t *cap = proxy->pci.state.config + pos;

    cap[VIRTIO_PCI_CAP_LEN] = (uint8_t)size;
    cap[VIRTIO_PCI_CAP_CFG_TYPE] = type;
    cap[VIRTIO_PCI_CAP_BAR] = bar;
    pci_set_long(cap + VIRTIO_PCI_CAP_OFFSET, offset);
    pci_set_long(cap + VIRTIO_PCI_CAP_LENGTH, length);
    return pos;
}

static void add_caps(VirtIOPCIProxy *proxy, uint32_t notify_size)
{
    const uint8_t bar = VIRTIO_PCI_BAR_MODERN;
    PciDevice *pci = &proxy->pci;
    unsigned pos;

    add_cap(proxy, VIRTIO_PCI_CAP_COMMON_CFG, bar, VIRTIO_PCI_COMMON_OFFSET,
            0x1000, 0);
    add_cap(proxy, VIRTIO_PCI_CAP_ISR_CFG, bar, VIRTIO_PCI_ISR_OFFSET, 0x1000,
            0);
    add_cap(proxy, VIRTIO_PCI_CAP_DEVICE_CFG, bar, VIRTIO_PCI_DEVICE_OFFSET,
            0x1000, 0);
    pos = proxy->pio_notify ? add_cap(proxy, VIRTIO_PCI_CAP_NOTIFY_CFG,
                                      VIRTIO_PCI_BAR_NOTIFY, 0, notify_size, 4)
                            : add_cap(proxy, VIRTIO_PCI_CAP_NOTIFY_CFG, bar,
                                      VIRTIO_PCI_NOTIFY_OFFSET, notify_size, 4);
    pci_set_long(pci->state.config + pos + sizeof(struct virtio_pci_cap),
                 proxy->notify_multiplier);
    pos = add_cap(proxy, VIRTIO_PCI_CAP_PCI_CFG, 0, 0, 0, 4);
    pci->wmask[pos + VIRTIO_PCI_CAP_BAR] = 0xff;
    pci_set_long(pci->wmask + pos + VIRTIO_PCI_CAP_OFFSET, UINT32_MAX);
    pci_set_long(pci->wmask + pos + VIRTIO_PCI_CAP_LENGTH, UINT32_MAX);
    pci_set_long(pci->wmask + pos + sizeof(struct virtio_pci_cap), UINT32_MAX);
    proxy->cfg_cap = pos;
}

/* --- life --- */

static void init_interrupts(VirtIOPCIProxy *proxy)
{
    VirtIODevice *vdev = virtio_pci_vdev(proxy);

    proxy->interrupts = g_new0(VirtIOPCIInterrupt, vdev->n_queues + 1);
    proxy->state.vectors = g_new(uint16_t, vdev->n_queues + 1);
    for (unsigned i = 0; i <= vdev->n_queues; i++) {
        bool is_config = i == vdev->n_queues;

        proxy->state.vectors[i] = MSIX_NO_VECTOR;
        proxy->interrupts[i] = (VirtIOPCIInterrupt){
            .proxy = proxy,
            .vector = &proxy->state.vectors[i],
            .isr_bit = is_config ? VIRTIO_PCI_ISR_CONFIG : 1,
            .notifier = is_config ? &vdev->config_changed
                                  : &vdev->queues[i].call,
        };
    }
}

static bool init_vectors(VirtIOPCIProxy *proxy, GError **errp)
{
    if (proxy->n_vectors == PROPERTY_AUTO) {
        proxy->n_vectors = virtio_pci_vdev(proxy)->n_queues + 1;
    }
    if (proxy->n_vectors > MSIX_VECTORS_MAX) {
        error_setg(errp,
                   "%s: property 'vectors' cannot be '%u': at most %d MSI-X "
                   "vectors are expected",
                   proxy->pci.dev.type->name, proxy->n_vectors,
                   MSIX_VECTORS_MAX);
        return false;
    }
    if (proxy->n_vectors) {
        msix_init(&proxy->pci, proxy->n_vectors, VIRTIO_PCI_BAR_MSIX);
    }
    return true;
}

static uint64_t bar_size(uint64_t least, uint64_t needed)
{
    while (least < needed) {
        least *= 2;
    }
    return least;
}

/* PCI 3.0, 6.2.5.1: an I/O BAR is of at most 256 bytes. */
#define PORTS_MAX 256

static bool check_ports(const VirtIOPCIProxy *proxy, GError **errp)
{
    unsigned n_queues = virtio_pci_vdev(proxy)->n_queues;
    g_autofree char *why = NULL;

    if (proxy->pio_notify && proxy->page_per_vq) {
        why = g_strdup("page-per-vq is 'on', and ports have no pages");
    } else if (proxy->pio_notify && n_queues > PORTS_MAX / 2) {
        why = g_strdup_printf("at most %d virtqueues have ports, here are %u; "
                              "give fewer queues",
                              PORTS_MAX / 2, n_queues);
    }
    if (why) {
        error_setg(errp, "%s: property 'modern-pio-notify' cannot be 'on': %s",
                   proxy->pci.dev.type->name, why);
    }
    return !why;
}

/* Command lines that choose the modern device get it; no other is here. */
static bool check_generation(const VirtIOPCIProxy *proxy, GError **errp)
{
    bool legacy = !g_strcmp0(proxy->disable_legacy, "off");

    if (legacy || proxy->disable_modern) {
        error_setg(errp,
                   "%s: property '%s' cannot be '%s': the device is that of "
                   "virtio 1.0, neither legacy nor transitional; leave it out",
                   proxy->pci.dev.type->name,
                   legacy ? "disable-legacy" : "disable-modern",
                   legacy ? "off" : "on");
    }
    return !legacy && !proxy->disable_modern;
}

static void init_bars(VirtIOPCIProxy *proxy)
{
    uint32_t notify_size;

    proxy->notify_multiplier = proxy->pio_notify    ? 2
                               : proxy->page_per_vq ? 4096
                                                    : 4;
    notify_size = virtio_pci_vdev(proxy)->n_queues * proxy->notify_multiplier;
    if (proxy->pio_notify) {
        memory_region_init(&proxy->ports, "virtio-pci-notify", &ports_ops,
                           proxy, bar_size(16, notify_size));
        pci_register_bar(&proxy->pci, VIRTIO_PCI_BAR_NOTIFY,
                         PCI_BASE_ADDRESS_SPACE_IO, &proxy->ports);
    } else {
        notify_size = (uint32_t)round_up(notify_size, 4 * KiB);
    }
    memory_region_init(
        &proxy->region, "virtio-pci", &modern_ops, proxy,
        bar_size(16 * KiB, VIRTIO_PCI_NOTIFY_OFFSET + notify_size));
    pci_register_bar(&proxy->pci, VIRTIO_PCI_BAR_MODERN,
                     PCI_BASE_ADDRESS_MEM_TYPE_64 |
                         PCI_BASE_ADDRESS_MEM_PREFETCH,
                     &proxy->region);
    add_caps(proxy, notify_size);
}

bool virtio_pci_realize(Device *dev, GError **errp)
{
    VirtIOPCIProxy *proxy = proxy_from(dev);
    VirtIODevice *vdev = virtio_pci_vdev(proxy);
    PciIdentity id = {
        .vendor = PCI_VENDOR_ID_REDHAT_QUMRANET,
        .subsystem_vendor = PCI_VENDOR_ID_REDHAT_QUMRANET,
        .revision = 1,
    };

    if (!check_generation(proxy, errp) ||
        !dev->backend->type->realize(dev->backend, errp) ||
        !check_ports(proxy, errp)) {
        return false;
    }
    id.device = (uint16_t)(VIRTIO_PCI_DEVICE_ID_BASE + vdev->kind->device_id);
    id.subsystem = id.device;
    id.class_code = vdev->kind->pci_class;
    pci_device_init(&proxy->pci, &id, &virtio_pci_ops);
    proxy->pci.state.config[PCI_INTERRUPT_PIN] = 1;
    init_interrupts(proxy);
    init_bars(proxy);
    if (pci_bus_of(&proxy->pci)->bridge) {
        (void)pcie_cap_init(&proxy->pci, PCI_EXP_TYPE_ENDPOINT, 0);
    }
    return init_vectors(proxy, errp) && pci_device_plug(&proxy->pci, errp);
}

static void reset_registers(VirtIOPCIProxy *proxy)
{
    write_status(proxy, 0);
    proxy->state.device_feature_select = 0;
    proxy->state.driver_feature_select = 0;
    proxy->state.queue_select = 0;
    pci_device_reset(&proxy->pci);
    virtio_set_dma(virtio_pci_vdev(proxy), false);
}

void virtio_pci_reset(Device *dev)
{
    VirtIOPCIProxy *proxy = proxy_from(dev);

    if (virtio_enter(virtio_pci_vdev(proxy))) {
        reset_registers(proxy);
        virtio_leave(virtio_pci_vdev(proxy));
    }
}

/* The guest loses sight of the device first, then everybody leaves it. */
void virtio_pci_unrealize(Device *dev)
{
    VirtIOPCIProxy *proxy = proxy_from(dev);

    pci_device_unplug(&proxy->pci);
    virtio_drain(virtio_pci_vdev(proxy));
    if (proxy->interrupts) {
        reset_registers(proxy);
    }
    msix_finish(&proxy->pci);
    g_clear_pointer(&proxy->interrupts, g_free);
    g_clear_pointer(&proxy->state.vectors, g_free);
}

static const char *const legacy_words[] = { "auto", "on", "off", NULL };

const Property virtio_pci_props[] = {
    PROP_AUTO32("vectors", VirtIOPCIProxy, n_vectors, .def = PROPERTY_AUTO,
                .summary = "MSI-X vectors; auto: one per virtqueue and one; "
                           "0: INTx only"),
    PROP_BOOL("page-per-vq", VirtIOPCIProxy, page_per_vq,
              .summary = "a page of its own for each queue's notify address"),
    PROP_BOOL("modern-pio-notify", VirtIOPCIProxy, pio_notify,
              .summary = "each queue's notify address is an I/O port"),
    PROP_STRING("disable-legacy", VirtIOPCIProxy, disable_legacy,
                .words = legacy_words,
                .summary = "on or auto: the device is not a legacy one"),
    PROP_BOOL("disable-modern", VirtIOPCIProxy, disable_modern,
              .summary = "only off: the device is a modern one"),
    { 0 },
};
