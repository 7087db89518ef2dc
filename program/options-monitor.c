/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that say which monitors there are. All become a dictionary with
 * "chardev" (the id of a character device) or "dev" (a short form), "mode" and
 * "pretty". */
#include "options-int.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"

static bool add_short(Options *o, const char *what, const char *dev,
                      const char *mode, bool pretty, GError **errp)
{
    json_object *dict;

    if (g_str_equal(dev, "none")) {
        return true;
    }
    dict = json_object_new_object();
    json_add_string(dict, "option", what);
    json_add_string(dict, "dev", dev);
    json_add_string(dict, "mode", mode);
    json_add_string(dict, "pretty", pretty ? "on" : "off");
    return option_add_repeat(o->monitors, dict, what, errp);
}

bool option_qmp(Options *o, const char *arg, GError **errp)
{
    return add_short(o, "-qmp", arg, "control", false, errp);
}

bool option_qmp_pretty(Options *o, const char *arg, GError **errp)
{
    return add_short(o, "-qmp-pretty", arg, "control", true, errp);
}

bool option_monitor(Options *o, const char *arg, GError **errp)
{
    return add_short(o, "-monitor", arg, "readline", false, errp);
}

bool option_mon(Options *o, const char *arg, GError **errp)
{
    static const char *const keys[] = { "chardev", "mode", "pretty", "id",
                                        NULL };
    json_object *dict = keyval_parse(arg, "chardev", errp);
    const char *mode = dict ? keyval_get(dict, "mode") : NULL;
    bool pretty;

    if (!dict || !keyval_check_keys(dict, "-mon", keys, errp) ||
        !option_check_switch("-mon", dict, "pretty", &pretty, errp)) {
        json_object_put(dict);
        return false;
    }
    if (!keyval_get(dict, "chardev")) {
        error_setg(errp, "-mon: parameter 'chardev' is required: give the id "
                         "of a -chardev");
        json_object_put(dict);
        return false;
    }
    if (mode && !g_str_equal(mode, "control") &&
        !g_str_equal(mode, "readline")) {
        error_setg(errp,
                   "-mon: parameter 'mode' cannot be '%s': control or "
                   "readline is expected",
                   mode);
        json_object_put(dict);
        return false;
    }
    if (pretty && g_strcmp0(mode, "control") != 0) {
        error_setg(errp, "-mon: 'pretty' is for mode=control only");
        json_object_put(dict);
        return false;
    }
    json_add_string(dict, "option", "-mon");
    return option_add_repeat(o->monitors, dict, "-mon", errp);
}
