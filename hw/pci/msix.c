/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/pci/msix.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/log.h"

static uint8_t *entry_of(const PciDevice *dev, unsigned vector)
{
    return dev->msix->state.table + vector * PCI_MSIX_ENTRY_SIZE;
}

static uint16_t control_of(const PciDevice *dev)
{
    return pci_get_word(dev->state.config + dev->msix->cap + PCI_MSIX_FLAGS);
}

unsigned msix_n_vectors(const PciDevice *dev)
{
    return dev->msix ? dev->msix->n_vectors : 0;
}

bool msix_enabled(const PciDevice *dev)
{
    return dev->msix && (control_of(dev) & PCI_MSIX_FLAGS_ENABLE);
}

/* Whether a message of @vector may be sent now. */
static bool is_open(const PciDevice *dev, unsigned vector)
{
    return pci_may_master(dev) &&
           (control_of(dev) &
            (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL)) ==
               PCI_MSIX_FLAGS_ENABLE &&
           !(pci_get_long(entry_of(dev, vector) + PCI_MSIX_ENTRY_VECTOR_CTRL) &
             PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

static MsiMessage message_of(const PciDevice *dev, unsigned vector)
{
    const uint8_t *e = entry_of(dev, vector);

    return (MsiMessage){
        .address = pci_get_long(e + PCI_MSIX_ENTRY_LOWER_ADDR) |
                   (uint64_t)pci_get_long(e + PCI_MSIX_ENTRY_UPPER_ADDR) << 32,
        .data = pci_get_long(e + PCI_MSIX_ENTRY_DATA),
        .requester_id = pci_requester_id(dev),
    };
}

static void close_route(PciDevice *dev, MsixBinding *b)
{
    Accel *accel = dev->dev.machine->accel;

    if (b->route >= 0) {
        accel->ops->irqfd_del(accel, b->notifier->fd, b->route);
        b->route = -1;
    }
}

static int open_route(PciDevice *dev, MsixBinding *b)
{
    Accel *accel = dev->dev.machine->accel;
    MsiMessage msg = message_of(dev, b->vector);
    int r = accel->ops->irqfd_add_msi(accel, b->notifier->fd, &msg);

    trace(msix_bind, "%s vector=%u fd=%d addr=0x%" PRIx64 " data=0x%x route=%d",
          device_label(&dev->dev), b->vector, b->notifier->fd, msg.address,
          msg.data, r);
    if (r >= 0) {
        b->route = r;
    }
    return r < 0 ? r : 0;
}

/* Brings @vector's bindings and pending bit in line with its mask. */
static void update_vector(PciDevice *dev, unsigned vector)
{
    Msix *s = dev->msix;
    bool open = is_open(dev, vector);

    for (unsigned i = 0; i < s->bindings->len; i++) {
        MsixBinding *b = g_ptr_array_index(s->bindings, i);

        if (b->vector != vector || open == (b->route >= 0)) {
            continue;
        }
        if (!open) {
            close_route(dev, b);
        } else if (open_route(dev, b) < 0 && !s->route_failed) {
            /* Once: a guest can make it happen again and again. */
            s->route_failed = true;
            warn_report("%s: no interrupt route for MSI-X vector %u: its "
                        "interrupts are lost",
                        device_label(&dev->dev), vector);
        }
    }
    if (open && s->state.pending[vector]) {
        msix_notify(dev, vector);
    }
}

void msix_prepare(PciDevice *dev, const uint16_t *vectors, unsigned n)
{
    Accel *accel = dev->dev.machine->accel;
    g_autofree MsiMessage *msgs = g_new(MsiMessage, n);
    unsigned n_open = 0;

    for (unsigned i = 0; i < n; i++) {
        if (is_open(dev, vectors[i])) {
            msgs[n_open++] = message_of(dev, vectors[i]);
        }
    }
    if (n_open > 1) {
        accel->ops->irqfd_prepare_msi(accel, msgs, n_open);
    }
}

/* A change of what all vectors depend on. */
static void update_all(PciDevice *dev)
{
    const GPtrArray *bindings = dev->msix->bindings;
    g_autofree uint16_t *closed = g_new(uint16_t, bindings->len);
    unsigned n_closed = 0;

    for (unsigned i = 0; i < bindings->len; i++) {
        const MsixBinding *b = g_ptr_array_index(bindings, i);

        if (b->route < 0) {
            closed[n_closed++] = b->vector;
        }
    }
    msix_prepare(dev, closed, n_closed);
    for (unsigned v = 0; v < dev->msix->n_vectors; v++) {
        update_vector(dev, v);
    }
}

static void msix_written(PciDevice *dev, uint32_t addr, unsigned len)
{
    trace(msix_set_mask, "%s control=0x%x", device_label(&dev->dev),
          control_of(dev));
    update_all(dev);
}

void msix_notify(PciDevice *dev, unsigned vector)
{
    Accel *accel = dev->dev.machine->accel;
    MsiMessage msg;

    if (vector >= msix_n_vectors(dev) || !msix_enabled(dev)) {
        return;
    }
    dev->msix->state.pending[vector] = !is_open(dev, vector);
    trace(msix_notify, "%s vector=%u pending=%u", device_label(&dev->dev),
          vector, dev->msix->state.pending[vector]);
    if (dev->msix->state.pending[vector]) {
        return;
    }
    msg = message_of(dev, vector);
    (void)accel->ops->send_msi(accel, &msg);
}

int msix_bind(PciDevice *dev, MsixBinding *b)
{
    assert(b->vector < dev->msix->n_vectors);
    b->route = -1;
    if (is_open(dev, b->vector)) {
        int r = open_route(dev, b);

        if (r < 0) {
            return r;
        }
    }
    g_ptr_array_add(dev->msix->bindings, b);
    return 0;
}

void msix_unbind(PciDevice *dev, MsixBinding *b)
{
    if (g_ptr_array_remove_fast(dev->msix->bindings, b)) {
        close_route(dev, b);
    }
}

/* The bits of 64 vectors from @first. A bound eventfd that is set while its
 * vector is masked is a pending bit. */
static uint64_t pending_bits(const PciDevice *dev, unsigned first)
{
    const Msix *s = dev->msix;
    uint64_t bits = 0;

    for (unsigned v = first; v < MIN(first + 64, s->n_vectors); v++) {
        bits |= (uint64_t)(s->state.pending[v] != 0) << (v - first);
    }
    for (unsigned i = 0; i < s->bindings->len; i++) {
        const MsixBinding *b = g_ptr_array_index(s->bindings, i);

        if (b->vector >= first && b->vector < first + 64 && b->route < 0 &&
            event_notifier_is_set(b->notifier)) {
            bits |= UINT64_C(1) << (b->vector - first);
        }
    }
    return bits;
}

static uint64_t table_read(void *opaque, uint64_t offset, unsigned size)
{
    PciDevice *dev = opaque;
    Msix *s = dev->msix;
    uint64_t value = 0;

    if (range_within(offset, size, s->n_vectors * PCI_MSIX_ENTRY_SIZE)) {
        memcpy(&value, s->state.table + offset, size);
    } else if (offset >= s->pba_offset) {
        unsigned byte = (unsigned)(offset - s->pba_offset);
        unsigned first = byte / 8 * 64;

        if (first < s->n_vectors) {
            value = pending_bits(dev, first) >> (byte % 8 * 8);
        }
    }
    return value;
}

/* PCI 3.0, 6.8.2: software writes aligned dwords or qwords. */
static void table_write(void *opaque, uint64_t offset, uint64_t value,
                        unsigned size)
{
    PciDevice *dev = opaque;
    Msix *s = dev->msix;
    unsigned vector = (unsigned)(offset / PCI_MSIX_ENTRY_SIZE);
    uint8_t *e;

    if (size < 4 || offset % size || vector >= s->n_vectors) {
        log_item(LOG_GUEST_ERROR,
                 "%s: write of %u bytes at 0x%" PRIx64 " of the MSI-X table",
                 device_label(&dev->dev), size, offset);
        return;
    }
    memcpy(s->state.table + offset, &value, size);
    e = entry_of(dev, vector);
    pci_set_long(e + PCI_MSIX_ENTRY_VECTOR_CTRL,
                 pci_get_long(e + PCI_MSIX_ENTRY_VECTOR_CTRL) &
                     PCI_MSIX_ENTRY_CTRL_MASKBIT);

    /* A message that changes while its vector is open needs a new route. */
    if (offset % PCI_MSIX_ENTRY_SIZE < PCI_MSIX_ENTRY_VECTOR_CTRL) {
        for (unsigned i = 0; i < s->bindings->len; i++) {
            MsixBinding *b = g_ptr_array_index(s->bindings, i);

            if (b->vector == vector) {
                close_route(dev, b);
            }
        }
    }
    trace(msix_set_mask, "%s vector=%u masked=%u", device_label(&dev->dev),
          vector, !is_open(dev, vector));
    update_vector(dev, vector);
}

static const MemoryRegionOps table_ops = {
    .read = table_read,
    .write = table_write,
};

static void mask_all(Msix *s)
{
    memset(s->state.table, 0, s->n_vectors * PCI_MSIX_ENTRY_SIZE);
    memset(s->state.pending, 0, s->n_vectors);
    for (unsigned v = 0; v < s->n_vectors; v++) {
        s->state.table[v * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_VECTOR_CTRL] =
            PCI_MSIX_ENTRY_CTRL_MASKBIT;
    }
}

static void msix_reset(PciDevice *dev)
{
    mask_all(dev->msix);
    update_all(dev);
}

static const PciCapabilityOps msix_ops = {
    .written = msix_written,
    .master_changed = update_all,
    .reset = msix_reset,
};

void msix_init(PciDevice *dev, unsigned n_vectors, unsigned bar)
{
    Msix *s = g_new0(Msix, 1);
    unsigned table_size = n_vectors * PCI_MSIX_ENTRY_SIZE;
    unsigned pba_size = (n_vectors + 63) / 64 * 8;
    uint64_t size = 4 * KiB;
    uint8_t *cap;

    assert(n_vectors >= 1 && n_vectors <= MSIX_VECTORS_MAX);
    dev->msix = s;
    s->n_vectors = n_vectors;
    s->state.table = g_malloc0(table_size);
    s->state.pending = g_malloc0(n_vectors);
    s->bindings = g_ptr_array_new();
    mask_all(s);

    /* Pending bits share no page with the table, as 6.8.2 advises, once the
     * table is larger than half a page. */
    s->pba_offset = table_size <= 2048
                        ? 2048
                        : (unsigned)round_up(table_size, 4 * KiB);
    while (size < s->pba_offset + pba_size) {
        size *= 2;
    }
    memory_region_init(&s->region, "msix", &table_ops, dev, size);
    pci_register_bar(dev, bar, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->region);

    s->cap = pci_add_capability(dev, PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF,
                                &msix_ops);
    cap = dev->state.config + s->cap;
    pci_set_word(cap + PCI_MSIX_FLAGS, (uint16_t)(n_vectors - 1));
    pci_set_word(dev->wmask + s->cap + PCI_MSIX_FLAGS,
                 PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
    pci_set_long(cap + PCI_MSIX_TABLE, bar);
    pci_set_long(cap + PCI_MSIX_PBA, s->pba_offset | bar);
}

void msix_finish(PciDevice *dev)
{
    Msix *s = dev->msix;

    if (!s) {
        return;
    }
    assert(!s->bindings->len);
    g_ptr_array_unref(s->bindings);
    g_free(s->state.table);
    g_free(s->state.pending);
    g_clear_pointer(&dev->msix, g_free);
}
