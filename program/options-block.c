/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that give a firmware its flash: -pflash, -drive if=pflash, and
 * -blockdev with -machine pflash0=NODE. There is no other use of drives: disks
 * are LUNs of the host's SCSI target. */
#include "options-int.h"
#include "program/registry.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/keyval.h"

static bool set_flash(Options *o, const char *what, unsigned unit,
                      const char *path, bool readonly, GError **errp)
{
    FlashConfig *flash = &o->config.pflash[unit];

    if (flash->path) {
        error_setg(errp, "%s: flash %u is there already: it is '%s'", what,
                   unit, flash->path);
        return false;
    }
    flash->path = g_strdup(path);
    flash->readonly = readonly;
    return true;
}

static bool check_format(const char *what, const char *format, GError **errp)
{
    if (format && !g_str_equal(format, "raw")) {
        error_setg(errp, "%s: format '%s' is not supported: a flash is raw",
                   what, format);
        return false;
    }
    return true;
}

/* --- -pflash, -drive --- */

/* The first unit that is free. */
static unsigned next_unit(const Options *o)
{
    return o->config.pflash[0].path ? 1 : 0;
}

bool option_pflash(Options *o, const char *arg, GError **errp)
{
    return set_flash(o, "-pflash", next_unit(o), arg, false, errp);
}

static bool get_unit(const Options *o, json_object *dict, unsigned *ret_unit,
                     GError **errp)
{
    const char *unit = keyval_get(dict, "unit");
    const char *index = keyval_get(dict, "index");
    const char *text = unit ? unit : index;
    uint64_t n = next_unit(o);

    if (text && (parse_u64(text, &n) < 0 || n >= FLASH_UNITS)) {
        error_setg(errp,
                   "-drive: unit '%s' of a flash: 0, the firmware, or 1, its "
                   "variables, is expected",
                   text);
        return false;
    }
    *ret_unit = (unsigned)n;
    return true;
}

bool option_drive(Options *o, const char *arg, GError **errp)
{
    static const char *const keys[] = { "if",   "file",  "format",
                                        "unit", "index", "readonly",
                                        "id",   "cache", NULL };
    auto_json *dict = keyval_parse(arg, "file", errp);
    const char *interface, *file;
    unsigned unit;
    bool readonly;

    if (!dict) {
        return false;
    }
    interface = keyval_get(dict, "if");
    if (!interface || !g_str_equal(interface, "pflash")) {
        error_setg(errp,
                   "-drive: only if=pflash, the firmware's flash, is "
                   "supported: %s",
                   absent_instead("-drive"));
        return false;
    }
    file = keyval_get(dict, "file");
    if (!keyval_check_keys(dict, "-drive", keys, errp) ||
        !check_format("-drive", keyval_get(dict, "format"), errp) ||
        !option_check_switch("-drive", dict, "readonly", &readonly, errp) ||
        !get_unit(o, dict, &unit, errp)) {
        return false;
    }
    if (!file) {
        error_setg(errp, "-drive: file=FILE is missing");
        return false;
    }
    return set_flash(o, "-drive", unit, file, readonly, errp);
}

/* --- -blockdev --- */

bool option_blockdev(Options *o, const char *arg, GError **errp)
{
    json_object *dict = keyval_parse(arg, "driver", errp);

    return dict && option_add_repeat(o->blockdevs, dict, "-blockdev", errp);
}

static json_object *find_node(const Options *o, const char *name)
{
    for (unsigned i = 0; i < o->blockdevs->len; i++) {
        json_object *node = g_ptr_array_index(o->blockdevs, i);

        if (!g_strcmp0(keyval_get(node, "node-name"), name)) {
            return node;
        }
    }
    return NULL;
}

/* How a flash's node leads to its file. */
typedef struct FlashNode {
    const char *path; /* borrowed */
    bool readonly;
    unsigned used; /* nodes on the way */
} FlashNode;

static bool check_node(json_object *node, const char *driver, GError **errp)
{
    static const char *const raw[] = { "driver",         "node-name",
                                       "file",           "read-only",
                                       "auto-read-only", "discard",
                                       "cache",          NULL };
    static const char *const file[] = {
        "driver",  "node-name", "filename", "read-only", "auto-read-only",
        "discard", "cache",     "aio",      "locking",   NULL
    };
    bool is_raw = g_str_equal(driver, "raw");

    if (!is_raw && !g_str_equal(driver, "file") &&
        !g_str_equal(driver, "host_device")) {
        error_setg(errp,
                   "-blockdev: driver '%s' is not supported: a flash is 'raw' "
                   "on 'file'; %s",
                   driver, absent_instead("-blockdev"));
        return false;
    }
    return keyval_check_keys(node, "-blockdev", is_raw ? raw : file, errp);
}

/* Follows @node, which may be raw on file, or a file. */
static bool follow_node(const Options *o, json_object *node, FlashNode *f,
                        GError **errp)
{
    const char *driver = keyval_get(node, "driver");
    json_object *below = NULL;
    const char *name;
    bool readonly;

    if (!check_node(node, driver ? driver : "", errp) ||
        !option_check_switch("-blockdev", node, "read-only", &readonly, errp)) {
        return false;
    }
    f->readonly |= readonly;
    f->used++;
    if (!g_str_equal(driver, "raw")) {
        f->path = keyval_get(node, "filename");
        if (!f->path) {
            error_setg(errp, "-blockdev: driver '%s': filename=FILE is missing",
                       driver);
        }
        return f->path;
    }
    json_object_object_get_ex(node, "file", &below);
    if (json_object_is_type(below, json_type_object)) {
        f->used--; /* it has no place of its own in the list */
    } else {
        name = keyval_get(node, "file");
        below = name ? find_node(o, name) : NULL;
        if (!below || f->used > 1) {
            error_setg(errp,
                       "-blockdev: driver 'raw': file=NODE must name a node "
                       "of driver 'file'");
            return false;
        }
    }
    return follow_node(o, below, f, errp);
}

static bool take_nodes(Options *o, unsigned *ret_used, GError **errp)
{
    *ret_used = 0;
    for (unsigned unit = 0; unit < FLASH_UNITS; unit++) {
        g_autofree char *what = g_strdup_printf("-machine pflash%u", unit);
        const char *name = o->pflash_nodes[unit];
        json_object *node = name ? find_node(o, name) : NULL;
        FlashNode f = { 0 };

        if (!name) {
            continue;
        }
        if (!node) {
            error_setg(errp, "%s: there is no -blockdev with node-name=%s",
                       what, name);
            return false;
        }
        if (!follow_node(o, node, &f, errp) ||
            !set_flash(o, what, unit, f.path, f.readonly, errp)) {
            return false;
        }
        *ret_used += f.used;
    }
    return true;
}

bool option_finish_flash(Options *o, GError **errp)
{
    unsigned used;

    if (!take_nodes(o, &used, errp)) {
        return false;
    }
    if (used < o->blockdevs->len) {
        error_setg(errp,
                   "-blockdev: a node is used by none of -machine pflash0= and "
                   "pflash1=: leave it out; %s",
                   absent_instead("-blockdev"));
        return false;
    }
    if (o->config.pflash[1].path && !o->config.pflash[0].path) {
        error_setg(errp,
                   "flash 1, the firmware's variables, is given, and flash 0, "
                   "the firmware, is missing: give both");
        return false;
    }
    return true;
}
