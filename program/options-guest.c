/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options by which a guest is told something: files for its firmware, and
 * fields of its SMBIOS tables. */
#include "hw/nvram/fw_cfg.h"
#include "hw/smbios/smbios.h"
#include "options-int.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"

/* So that one DMA command can read a whole file. */
#define FW_CFG_OPTION_SIZE_MAX FW_CFG_DMA_MAX

/* --- -fw_cfg --- */

static GBytes *read_fw_cfg_file(const char *path, GError **errp)
{
    size_t len;
    char *content = option_read_file("-fw_cfg", path, FW_CFG_OPTION_SIZE_MAX,
                                     &len, errp);

    if (content && len > FW_CFG_OPTION_SIZE_MAX) {
        error_setg(errp, "-fw_cfg: file '%s' has more than %" PRIu64 " MiB",
                   path, FW_CFG_OPTION_SIZE_MAX / MiB);
        g_clear_pointer(&content, g_free);
    }
    return content ? g_bytes_new_take(g_realloc(content, len + 1), len) : NULL;
}

static bool check_fw_cfg_name(const Options *o, const char *name, GError **errp)
{
    if (!name) {
        error_setg(errp, "-fw_cfg: parameter 'name' is required");
        return false;
    }
    if (!fw_cfg_check_name(name, errp)) {
        g_prefix_error(errp, "-fw_cfg: ");
        return false;
    }
    for (unsigned i = 0; i < o->config.fw_cfg->len; i++) {
        const ConfigFile *file = g_ptr_array_index(o->config.fw_cfg, i);

        if (g_str_equal(file->name, name)) {
            error_setg(errp, "-fw_cfg: there is a file '%s' already", name);
            return false;
        }
    }
    if (!g_str_has_prefix(name, "opt/")) {
        warn_report("externally provided fw_cfg item names should be prefixed "
                    "with \"opt/\"");
    }
    return true;
}

static bool check_fw_cfg_source(json_object *dict, GError **errp)
{
    if (json_get(dict, "gen_id")) {
        error_setg(errp, "-fw_cfg: 'gen_id' is not supported: no object here "
                         "makes data, give string= or file=");
        return false;
    }
    if (!json_get(dict, "string") == !json_get(dict, "file")) {
        error_setg(errp, "-fw_cfg: one of 'string' and 'file' is required");
        return false;
    }
    return true;
}

bool option_fw_cfg(Options *o, const char *arg, GError **errp)
{
    static const char *const keys[] = { "name", "string", "file", "gen_id",
                                        NULL };
    auto_json *dict = keyval_parse(arg, "name", errp);
    const char *string = keyval_get(dict, "string");
    const char *name = keyval_get(dict, "name");
    ConfigFile *file;
    GBytes *data;

    if (!dict || !keyval_check_keys(dict, "-fw_cfg", keys, errp) ||
        !check_fw_cfg_source(dict, errp) || !check_fw_cfg_name(o, name, errp)) {
        return false;
    }
    data = string ? g_bytes_new(string, strlen(string))
                  : read_fw_cfg_file(keyval_get(dict, "file"), errp);
    if (!data) {
        return false;
    }
    file = g_new(ConfigFile, 1);
    *file = (ConfigFile){ .name = g_strdup(name), .data = data };
    return option_add_repeat(o->config.fw_cfg, file, "-fw_cfg", errp);
}

/* --- -smbios --- */

bool option_smbios(Options *o, const char *arg, GError **errp)
{
    json_object *dict = keyval_parse_repeated(arg, NULL, "value", errp);

    if (!dict) {
        return false;
    }
    if (!smbios_check_option(dict, errp)) {
        json_object_put(dict);
        return false;
    }
    return option_add_repeat(o->config.smbios, dict, "-smbios", errp);
}
