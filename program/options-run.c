/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that say how the machine runs and ends, and what a firmware boots.
 */
#include "options-int.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/keyval.h"

/* One of the NULL-terminated @words at @key; *@ret_index stays if it is
 * absent. */
static bool get_word(const char *what, json_object *dict, const char *key,
                     const char *const *words, unsigned *ret_index,
                     GError **errp)
{
    const char *value = keyval_get(dict, key);
    NearName near;

    if (!value) {
        return true;
    }
    for (unsigned i = 0; words[i]; i++) {
        if (g_str_equal(words[i], value)) {
            *ret_index = i;
            return true;
        }
    }
    near = near_name_of(value, words);
    error_setg_near(errp, &near, "",
                    "%s: Parameter '%s' does not accept value '%s'", what, key,
                    value);
    return false;
}

/* --- what ends it --- */

bool option_action(Options *o, const char *arg, GError **errp)
{
    static const char *const keys[] = { "reboot", "shutdown", "panic",
                                        "watchdog", NULL };
    static const char *const reboot[] = { "reset", "shutdown", NULL };
    static const char *const shutdown[] = { "poweroff", "pause", NULL };
    static const char *const watchdog[] = { "reset",      "shutdown",
                                            "poweroff",   "pause",
                                            "debug",      "none",
                                            "inject-nmi", NULL };
    auto_json *dict = keyval_parse(arg, NULL, errp);
    unsigned no_reboot = o->config.no_reboot;
    unsigned no_shutdown = o->config.no_shutdown;
    unsigned on_panic = o->config.panic_action;
    unsigned unused;

    if (!dict || !keyval_check_keys(dict, "-action", keys, errp) ||
        !get_word("-action", dict, "reboot", reboot, &no_reboot, errp) ||
        !get_word("-action", dict, "shutdown", shutdown, &no_shutdown, errp) ||
        !get_word("-action", dict, "panic", panic_action_names, &on_panic,
                  errp) ||
        !get_word("-action", dict, "watchdog", watchdog, &unused, errp)) {
        return false;
    }
    o->config.no_reboot = no_reboot;
    o->config.no_shutdown = no_shutdown;
    o->config.panic_action = on_panic;
    return true;
}

/* --- memory --- */

bool option_overcommit(Options *o, const char *arg, GError **errp)
{
    static const char *const keys[] = { "mem-lock", "cpu-pm", NULL };
    auto_json *dict = keyval_parse(arg, NULL, errp);
    bool cpu_pm;

    if (!dict || !keyval_check_keys(dict, "-overcommit", keys, errp) ||
        !option_check_switch("-overcommit", dict, "mem-lock",
                             &o->config.mem_lock, errp) ||
        !option_check_switch("-overcommit", dict, "cpu-pm", &cpu_pm, errp)) {
        return false;
    }
    if (cpu_pm) {
        error_setg(errp, "-overcommit: cpu-pm=on is not supported: a vCPU that "
                         "halts leaves its processor to others");
    }
    return !cpu_pm;
}

/* --- what a firmware boots --- */

/* Drives of a PC are letters, of which a machine may have 16. */
static bool boot_drives(json_object *dict, const char *key, char **field,
                        GError **errp)
{
    const char *drives = keyval_get(dict, key);

    for (const char *c = drives ? drives : ""; *c; c++) {
        if (*c < 'a' || *c > 'p') {
            error_setg(errp, "-boot: Invalid boot device '%c'", *c);
            return false;
        }
        if (strchr(c + 1, *c)) {
            error_setg(errp, "-boot: Boot device '%c' was given twice", *c);
            return false;
        }
    }
    return !drives || option_set_string(field, drives);
}

/* Milliseconds from @min to 65535. */
static bool boot_time(json_object *dict, const char *key, int min, int *field,
                      GError **errp)
{
    const char *text = keyval_get(dict, key);
    uint64_t v = 0;

    if (!text) {
        return true;
    }
    if (min < 0 && g_str_equal(text, "-1")) {
        *field = -1;
        return true;
    }
    if (parse_u64(text, &v) < 0 || v > UINT16_MAX) {
        error_setg(errp,
                   "-boot: %s value is invalid, it should be a value between "
                   "%d and 65535",
                   key, min);
        return false;
    }
    *field = (int)v;
    return true;
}

static bool boot_switch(json_object *dict, const char *key, bool *field,
                        GError **errp)
{
    bool on;

    if (!option_check_switch("-boot", dict, key, &on, errp)) {
        return false;
    }
    if (keyval_get(dict, key)) {
        *field = on;
    }
    return true;
}

bool option_boot(Options *o, const char *arg, GError **errp)
{
    static const char *const keys[] = {
        "order",       "once",           "menu",   "splash",
        "splash-time", "reboot-timeout", "strict", NULL,
    };
    MachineConfig *c = &o->config;
    auto_json *dict = keyval_parse(arg, "order", errp);

    return dict && keyval_check_keys(dict, "-boot", keys, errp) &&
           boot_switch(dict, "menu", &c->boot_menu, errp) &&
           boot_switch(dict, "strict", &c->boot_strict, errp) &&
           boot_time(dict, "splash-time", 0, &c->boot_splash_time_ms, errp) &&
           boot_time(dict, "reboot-timeout", -1, &c->boot_reboot_timeout_ms,
                     errp) &&
           boot_drives(dict, "order", &c->boot_order, errp) &&
           boot_drives(dict, "once", &c->boot_once, errp);
}

/* --- clock --- */

/* The second word that a key of -rtc may have; the first is the default. */
static bool rtc_word(json_object *dict, const char *key, const char *word,
                     const char *other, bool *ret_is_other, GError **errp)
{
    const char *value = keyval_get(dict, key);

    if (value && !g_str_equal(value, word) && !g_str_equal(value, other)) {
        error_setg(errp, "-rtc: %s cannot be '%s': %s or %s is expected", key,
                   value, word, other);
        return false;
    }
    *ret_is_other = !g_strcmp0(value, other);
    return true;
}

/* "2006-06-17T16:01:21" or "2006-06-17", in UTC, in the years that the clock
 * can show. Returns seconds since 1970, or 0. */
static int64_t parse_date(const char *text)
{
    g_autofree char *full = strchr(text, 'T')
                                ? g_strdup(text)
                                : g_strdup_printf("%sT00:00:00", text);
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) date = g_date_time_new_from_iso8601(full, utc);

    if (!date || g_date_time_get_year(date) < 1980 ||
        g_date_time_get_year(date) > 2099) {
        return 0;
    }
    return g_date_time_to_unix(date);
}

static bool rtc_base(Options *o, const char *base, GError **errp)
{
    o->config.rtc_localtime = !g_strcmp0(base, "localtime");
    o->config.rtc_base_s = 0;
    if (!base || g_str_equal(base, "utc") || o->config.rtc_localtime) {
        return true;
    }
    o->config.rtc_base_s = parse_date(base);
    if (!o->config.rtc_base_s) {
        error_setg(errp,
                   "-rtc: base cannot be '%s': utc, localtime or a date from "
                   "1980 to 2099 such as 2006-06-17T16:01:21 is expected",
                   base);
        return false;
    }
    return true;
}

bool option_rtc(Options *o, const char *arg, GError **errp)
{
    static const char *const keys[] = { "base", "clock", "driftfix", NULL };
    auto_json *dict = keyval_parse(arg, NULL, errp);
    bool slew;

    return dict && keyval_check_keys(dict, "-rtc", keys, errp) &&
           rtc_base(o, keyval_get(dict, "base"), errp) &&
           rtc_word(dict, "clock", "host", "vm", &o->config.rtc_clock_vm,
                    errp) &&
           rtc_word(dict, "driftfix", "none", "slew", &slew, errp);
}

/* --- messages --- */

bool option_msg(Options *o, const char *arg, GError **errp)
{
    static const char *const keys[] = { "timestamp", "guest-name", NULL };
    auto_json *dict = keyval_parse(arg, NULL, errp);
    bool timestamp;

    if (!dict || !keyval_check_keys(dict, "-msg", keys, errp) ||
        !option_check_switch("-msg", dict, "timestamp", &timestamp, errp) ||
        !option_check_switch("-msg", dict, "guest-name", &o->msg_guest_name,
                             errp)) {
        return false;
    }
    error_set_timestamp(timestamp);
    return true;
}
