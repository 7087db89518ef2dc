/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of every ioctl: in memory, and as lines of a file. */
#include "fake.h"

#include <fcntl.h>

#define NAMES_MAX 64

static struct {
    int fd;
    uint64_t number; /* of the last record */
    uint64_t first;  /* the oldest in memory */
    char *lines[FAKE_TRACE_MAX];
    struct {
        const char *name;
        uint64_t count;
    } counts[NAMES_MAX];
} trace_state = { .fd = -1, .first = 1 };

void trace_init(void)
{
    const char *path = getenv("FAKE_VHOST_TRACE");
    int fd;

    if (!path) {
        return;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) {
        fprintf(stderr, "libfake-vhost: cannot write FAKE_VHOST_TRACE=%s: %m\n",
                path);
        _exit(2);
    }
    trace_state.fd = fd_duplicate(fd);
    close(fd);
}

/* The place of a name's count. fake.lock is held. */
static uint64_t *counter(const char *name)
{
    unsigned i;

    for (i = 0; i < NAMES_MAX - 1 && trace_state.counts[i].name; i++) {
        if (strcmp(trace_state.counts[i].name, name) == 0) {
            break;
        }
    }
    trace_state.counts[i].name = name;
    return &trace_state.counts[i].count;
}

uint64_t trace_count(const char *name)
{
    uint64_t n;

    pthread_mutex_lock(&fake.lock);
    n = ++*counter(name);
    control_changed();
    pthread_mutex_unlock(&fake.lock);
    return n;
}

uint64_t trace_counted(const char *name)
{
    uint64_t n;

    pthread_mutex_lock(&fake.lock);
    n = *counter(name);
    pthread_mutex_unlock(&fake.lock);
    return n;
}

/* How an argument reads; first and second name its words. */
typedef enum Shape {
    SHAPE_NONE,
    SHAPE_BYTE,
    SHAPE_WORD,
    SHAPE_LONG,
    SHAPE_PAIR,
    SHAPE_SECOND, /* the second word of a pair */
    SHAPE_ADDR,
    SHAPE_TARGET,
} Shape;

static const struct Layout {
    unsigned long request;
    Shape in, out;
    const char *first, *second;
} layouts[] = {
    { VHOST_SET_OWNER },
    { VHOST_GET_FEATURES, SHAPE_NONE, SHAPE_LONG, "features" },
    { VHOST_SET_FEATURES, SHAPE_LONG, SHAPE_NONE, "features" },
    { VHOST_SET_MEM_TABLE, SHAPE_WORD, SHAPE_NONE, "nregions" },
    { VHOST_SET_LOG_BASE, SHAPE_LONG, SHAPE_NONE, "base" },
    { VHOST_SET_LOG_FD, SHAPE_WORD, SHAPE_NONE, "fd" },
    { VHOST_SET_VRING_NUM, SHAPE_PAIR, SHAPE_NONE, "index", "num" },
    { VHOST_SET_VRING_BASE, SHAPE_PAIR, SHAPE_NONE, "index", "num" },
    { VHOST_GET_VRING_BASE, SHAPE_WORD, SHAPE_SECOND, "index", "num" },
    { VHOST_SET_VRING_ADDR, SHAPE_ADDR },
    { VHOST_SET_VRING_KICK, SHAPE_PAIR, SHAPE_NONE, "index", "fd" },
    { VHOST_SET_VRING_CALL, SHAPE_PAIR, SHAPE_NONE, "index", "fd" },
    { VHOST_SET_VRING_ERR, SHAPE_PAIR, SHAPE_NONE, "index", "fd" },
    { VHOST_SET_VRING_BUSYLOOP_TIMEOUT, SHAPE_PAIR, SHAPE_NONE, "index",
      "num" },
    { VHOST_GET_VRING_BUSYLOOP_TIMEOUT, SHAPE_WORD, SHAPE_SECOND, "index",
      "num" },
    { VHOST_NEW_WORKER, SHAPE_NONE, SHAPE_WORD, "worker_id" },
    { VHOST_FREE_WORKER, SHAPE_WORD, SHAPE_NONE, "worker_id" },
    { VHOST_ATTACH_VRING_WORKER, SHAPE_PAIR, SHAPE_NONE, "index", "worker_id" },
    { VHOST_GET_VRING_WORKER, SHAPE_WORD, SHAPE_SECOND, "index", "worker_id" },
    { VHOST_SET_FORK_FROM_OWNER, SHAPE_BYTE, SHAPE_NONE, "fork_owner" },
    { VHOST_GET_FORK_FROM_OWNER, SHAPE_NONE, SHAPE_BYTE, "fork_owner" },
    { VHOST_SCSI_SET_ENDPOINT, SHAPE_TARGET },
    { VHOST_SCSI_CLEAR_ENDPOINT, SHAPE_TARGET },
    { VHOST_SCSI_GET_ABI_VERSION, SHAPE_NONE, SHAPE_WORD, "abi" },
    { VHOST_SCSI_SET_EVENTS_MISSED, SHAPE_WORD, SHAPE_NONE, "missed" },
    { VHOST_SCSI_GET_EVENTS_MISSED, SHAPE_NONE, SHAPE_WORD, "missed" },
    { VHOST_GET_BACKEND_FEATURES, SHAPE_NONE, SHAPE_LONG, "features" },
    { VHOST_SET_BACKEND_FEATURES, SHAPE_LONG, SHAPE_NONE, "features" },
    { VHOST_NET_SET_BACKEND, SHAPE_PAIR, SHAPE_NONE, "index", "fd" },
    { VHOST_VSOCK_SET_GUEST_CID, SHAPE_LONG, SHAPE_NONE, "cid" },
    { VHOST_VSOCK_SET_RUNNING, SHAPE_WORD, SHAPE_NONE, "running" },
};

static const struct Layout *layout_of(unsigned long request)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(layouts); i++) {
        if (layouts[i].request == request) {
            return &layouts[i];
        }
    }
    return NULL;
}

static void write_addr(char *to, size_t size, const struct vhost_vring_addr *a)
{
    snprintf(to, size,
             "index=%u flags=%u desc=0x%llx avail=0x%llx used=0x%llx "
             "log=0x%llx",
             a->index, a->flags, a->desc_user_addr, a->avail_user_addr,
             a->used_user_addr, a->log_guest_addr);
}

static void write_target(char *to, size_t size,
                         const struct vhost_scsi_target *t)
{
    snprintf(to, size, "wwpn=%.*s tpgt=%u abi=%d", (int)sizeof(t->vhost_wwpn),
             t->vhost_wwpn, t->vhost_tpgt, t->abi_version);
}

/* Writes an argument of that shape; nothing if it cannot be read. */
static void write_shape(char *to, size_t size, Shape shape,
                        const struct Layout *l, const void *arg)
{
    static const size_t sizes[] = {
        [SHAPE_BYTE] = 1,
        [SHAPE_WORD] = 4,
        [SHAPE_LONG] = 8,
        [SHAPE_PAIR] = 8,
        [SHAPE_SECOND] = 8,
        [SHAPE_ADDR] = sizeof(struct vhost_vring_addr),
        [SHAPE_TARGET] = sizeof(struct vhost_scsi_target),
    };
    union {
        uint8_t byte;
        int32_t word[2];
        uint64_t wide;
        struct vhost_vring_addr addr;
        struct vhost_scsi_target target;
    } v;

    to[0] = 0;
    if (shape == SHAPE_NONE ||
        user_read(&v, (uintptr_t)arg, sizes[shape]) < 0) {
        return;
    }
    switch (shape) {
    case SHAPE_BYTE:
        snprintf(to, size, "%s=%u", l->first, v.byte);
        break;
    case SHAPE_WORD:
        snprintf(to, size, "%s=%d", l->first, v.word[0]);
        break;
    case SHAPE_LONG:
        snprintf(to, size, "%s=0x%" PRIx64, l->first, v.wide);
        break;
    case SHAPE_PAIR:
        snprintf(to, size, "%s=%d %s=%d", l->first, v.word[0], l->second,
                 v.word[1]);
        break;
    case SHAPE_SECOND:
        snprintf(to, size, "%s=%d", l->second, v.word[1]);
        break;
    case SHAPE_ADDR:
        write_addr(to, size, &v.addr);
        break;
    case SHAPE_TARGET:
        write_target(to, size, &v.target);
        break;
    case SHAPE_NONE:
        break;
    }
}

void trace_args(char *to, size_t size, unsigned long request, const void *arg)
{
    const struct Layout *l = layout_of(request);

    if (l) {
        write_shape(to, size, l->in, l, arg);
    } else {
        snprintf(to, size, "request=0x%lx", request);
    }
}

/* Keeps a line; fake.lock is held. */
static void keep(char *line)
{
    char **slot = &trace_state.lines[trace_state.number % FAKE_TRACE_MAX];

    if (*slot) {
        free(*slot);
        trace_state.first++;
    }
    *slot = line;
}

void trace_call(const FakeDevice *dev, const char *name, const char *args,
                unsigned long request, const void *arg, int result)
{
    const struct Layout *l = layout_of(request);
    char out[64] = "", *line;
    const char *error = result < 0 ? strerrorname_np(-result) : NULL;
    int len;

    if (result >= 0 && l) {
        write_shape(out, sizeof(out), l->out, l, arg);
    }
    pthread_mutex_lock(&fake.lock);
    len = asprintf(&line, "%" PRIu64 " %s %s%stid=%d dev=%d -> %d%s%s%s%s\n",
                   ++trace_state.number, name, args, *args ? " " : "",
                   current_tid(), dev ? dev->number : 0,
                   result < 0 ? -1 : result, error ? " " : "",
                   error ? error : "", *out ? " " : "", out);
    if (len > 0) {
        if (trace_state.fd >= 0 && write(trace_state.fd, line, len) != len) {
            fprintf(stderr, "libfake-vhost: cannot write the trace: %m\n");
        }
        line[len - 1] = 0;
        keep(line);
    }
    pthread_mutex_unlock(&fake.lock);
}

void trace_list(uint64_t from, void (*line)(void *opaque, const char *text),
                void *opaque)
{
    pthread_mutex_lock(&fake.lock);
    from = from > trace_state.first ? from : trace_state.first;
    for (; from <= trace_state.number; from++) {
        const char *text = trace_state.lines[from % FAKE_TRACE_MAX];

        if (text) {
            line(opaque, text);
        }
    }
    pthread_mutex_unlock(&fake.lock);
}

void trace_reset(void)
{
    pthread_mutex_lock(&fake.lock);
    for (unsigned i = 0; i < FAKE_TRACE_MAX; i++) {
        free(trace_state.lines[i]);
        trace_state.lines[i] = NULL;
    }
    trace_state.number = 0;
    trace_state.first = 1;
    for (unsigned i = 0; i < NAMES_MAX; i++) {
        trace_state.counts[i].count = 0;
    }
    pthread_mutex_unlock(&fake.lock);
}
