/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/kvm-stats.h"
#include "accel/kvm-int.h"

#include <fcntl.h>

/* --- The file --- */

/* Reads exactly @len bytes at @offset. */
static int read_at(int fd, void *buf, size_t len, uint64_t offset)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pread(fd, (char *)buf + done, len - done,
                          (off_t)(offset + done));

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : -EIO;
        }
        done += (size_t)n;
    }
    return 0;
}

/* Reads the header. */
static int read_header(int fd, struct kvm_stats_header *ret_header)
{
    struct kvm_stats_header h;
    int r = read_at(fd, &h, sizeof(h), 0);

    if (r < 0) {
        return r;
    }
    if (h.name_size < 2 || h.name_size > KVM_STATS_NAME_MAX ||
        h.num_desc > KVM_STATS_DESCS_MAX || h.desc_offset < sizeof(h) ||
        h.data_offset < sizeof(h)) {
        return -EPROTO;
    }
    *ret_header = h;
    return 0;
}

static bool get_type(uint32_t flags, StatsType *ret_type)
{
    switch (flags & KVM_STATS_TYPE_MASK) {
    case KVM_STATS_TYPE_CUMULATIVE:
        *ret_type = STATS_TYPE_CUMULATIVE;
        return true;
    case KVM_STATS_TYPE_INSTANT:
        *ret_type = STATS_TYPE_INSTANT;
        return true;
    case KVM_STATS_TYPE_PEAK:
        *ret_type = STATS_TYPE_PEAK;
        return true;
    case KVM_STATS_TYPE_LINEAR_HIST:
        *ret_type = STATS_TYPE_LINEAR_HISTOGRAM;
        return true;
    case KVM_STATS_TYPE_LOG_HIST:
        *ret_type = STATS_TYPE_LOG2_HISTOGRAM;
        return true;
    default:
        return false;
    }
}

static bool get_unit(uint32_t flags, StatsUnit *ret_unit)
{
    switch (flags & KVM_STATS_UNIT_MASK) {
    case KVM_STATS_UNIT_NONE:
        *ret_unit = STATS_UNIT_NONE;
        return true;
    case KVM_STATS_UNIT_BYTES:
        *ret_unit = STATS_UNIT_BYTES;
        return true;
    case KVM_STATS_UNIT_SECONDS:
        *ret_unit = STATS_UNIT_SECONDS;
        return true;
    case KVM_STATS_UNIT_CYCLES:
        *ret_unit = STATS_UNIT_CYCLES;
        return true;
    case KVM_STATS_UNIT_BOOLEAN:
        *ret_unit = STATS_UNIT_BOOLEAN;
        return true;
    default:
        return false;
    }
}

static bool get_base(uint32_t flags, unsigned *ret_base)
{
    switch (flags & KVM_STATS_BASE_MASK) {
    case KVM_STATS_BASE_POW10:
        *ret_base = 10;
        return true;
    case KVM_STATS_BASE_POW2:
        *ret_base = 2;
        return true;
    default:
        return false;
    }
}

/* Adds the descriptor @raw with its @name to @f, or passes over it. */
static int add_desc(KvmStatsFormat *f, const struct kvm_stats_desc *raw,
                    const char *name, uint32_t name_size)
{
    uint64_t end = raw->offset + (uint64_t)raw->size * sizeof(uint64_t);
    StatsDesc *d = &f->schema.descs[f->schema.n_descs];

    if (raw->size == 0 || raw->size > KVM_STATS_VALUES_MAX ||
        end > KVM_STATS_DATA_MAX || !name[0] || !memchr(name, 0, name_size) ||
        !g_utf8_validate(name, -1, NULL)) {
        return -EPROTO;
    }
    if (!get_type(raw->flags, &d->type) || !get_unit(raw->flags, &d->unit) ||
        !get_base(raw->flags, &d->base)) {
        return 0;
    }
    d->name = g_strdup(name);
    d->exponent = raw->exponent;
    d->bucket_size = raw->bucket_size;
    d->first = f->schema.n_values;
    d->size = raw->size;
    f->offsets[f->schema.n_descs] = raw->offset;
    f->data_size = MAX(f->data_size, end);
    f->schema.n_descs++;
    f->schema.n_values += d->size;
    return 0;
}

static int read_descs(KvmStatsFormat *f, int fd,
                      const struct kvm_stats_header *h)
{
    size_t step = sizeof(struct kvm_stats_desc) + h->name_size;
    g_autofree char *block = g_malloc(step * h->num_desc + 1);
    int r = read_at(fd, block, step * h->num_desc, h->desc_offset);

    f->schema.descs = g_new0(StatsDesc, h->num_desc);
    f->offsets = g_new0(uint32_t, h->num_desc);
    for (uint32_t i = 0; r == 0 && i < h->num_desc; i++) {
        const char *p = block + i * step;
        struct kvm_stats_desc raw;

        memcpy(&raw, p, sizeof(raw));
        r = add_desc(f, &raw, p + sizeof(raw), h->name_size);
    }
    return r;
}

void kvm_stats_format_free(KvmStatsFormat *f)
{
    if (!f) {
        return;
    }
    stats_schema_finish(&f->schema);
    g_free(f->offsets);
    g_free(f);
}

int kvm_stats_format_new(int fd, KvmStatsFormat **ret_format)
{
    struct kvm_stats_header h;
    KvmStatsFormat *f;
    int r = read_header(fd, &h);

    if (r < 0) {
        return r;
    }
    f = g_new0(KvmStatsFormat, 1);
    f->data_offset = h.data_offset;
    r = read_descs(f, fd, &h);
    if (r < 0) {
        kvm_stats_format_free(f);
        return r;
    }
    *ret_format = f;
    return 0;
}

int kvm_stats_values_read(const KvmStatsFormat *f, int fd, uint64_t *values)
{
    g_autofree char *data = g_malloc(f->data_size + 1);
    int r = read_at(fd, data, f->data_size, f->data_offset);

    for (size_t i = 0; r == 0 && i < f->schema.n_descs; i++) {
        const StatsDesc *d = &f->schema.descs[i];

        memcpy(values + d->first, data + f->offsets[i],
               d->size * sizeof(*values));
    }
    return r;
}

/* --- The accelerator's --- */

int kvm_stats_open(const KvmAccel *kvm, int fd)
{
    int stats;

    if (!kvm->binary_stats) {
        return -ENOTSUP;
    }
    stats = neg_errno(ioctl(fd, KVM_GET_STATS_FD, 0));
    if (stats >= 0) {
        /* Unlike KVM's others it is not close-on-exec, and would look like one
         * that we have inherited. */
        (void)fcntl(stats, F_SETFD, FD_CLOEXEC);
    }
    return stats;
}

void kvm_stats_finish(KvmAccel *kvm)
{
    for (unsigned i = 0; i < STATS_TARGETS_COUNT; i++) {
        g_clear_pointer(&kvm->stats_format[i], kvm_stats_format_free);
    }
    close_fd(&kvm->stats_fd);
}

/* All vCPUs have the same format. It is read when somebody asks: nobody does
 * on most machines. */
int kvm_stats_schema(Accel *accel, StatsTarget target,
                     const StatsSchema **ret_schema)
{
    KvmAccel *kvm = kvm_accel(accel);
    KvmStatsFormat **f = &kvm->stats_format[target];
    int fd = target == STATS_TARGET_VM
                 ? kvm->stats_fd
                 : kvm_vcpu_stats_fd(&accel->machine->cpus[0]);

    if (fd < 0) {
        return fd;
    }
    if (!*f) {
        int r = kvm_stats_format_new(fd, f);

        if (r < 0) {
            return r;
        }
    }
    *ret_schema = &(*f)->schema;
    return 0;
}

int kvm_stats_read(Accel *accel, const Cpu *cpu, uint64_t *values)
{
    KvmAccel *kvm = kvm_accel(accel);
    const KvmStatsFormat *f =
        kvm->stats_format[cpu ? STATS_TARGET_VCPU : STATS_TARGET_VM];
    int fd = cpu ? kvm_vcpu_stats_fd(cpu) : kvm->stats_fd;

    return fd < 0 ? fd : kvm_stats_values_read(f, fd, values);
}
