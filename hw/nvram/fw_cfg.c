/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/nvram/fw_cfg.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/log.h"

/* Registers, from FW_CFG_PORT on. The address of a DMA command is big endian,
 * and reads as a signature. */
#define REG_SELECTOR 0 /* 2 bytes; only written */
#define REG_DATA     1 /* 1 byte; only read */
#define REG_DMA_HIGH 4 /* 4 bytes */
#define REG_DMA_LOW  8 /* 4 bytes; a write starts the command */

#define SIGNATURE     "QEMU"
#define DMA_SIGNATURE "QEMU CFG" /* as long as both registers */

#define ID_TRADITIONAL (1 << 0)
#define ID_DMA         (1 << 1)

/* A bit of a key by which guests once asked to write; without a meaning. */
#define KEY_WRITE 0x4000

/* Bits of a DMA command's control field; the key is in the upper half. */
#define DMA_ERROR  (1u << 0)
#define DMA_READ   (1u << 1)
#define DMA_SKIP   (1u << 2)
#define DMA_SELECT (1u << 3)
#define DMA_WRITE  (1u << 4)

/* A DMA command in guest memory. All big endian. */
typedef struct FwCfgDma {
    uint32_t control;
    uint32_t length;
    uint64_t address;
} FwCfgDma;

static_assert(sizeof(FwCfgDma) == 16, "fw_cfg, DMA interface");

/* An entry of the directory; integers are big endian. */
typedef struct FwCfgDirEntry {
    uint32_t size;
    uint16_t key;
    uint16_t reserved;
    char name[FW_CFG_NAME_MAX + 1];
} FwCfgDirEntry;

static_assert(sizeof(FwCfgDirEntry) == 64, "fw_cfg, file directory");

typedef struct FwCfgFile {
    char *name;
    GBytes *data;
} FwCfgFile;

/* What is to be saved. */
typedef struct FwCfgState {
    uint16_t key;      /* of the selected item */
    uint32_t offset;   /* of the next byte in it */
    uint32_t dma_high; /* of the address of the next command */
    bool prepared;     /* the board was called since the last reset */
} FwCfgState;

struct FwCfg {
    Device dev;
    FwCfgState state;
    MemoryRegion region;
    GHashTable *items; /* GBytes by key; owned */
    GPtrArray *files;  /* FwCfgFile, owned, by name */
    const char *const *prepare_names;
    FwCfgPrepare *prepare;
    void *prepare_opaque;
};

static FwCfg *fw_cfg_from(Device *dev)
{
    return container_of(dev, FwCfg, dev);
}

/* --- what there is --- */

static void free_file(gpointer data)
{
    FwCfgFile *file = data;

    g_free(file->name);
    g_bytes_unref(file->data);
    g_free(file);
}

static FwCfgFile *file_at(const FwCfg *s, unsigned i)
{
    return g_ptr_array_index(s->files, i);
}

static FwCfgFile *find_file(const FwCfg *s, const char *name)
{
    for (unsigned i = 0; i < s->files->len; i++) {
        if (g_str_equal(file_at(s, i)->name, name)) {
            return file_at(s, i);
        }
    }
    return NULL;
}

/* The file that the key @key stands for, or NULL. */
static FwCfgFile *file_of_key(const FwCfg *s, uint16_t key)
{
    unsigned i = (unsigned)key - FW_CFG_FILE_FIRST;

    return i < s->files->len ? file_at(s, i) : NULL;
}

/* The item of @key, borrowed, or NULL. */
static GBytes *find_item(const FwCfg *s, uint16_t key)
{
    const FwCfgFile *file = file_of_key(s, key);

    return file ? file->data
                : g_hash_table_lookup(s->items, GUINT_TO_POINTER(key));
}

/* Files have the keys of their places: the directory is made anew with each. */
static void build_directory(FwCfg *s)
{
    GByteArray *dir = g_byte_array_new();
    uint32_t count = GUINT32_TO_BE(s->files->len);

    g_byte_array_append(dir, (const uint8_t *)&count, sizeof(count));
    for (unsigned i = 0; i < s->files->len; i++) {
        const FwCfgFile *file = file_at(s, i);
        FwCfgDirEntry entry = {
            .size = GUINT32_TO_BE((uint32_t)g_bytes_get_size(file->data)),
            .key = GUINT16_TO_BE((uint16_t)(FW_CFG_FILE_FIRST + i)),
        };

        g_strlcpy(entry.name, file->name, sizeof(entry.name));
        g_byte_array_append(dir, (const uint8_t *)&entry, sizeof(entry));
    }
    fw_cfg_set(s, FW_CFG_FILE_DIR, g_byte_array_free_to_bytes(dir));
}

void fw_cfg_set(FwCfg *s, FwCfgKey key, GBytes *data)
{
    assert(g_bytes_get_size(data) <= FW_CFG_ITEM_MAX);
    g_hash_table_replace(s->items, GUINT_TO_POINTER(key), data);
}

void fw_cfg_set_int(FwCfg *s, FwCfgKey key, uint64_t value, unsigned size)
{
    uint64_t le = GUINT64_TO_LE(value);

    assert(size == 2 || size == 4 || size == 8);
    fw_cfg_set(s, key, g_bytes_new(&le, size));
}

bool fw_cfg_check_name(const char *name, GError **errp)
{
    size_t len = strlen(name);

    if (len < 1 || len > FW_CFG_NAME_MAX) {
        error_setg(errp, "the name of a file has 1 to %d bytes, '%s' has %zu",
                   FW_CFG_NAME_MAX, name, len);
        return false;
    }
    return true;
}

static bool check_file(const FwCfg *s, const char *name, GBytes *data,
                       GError **errp)
{
    if (!fw_cfg_check_name(name, errp)) {
        g_prefix_error(errp, "fw_cfg: ");
        return false;
    }
    if (find_file(s, name)) {
        error_setg(errp, "fw_cfg: there is a file '%s' already", name);
        return false;
    }
    if (s->files->len >= FW_CFG_FILES_MAX) {
        error_setg(errp, "fw_cfg: no room for the file '%s': there are %d",
                   name, FW_CFG_FILES_MAX);
        return false;
    }
    if (g_bytes_get_size(data) > FW_CFG_ITEM_MAX) {
        error_setg(errp, "fw_cfg: the file '%s' has more than %u bytes", name,
                   FW_CFG_ITEM_MAX);
        return false;
    }
    return true;
}

bool fw_cfg_add_file(FwCfg *s, const char *name, GBytes *data, GError **errp)
{
    FwCfgFile *file;
    unsigned i = 0;

    if (!check_file(s, name, data, errp)) {
        g_bytes_unref(data);
        return false;
    }
    while (i < s->files->len && strcmp(file_at(s, i)->name, name) < 0) {
        i++;
    }
    file = g_new(FwCfgFile, 1);
    *file = (FwCfgFile){ .name = g_strdup(name), .data = data };
    g_ptr_array_insert(s->files, (int)i, file);
    build_directory(s);
    return true;
}

void fw_cfg_replace_file(FwCfg *s, const char *name, GBytes *data)
{
    FwCfgFile *file = find_file(s, name);

    assert(file);
    g_bytes_unref(file->data);
    file->data = data;
    build_directory(s);
}

void fw_cfg_set_prepare(FwCfg *s, const char *const *names,
                        FwCfgPrepare *prepare, void *opaque)
{
    s->prepare_names = names;
    s->prepare = prepare;
    s->prepare_opaque = opaque;
}

GBytes *fw_cfg_file(const FwCfg *s, const char *name)
{
    const FwCfgFile *file = find_file(s, name);

    return file ? file->data : NULL;
}

/* --- what a guest does --- */

static bool must_prepare(const FwCfg *s)
{
    const FwCfgFile *file = file_of_key(s, s->state.key);

    return s->prepare && !s->state.prepared && file &&
           g_strv_contains(s->prepare_names, file->name);
}

static void select_item(FwCfg *s, uint16_t key)
{
    const FwCfgFile *file;

    s->state.key = key & ~KEY_WRITE;
    s->state.offset = 0;
    file = file_of_key(s, s->state.key);
    trace(fw_cfg_select, "key=0x%x size=%zu file=%s", s->state.key,
          find_item(s, s->state.key)
              ? g_bytes_get_size(find_item(s, s->state.key))
              : 0,
          file ? file->name : "-");
    if (must_prepare(s)) {
        s->state.prepared = true;
        s->prepare(s->prepare_opaque);
    }
}

/* Goes on by @len bytes in the selected item, or to its end. What is passed
 * over is copied to @to, which may be NULL; behind the end there are zeroes. */
static void read_item(FwCfg *s, uint8_t *to, uint32_t len)
{
    GBytes *item = find_item(s, s->state.key);
    size_t size = 0;
    const uint8_t *data = item ? g_bytes_get_data(item, &size) : NULL;
    size_t left = size > s->state.offset ? size - s->state.offset : 0;
    uint32_t n = (uint32_t)MIN(left, len);

    if (to && n) {
        memcpy(to, data + s->state.offset, n);
    }
    if (to && n < len) {
        memset(to + n, 0, len - n);
    }
    s->state.offset += n;
}

static int dma_read(FwCfg *s, uint64_t gpa, uint32_t len)
{
    uint8_t *to;

    if (!len) {
        return 0;
    }
    if (len > FW_CFG_DMA_MAX) {
        return -E2BIG;
    }
    to = guest_ram_ptr(&s->dev.machine->ram, gpa, len);
    if (!to) {
        return -EFAULT;
    }
    read_item(s, to, len);
    return 0;
}

static int dma_carry_out(FwCfg *s, uint32_t control, uint32_t len, uint64_t gpa)
{
    if (control & DMA_SELECT) {
        select_item(s, (uint16_t)(control >> 16));
    }
    if (control & DMA_READ) {
        return dma_read(s, gpa, len);
    }
    if (control & DMA_WRITE) {
        return -EROFS; /* there is no item that a guest may write */
    }
    if (control & DMA_SKIP) {
        read_item(s, NULL, len);
    }
    return 0;
}

/* The command at @desc_gpa. */
static void run_dma(FwCfg *s, uint64_t desc_gpa)
{
    FwCfgDma *desc = guest_ram_ptr(&s->dev.machine->ram, desc_gpa,
                                   sizeof(FwCfgDma));
    uint32_t control, len, result;
    uint64_t gpa;
    FwCfgDma cmd;
    int r;

    if (!desc) {
        log_item(LOG_GUEST_ERROR,
                 "fw_cfg: DMA command at 0x%" PRIx64 ", which is no RAM",
                 desc_gpa);
        return;
    }
    memcpy(&cmd, desc, sizeof(cmd));
    control = GUINT32_FROM_BE(cmd.control);
    len = GUINT32_FROM_BE(cmd.length);
    gpa = GUINT64_FROM_BE(cmd.address);
    r = dma_carry_out(s, control, len, gpa);
    trace(fw_cfg_dma,
          "control=0x%x length=%" PRIu32 " address=0x%" PRIx64 " ret=%d",
          control, len, gpa, r);
    if (r < 0) {
        log_item(LOG_GUEST_ERROR,
                 "fw_cfg: DMA command 0x%x of %" PRIu32 " bytes at 0x%" PRIx64
                 ": %s",
                 control, len, gpa, g_strerror(-r));
    }
    /* The buffer may have been where the command is. */
    result = GUINT32_TO_BE(r < 0 ? DMA_ERROR : 0);
    memcpy(&desc->control, &result, sizeof(result));
}

static uint64_t fw_cfg_read(void *opaque, uint64_t offset, unsigned size)
{
    FwCfg *s = opaque;
    uint64_t value = 0;
    uint8_t byte;

    if (offset == REG_DATA && size == 1) {
        read_item(s, &byte, 1);
        trace(fw_cfg_read, "key=0x%x value=0x%x", s->state.key, byte);
        return byte;
    }
    if (offset < REG_DMA_HIGH) {
        return UINT64_MAX;
    }
    for (unsigned i = 0; i < size; i++) {
        byte = (uint8_t)DMA_SIGNATURE[offset - REG_DMA_HIGH + i];
        value |= (uint64_t)byte << (8 * i);
    }
    return value;
}

static void fw_cfg_write(void *opaque, uint64_t offset, uint64_t value,
                         unsigned size)
{
    FwCfg *s = opaque;
    uint32_t swapped = GUINT32_SWAP_LE_BE((uint32_t)value);

    if (offset == REG_SELECTOR && size == 2) {
        select_item(s, (uint16_t)value);
    } else if (offset == REG_DMA_HIGH && size == 4) {
        s->state.dma_high = swapped;
    } else if (offset == REG_DMA_LOW && size == 4) {
        uint64_t gpa = (uint64_t)s->state.dma_high << 32 | swapped;

        /* A firmware that has no more than 4 GiB writes this half alone. */
        s->state.dma_high = 0;
        run_dma(s, gpa);
    } else {
        log_item(LOG_GUEST_ERROR,
                 "fw_cfg: write of %u bytes to port 0x%" PRIx64, size,
                 FW_CFG_PORT + offset);
    }
}

static const MemoryRegionOps fw_cfg_ops = {
    .read = fw_cfg_read,
    .write = fw_cfg_write,
};

/* --- life --- */

static void fw_cfg_instance_init(Device *dev)
{
    FwCfg *s = fw_cfg_from(dev);

    s->items = g_hash_table_new_full(NULL, NULL, NULL,
                                     (GDestroyNotify)g_bytes_unref);
    s->files = g_ptr_array_new_with_free_func(free_file);
}

static bool fw_cfg_realize(Device *dev, GError **errp)
{
    FwCfg *s = fw_cfg_from(dev);

    fw_cfg_set(s, FW_CFG_SIGNATURE,
               g_bytes_new_static(SIGNATURE, strlen(SIGNATURE)));
    fw_cfg_set_int(s, FW_CFG_ID, ID_TRADITIONAL | ID_DMA, 4);
    build_directory(s);
    memory_region_init(&s->region, "fw_cfg", &fw_cfg_ops, s, FW_CFG_PORT_SIZE);
    s->region.priority = 1; /* over any BAR that a guest puts there */
    memory_region_map(&s->region, &dev->machine->io, FW_CFG_PORT);
    return true;
}

static void fw_cfg_unrealize(Device *dev)
{
    FwCfg *s = fw_cfg_from(dev);

    memory_region_unmap(&s->region);
    g_clear_pointer(&s->items, g_hash_table_unref);
    g_clear_pointer(&s->files, g_ptr_array_unref);
}

static void fw_cfg_reset(Device *dev)
{
    fw_cfg_from(dev)->state = (FwCfgState){ .key = FW_CFG_SIGNATURE };
}

/* The files of -fw_cfg. */
static bool add_config_files(FwCfg *s, const MachineConfig *c, GError **errp)
{
    for (unsigned i = 0; i < c->fw_cfg->len; i++) {
        const ConfigFile *file = g_ptr_array_index(c->fw_cfg, i);

        if (!fw_cfg_add_file(s, file->name, g_bytes_ref(file->data), errp)) {
            return false;
        }
    }
    return true;
}

FwCfg *fw_cfg_new(Machine *machine, GError **errp)
{
    Device *dev = device_new(&machine->tree, &fw_cfg_type);

    if (!device_realize(dev, errp)) {
        device_free(dev);
        return NULL;
    }
    return add_config_files(fw_cfg_from(dev), &machine->config, errp)
               ? fw_cfg_from(dev)
               : NULL;
}

const DeviceType fw_cfg_type = {
    .name = "fw_cfg_io",
    .summary = "what a firmware reads of its machine",
    .bus = BUS_NONE,
    .size = sizeof(FwCfg),
    .instance_init = fw_cfg_instance_init,
    .realize = fw_cfg_realize,
    .unrealize = fw_cfg_unrealize,
    .reset = fw_cfg_reset,
};
