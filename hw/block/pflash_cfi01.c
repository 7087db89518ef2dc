/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/block/pflash_cfi01.h"
#include "system/machine.h"
#include "system/runstate.h"
#include "util/error.h"
#include "util/log.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Commands, by the byte that is written to any address of the chip. */
enum {
    CMD_PROGRAM = 0x10,
    CMD_ERASE = 0x20,
    CMD_PROGRAM_ALT = 0x40,
    CMD_CLEAR_STATUS = 0x50,
    CMD_LOCK = 0x60,
    CMD_READ_STATUS = 0x70,
    CMD_READ_ID = 0x90,
    CMD_READ_QUERY = 0x98,
    CMD_CONFIRM = 0xd0,
    CMD_BUFFER = 0xe8,
    CMD_READ_ARRAY = 0xff,
};

/* Status register. */
enum {
    STATUS_LOCKED = 1 << 1,
    STATUS_PROGRAM_ERROR = 1 << 4,
    STATUS_ERASE_ERROR = 1 << 5,
    STATUS_READY = 1 << 7,
};
#define STATUS_SEQUENCE_ERROR (STATUS_PROGRAM_ERROR | STATUS_ERASE_ERROR)

#define BUFFER_SIZE_LOG2 8
#define BUFFER_SIZE      (1u << BUFFER_SIZE_LOG2)
#define MANUFACTURER     0x89 /* Intel */
#define DEVICE_ID        0x18
#define QUERY_FIRST      0x10
#define QUERY_PRIMARY    0x31 /* where its extended table begins */

/* What a read answers. */
typedef enum PFlashMode {
    MODE_ARRAY, /* memory, without an exit */
    MODE_STATUS,
    MODE_ID,
    MODE_QUERY,
} PFlashMode;

/* What the next write is. */
typedef enum PFlashCycle {
    CYCLE_COMMAND,
    CYCLE_PROGRAM_DATA,
    CYCLE_ERASE_CONFIRM,
    CYCLE_BUFFER_COUNT,
    CYCLE_BUFFER_DATA,
    CYCLE_BUFFER_CONFIRM,
    CYCLE_LOCK,
} PFlashCycle;

/* What is to be saved; the contents are in the file. */
typedef struct PFlashState {
    uint8_t mode, cycle, status;
    /* The driver has asked what chip this is: it programs by the book, and
     * looks at the status register after each byte. */
    bool by_the_book;
    uint32_t buffer_start;  /* address of the first byte of the buffer */
    uint16_t buffer_count;  /* bytes that it is to have */
    uint16_t buffer_filled; /* that were written so far */
    uint8_t buffer[BUFFER_SIZE];
} PFlashState;

struct PFlash {
    Device dev;
    PFlashState state;
    MemoryRegion region; /* writes, and what is read by an exit */
    bool secure;         /* property */

    /* Configuration. */
    char *path;       /* owned */
    const char *what; /* borrowed */
    int fd;           /* owned; -1: none */
    bool readonly;
    uint64_t end, size;
    uint8_t *contents; /* mapping of size bytes; owned; NULL: none */

    bool busy;     /* a write to the file is on its way without the lock */
    bool reported; /* the file fails, and that was said */
};

static PFlash *pflash_from(Device *dev)
{
    return container_of(dev, PFlash, dev);
}

/* --- what the guest sees --- */

static int show(PFlash *s, bool array)
{
    const MemorySlot slot = {
        .gpa = s->end - s->size,
        .size = s->size,
        .host = array ? s->contents : NULL,
        .readonly = true,
    };

    return memory_map_set(s->dev.machine, &slot);
}

static void set_mode(PFlash *s, PFlashMode mode)
{
    bool was_array = s->state.mode == MODE_ARRAY;
    bool is_array = mode == MODE_ARRAY;
    int r;

    s->state.mode = mode;
    if (was_array == is_array) {
        return;
    }
    r = show(s, is_array);
    if (r < 0) {
        error_report("%s: the accelerator cannot map the flash again: %s; the "
                     "machine stops",
                     s->what, g_strerror(-r));
        vm_stop_request(s->dev.machine, RUN_STATE_INTERNAL_ERROR);
    }
}

/* The query table, JESD68.01, and behind it the command set's own (JEP137). */
static uint8_t query_byte(const PFlash *s, uint64_t offset)
{
    uint64_t sectors = s->size / PFLASH_SECTOR;
    const uint8_t table[] = {
        'Q',
        'R',
        'Y',
        0x01,
        0x00, /* command set: Intel/Sharp extended */
        QUERY_PRIMARY,
        0x00, /* its table */
        0x00,
        0x00,
        0x00,
        0x00, /* no other command set */
        0x45,
        0x55,
        0x00,
        0x00, /* 4.5 to 5.5 V, no other */
        0x07,
        0x07,
        0x0a,
        0x00, /* typical times: 128 us, 128 us, 1 s */
        0x04,
        0x04,
        0x04,
        0x00, /* at most 16 times that */
        (uint8_t)g_bit_storage((gulong)(s->size - 1)),
        0x00,
        0x00, /* a bus of 8 bits */
        BUFFER_SIZE_LOG2,
        0x00,
        0x01, /* one kind of sectors: how many less 1, size */
        (uint8_t)(sectors - 1),
        (uint8_t)((sectors - 1) >> 8),
        (uint8_t)(PFLASH_SECTOR >> 8),
        (uint8_t)(PFLASH_SECTOR >> 16),
        'P',
        'R',
        'I',
        '1',
        '0',
        0x00,
        0x00,
        0x00,
        0x00, /* no optional command */
        0x00, /* nothing works while it is suspended */
        0x00,
        0x00, /* no lock bits */
        0x50,
        0x00, /* 5.0 V */
    };

    static_assert(QUERY_FIRST + 33 == QUERY_PRIMARY, "JESD68.01");
    return offset >= QUERY_FIRST && offset - QUERY_FIRST < sizeof(table)
               ? table[offset - QUERY_FIRST]
               : 0;
}

static uint8_t read_byte(const PFlash *s, uint64_t offset)
{
    switch ((PFlashMode)s->state.mode) {
    case MODE_STATUS:
        return s->state.status;
    case MODE_ID:
        return offset == 0 ? MANUFACTURER : offset == 1 ? DEVICE_ID : 0;
    case MODE_QUERY:
        return query_byte(s, offset);
    case MODE_ARRAY:
    default:
        return s->contents[offset];
    }
}

/* --- the file --- */

static int write_all(int fd, const uint8_t *bytes, uint64_t len,
                     uint64_t offset)
{
    while (len) {
        ssize_t n = pwrite(fd, bytes, len, (off_t)offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        bytes += n;
        offset += (uint64_t)n;
        len -= (uint64_t)n;
    }
    return 0;
}

/* What the file has become meanwhile: a sentence, or NULL if it is as it was.
 * One that is shorter is written anew as a whole. */
static const char *check_file(const PFlash *s, int *ret)
{
    struct stat st;

    if (fstat(s->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        return NULL;
    }
    if ((uint64_t)st.st_size < s->size) {
        *ret = write_all(s->fd, s->contents, s->size, 0);
        return "became shorter, and was written anew; keep other programs from "
               "it";
    }
    if (st.st_nlink == 0) {
        return "was removed: what the guest stores will be lost when it ends; "
               "copy /proc/PID/fd of the emulator before that";
    }
    return NULL;
}

/* Has [@offset, @offset + @len), within one sector, be @bytes in the file and
 * then in memory. Releases the machine lock while the file is written. Returns
 * 0 or -errno, which was reported. */
static int store(PFlash *s, uint64_t offset, const uint8_t *bytes, uint64_t len)
{
    Machine *m = s->dev.machine;
    const char *changed;
    int r;

    s->busy = true;
    machine_unlock(m);
    r = write_all(s->fd, bytes, len, offset);
    if (r == 0) {
        memcpy(s->contents + offset, bytes, len);
    }
    changed = r == 0 ? check_file(s, &r) : NULL;
    machine_lock(m);
    s->busy = false;
    g_cond_broadcast(&m->cond);

    if (r < 0 && !s->reported) {
        error_report("%s: cannot write '%s': %s; the guest is told that its "
                     "flash fails",
                     s->what, s->path, g_strerror(-r));
    } else if (changed && !s->reported) {
        error_report("%s: '%s' %s", s->what, s->path, changed);
    }
    s->reported = r < 0 || changed;
    return r;
}

static void wait_idle(PFlash *s)
{
    while (s->busy) {
        g_cond_wait(&s->dev.machine->cond, &s->dev.machine->lock);
    }
}

/* --- commands --- */

/* What @error says in the status register if the chip cannot do it. */
static void finish_store(PFlash *s, int r, uint8_t error)
{
    s->state.status |= STATUS_READY;
    if (r < 0) {
        s->state.status |= error;
    }
}

/* Bits can only be cleared; an erase sets them. */
static void program(PFlash *s, uint64_t offset, const uint8_t *bytes,
                    unsigned len)
{
    uint8_t now[BUFFER_SIZE];

    if (s->readonly) {
        s->state.status |= STATUS_READY | STATUS_PROGRAM_ERROR | STATUS_LOCKED;
        return;
    }
    for (unsigned i = 0; i < len; i++) {
        now[i] = s->contents[offset + i] & bytes[i];
    }
    finish_store(s, store(s, offset, now, len), STATUS_PROGRAM_ERROR);
}

static void erase(PFlash *s, uint64_t offset)
{
    uint8_t blank[PFLASH_SECTOR];

    if (s->readonly) {
        s->state.status |= STATUS_READY | STATUS_ERASE_ERROR | STATUS_LOCKED;
        return;
    }
    memset(blank, 0xff, sizeof(blank));
    finish_store(s,
                 store(s, offset & ~(PFLASH_SECTOR - 1), blank, sizeof(blank)),
                 STATUS_ERASE_ERROR);
}

static void sequence_error(PFlash *s)
{
    log_item(LOG_GUEST_ERROR, "%s: a command was not completed", s->what);
    s->state.status |= STATUS_READY | STATUS_SEQUENCE_ERROR;
    s->state.cycle = CYCLE_COMMAND;
}

static void begin_command(PFlash *s, uint8_t command)
{
    switch (command) {
    case CMD_PROGRAM:
    case CMD_PROGRAM_ALT:
        /* A driver that knows the chip by its command line only programs many
         * bytes one after the other and never looks at the status: for it the
         * array stays where it is, since changing that is dear. */
        s->state.cycle = CYCLE_PROGRAM_DATA;
        break;
    case CMD_ERASE:
        s->state.cycle = CYCLE_ERASE_CONFIRM;
        break;
    case CMD_BUFFER:
        s->state.status |= STATUS_READY; /* the buffer is free */
        s->state.cycle = CYCLE_BUFFER_COUNT;
        set_mode(s, MODE_STATUS);
        break;
    case CMD_LOCK:
        s->state.cycle = CYCLE_LOCK;
        break;
    case CMD_CLEAR_STATUS:
        /* All of it: OVMF tells a flash from RAM and ROM by a 0 here. */
        s->state.status = 0;
        break;
    case CMD_READ_STATUS:
        set_mode(s, MODE_STATUS);
        break;
    case CMD_READ_ID:
    case CMD_READ_QUERY:
        s->state.by_the_book = true;
        set_mode(s, command == CMD_READ_ID ? MODE_ID : MODE_QUERY);
        break;
    case CMD_READ_ARRAY:
        set_mode(s, MODE_ARRAY);
        break;
    default:
        log_item(LOG_GUEST_ERROR, "%s: unknown command 0x%x", s->what, command);
        set_mode(s, MODE_ARRAY);
        break;
    }
}

static void begin_buffer(PFlash *s, uint8_t count)
{
    s->state.buffer_count = (uint16_t)(count + 1);
    s->state.buffer_filled = 0;
    memset(s->state.buffer, 0xff, sizeof(s->state.buffer));
    s->state.cycle = CYCLE_BUFFER_DATA;
}

static void fill_buffer(PFlash *s, uint64_t offset, uint8_t value)
{
    PFlashState *state = &s->state;

    if (!state->buffer_filled) {
        state->buffer_start = (uint32_t)offset;
    }
    /* All of it within one page of the buffer's size, so within the chip. */
    if (offset < state->buffer_start ||
        offset - state->buffer_start >= state->buffer_count ||
        offset / BUFFER_SIZE != state->buffer_start / BUFFER_SIZE) {
        sequence_error(s);
        return;
    }
    state->buffer[offset - state->buffer_start] = value;
    if (++state->buffer_filled == state->buffer_count) {
        state->cycle = CYCLE_BUFFER_CONFIRM;
    }
}

static void write_byte(PFlash *s, uint64_t offset, uint8_t value)
{
    PFlashCycle cycle = s->state.cycle;

    s->state.cycle = CYCLE_COMMAND;
    switch (cycle) {
    case CYCLE_PROGRAM_DATA:
        program(s, offset, &value, 1);
        if (s->state.by_the_book) {
            set_mode(s, MODE_STATUS);
        }
        break;
    case CYCLE_ERASE_CONFIRM:
        set_mode(s, MODE_STATUS);
        if (value == CMD_CONFIRM) {
            erase(s, offset);
        } else {
            sequence_error(s);
        }
        break;
    case CYCLE_BUFFER_COUNT:
        begin_buffer(s, value);
        break;
    case CYCLE_BUFFER_DATA:
        s->state.cycle = CYCLE_BUFFER_DATA;
        fill_buffer(s, offset, value);
        break;
    case CYCLE_BUFFER_CONFIRM:
        if (value == CMD_CONFIRM) {
            program(s, s->state.buffer_start, s->state.buffer,
                    s->state.buffer_count);
        } else {
            sequence_error(s);
        }
        break;
    case CYCLE_LOCK: /* there are no lock bits: each of them is taken */
        set_mode(s, MODE_STATUS);
        s->state.status |= STATUS_READY;
        break;
    case CYCLE_COMMAND:
    default:
        begin_command(s, value);
        break;
    }
}

/* An access of more than a byte is as many cycles of the bus. */
static uint64_t flash_read(void *opaque, uint64_t offset, unsigned size)
{
    PFlash *s = opaque;
    uint64_t value = 0;

    wait_idle(s);
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)read_byte(s, offset + i) << (8 * i);
    }
    trace(pflash_read, "%s mode=%u offset=0x%" PRIx64 " value=0x%" PRIx64,
          s->what, s->state.mode, offset, value);
    return value;
}

static void flash_write(void *opaque, uint64_t offset, uint64_t value,
                        unsigned size)
{
    PFlash *s = opaque;

    trace(pflash_write, "%s cycle=%u offset=0x%" PRIx64 " value=0x%" PRIx64,
          s->what, s->state.cycle, offset, value);
    for (unsigned i = 0; i < size; i++) {
        wait_idle(s);
        write_byte(s, offset + i, (uint8_t)(value >> (8 * i)));
    }
}

static const MemoryRegionOps flash_ops = {
    .read = flash_read,
    .write = flash_write,
};

/* --- life --- */

static bool open_flash(PFlash *s, GError **errp)
{
    int flags = (s->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK;
    struct stat st;
    off_t size;

    s->fd = neg_errno(open(s->path, flags));
    if (s->fd < 0) {
        int r = -s->fd;
        bool denied = !s->readonly && (r == EACCES || r == EROFS);

        s->fd = -1;
        error_setg_errno(errp, r, "%s: cannot open '%s'%s", s->what, s->path,
                         denied ? " for writing, and readonly=on is not given"
                                : "");
        return false;
    }
    if (fstat(s->fd, &st) < 0 ||
        (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))) {
        error_setg(errp,
                   "%s: '%s' is neither a file nor a block device; give one",
                   s->what, s->path);
        return false;
    }
    size = lseek(s->fd, 0, SEEK_END);
    if (size <= 0 || size % (off_t)PFLASH_SECTOR ||
        (uint64_t)size > PFLASH_SIZE_MAX) {
        error_setg(errp,
                   "%s: '%s' has %jd bytes: a flash has whole sectors of "
                   "4096, at most %d MiB; copy the firmware's file again",
                   s->what, s->path, (intmax_t)size,
                   (int)(PFLASH_SIZE_MAX / MiB));
        return false;
    }
    s->size = (uint64_t)size;
    return true;
}

/* A second writer would spoil the store for both. Where the file system has no
 * locks, there is nothing to be done. */
static bool lock_flash(PFlash *s, GError **errp)
{
    struct flock lock = {
        .l_type = s->readonly ? F_RDLCK : F_WRLCK,
        .l_whence = SEEK_SET,
    };

    if (fcntl(s->fd, F_OFD_SETLK, &lock) < 0 &&
        (errno == EAGAIN || errno == EACCES)) {
        error_setg(errp,
                   "%s: '%s' is in use by another process; give each guest a "
                   "copy of its own",
                   s->what, s->path);
        return false;
    }
    return true;
}

static bool read_flash(PFlash *s, GError **errp)
{
    void *p = mmap(NULL, s->size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int r;

    if (p == MAP_FAILED) {
        error_setg_errno(errp, errno, "%s: no memory for '%s'", s->what,
                         s->path);
        return false;
    }
    s->contents = p;
    r = pread_all(s->fd, s->contents, s->size, 0);
    if (r == -ENODATA) {
        error_setg(errp, "%s: '%s' became shorter while it was read; try again",
                   s->what, s->path);
    } else if (r < 0) {
        error_setg_errno(errp, -r, "%s: cannot read '%s'", s->what, s->path);
    }
    return r == 0;
}

static bool check_place(const PFlash *s, GError **errp)
{
    if (s->secure) {
        error_setg(errp,
                   "cfi.pflash01: secure=on needs SMM, which this machine does "
                   "not have; choose a firmware without Secure Boot: in a "
                   "domain's XML <firmware><feature enabled='no' "
                   "name='secure-boot'/></firmware>");
        return false;
    }
    if (s->size > s->end || s->end - s->size < 4 * GiB - PFLASH_SIZE_MAX) {
        error_setg(errp,
                   "%s: '%s' makes the flash larger than %d MiB; use the "
                   "files of one firmware",
                   s->what, s->path, (int)(PFLASH_SIZE_MAX / MiB));
        return false;
    }
    return true;
}

static void pflash_instance_init(Device *dev)
{
    pflash_from(dev)->fd = -1;
}

static bool pflash_realize(Device *dev, GError **errp)
{
    PFlash *s = pflash_from(dev);
    int r;

    if (!open_flash(s, errp) || !lock_flash(s, errp) || !check_place(s, errp) ||
        !read_flash(s, errp)) {
        return false;
    }
    memory_region_init(&s->region, "pflash", &flash_ops, s, s->size);
    s->region.priority = 1; /* over any BAR that a guest puts there */
    memory_region_map(&s->region, &dev->machine->memory, s->end - s->size);
    r = show(s, true);
    if (r < 0) {
        error_setg_errno(errp, -r, "%s: the accelerator cannot map '%s'",
                         s->what, s->path);
    }
    return r == 0;
}

static void pflash_unrealize(Device *dev)
{
    PFlash *s = pflash_from(dev);

    memory_region_unmap(&s->region);
    if (s->contents) {
        (void)show(s, false);
        munmap(s->contents, s->size);
        s->contents = NULL;
    }
    close_fd(&s->fd);
    g_clear_pointer(&s->path, g_free);
}

static void pflash_reset(Device *dev)
{
    PFlash *s = pflash_from(dev);

    set_mode(s, MODE_ARRAY);
    s->state = (PFlashState){ .mode = MODE_ARRAY, .status = STATUS_READY };
}

static const Property pflash_props[] = {
    PROP_BOOL("secure", PFlash, secure,
              .summary = "refused: writing from SMM only, and there is no SMM"),
    { 0 },
};

const DeviceType pflash_cfi01_type = {
    .name = "cfi.pflash01",
    .summary = "flash memory of the firmware",
    .size = sizeof(PFlash),
    .props = pflash_props,
    .instance_init = pflash_instance_init,
    .realize = pflash_realize,
    .unrealize = pflash_unrealize,
    .reset = pflash_reset,
};

PFlash *pflash_cfi01_new(Machine *machine, const char *what, const char *path,
                         bool readonly, uint64_t end, GError **errp)
{
    Device *dev = device_new(&machine->tree, &pflash_cfi01_type);
    PFlash *s = pflash_from(dev);

    s->what = what;
    s->path = g_strdup(path);
    s->readonly = readonly;
    s->end = end;
    if (!device_realize(dev, errp)) {
        device_free(dev);
        return NULL;
    }
    return s;
}

uint64_t pflash_size(const PFlash *s)
{
    return s->size;
}

uint8_t *pflash_contents(PFlash *s)
{
    return s->contents;
}
