/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that are dictionaries kept for later: objects, defaults of
 * properties, passed descriptors; and audio, of which there is none. */
#include "options-int.h"
#include "program/registry.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/keyval.h"

bool option_add_repeat(GPtrArray *list, gpointer item, const char *what,
                       GError **errp)
{
    g_ptr_array_add(list, item);
    if (list->len > OPTION_REPEATS_MAX) {
        error_setg(errp, "%s: given more than %d times", what,
                   OPTION_REPEATS_MAX);
        return false;
    }
    return true;
}

bool option_object(Options *o, const char *arg, GError **errp)
{
    json_object *dict;

    if (option_is_help(arg)) {
        user_object_print_types(stdout);
        o->help_printed = true;
        return true;
    }
    dict = keyval_parse_repeated(arg, "qom-type", "host-nodes", errp);
    if (!dict) {
        return false;
    }
    if (json_object_object_get_ex(dict, "help", NULL)) {
        const char *type = keyval_get(dict, "qom-type");

        o->help_printed = user_object_print_properties(stdout,
                                                       type ? type : "");
        json_object_put(dict);
        if (!o->help_printed) {
            error_setg(errp, "-object: no such type; see -object help");
        }
        return o->help_printed;
    }
    if (*arg == '{' && !user_object_check_json(dict, errp)) {
        g_prefix_error(errp, "-object: ");
        json_object_put(dict);
        return false;
    }
    return option_add_repeat(o->objects, dict, "-object", errp);
}

bool option_add_fd(Options *o, const char *arg, GError **errp)
{
    json_object *dict = keyval_parse(arg, NULL, errp);

    return dict && option_add_repeat(o->add_fds, dict, "-add-fd", errp);
}

/* DRIVER.PROPERTY=VALUE, where the driver may have dots itself, or
 * driver=,property=,value=. */
static json_object *parse_global(const char *arg, GError **errp)
{
    static const char *const keys[] = { "driver", "property", "value", NULL };
    const char *equals = strchr(arg, '=');
    const char *dot = equals ? g_strrstr_len(arg, equals - arg, ".") : NULL;
    auto_json *dict = NULL;

    if (dot) {
        g_autofree char *driver = g_strndup(arg, (size_t)(dot - arg));
        g_autofree char *property = g_strndup(dot + 1,
                                              (size_t)(equals - dot - 1));

        dict = json_object_new_object();
        json_object_object_add(dict, "driver", json_object_new_string(driver));
        json_object_object_add(dict, "property",
                               json_object_new_string(property));
        json_object_object_add(dict, "value",
                               json_object_new_string(equals + 1));
        return json_object_get(dict);
    }
    dict = equals ? keyval_parse(arg, NULL, errp) : NULL;
    if (!equals || (dict && (!keyval_get(dict, "driver") ||
                             !keyval_get(dict, "property") ||
                             !keyval_get(dict, "value")))) {
        error_setg(errp,
                   "-global: '%s' is not DRIVER.PROPERTY=VALUE: give for "
                   "example vhost-scsi-pci.num_queues=4",
                   arg);
        return NULL;
    }
    if (!dict || !keyval_check_keys(dict, "-global", keys, errp)) {
        return NULL;
    }
    return json_object_get(dict);
}

bool option_global(Options *o, const char *arg, GError **errp)
{
    json_object *dict = parse_global(arg, errp);

    return dict && option_add_repeat(o->globals, dict, "-global", errp);
}

/* There is no sound device that could use it. */
bool option_audiodev(Options *o, const char *arg, GError **errp)
{
    auto_json *dict = keyval_parse(arg, "driver", errp);
    const char *driver, *id;

    if (!dict) {
        return false;
    }
    driver = keyval_get(dict, "driver");
    id = keyval_get(dict, "id");
    if (g_strcmp0(driver, "none")) {
        error_setg(errp, "-audiodev: '%s' is not supported: %s",
                   driver ? driver : "", absent_instead("-audiodev"));
        return false;
    }
    if (!id || !id_is_well_formed(id)) {
        error_setg(errp, id ? "-audiodev: Parameter 'id' expects an identifier"
                            : "-audiodev: Parameter 'id' is missing");
        return false;
    }
    return true;
}
