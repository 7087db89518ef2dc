/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/error.h"
#include "util/cutils.h"
#include "util/message.h"

GQuark error_domain(void)
{
    return g_quark_from_static_string("qemu-error");
}

static void set_va(GError **errp, ErrorClass class, int err, const char *fmt,
                   va_list ap) G_GNUC_PRINTF(4, 0);

static void set_va(GError **errp, ErrorClass class, int err, const char *fmt,
                   va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);

    if (err) {
        g_set_error(errp, error_domain(), (int)class, "%s: %s", text,
                    g_strerror(err));
    } else {
        g_set_error_literal(errp, error_domain(), (int)class, text);
    }
}

void error_setg(GError **errp, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_va(errp, ERROR_CLASS_GENERIC_ERROR, 0, fmt, ap);
    va_end(ap);
}

void error_set(GError **errp, ErrorClass class, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_va(errp, class, 0, fmt, ap);
    va_end(ap);
}

void error_setg_errno(GError **errp, int err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_va(errp, ERROR_CLASS_GENERIC_ERROR, err, fmt, ap);
    va_end(ap);
}

void error_setg_near(GError **errp, const NearName *near, const char *otherwise,
                     const char *fmt, ...)
{
    g_autofree char *end = near_name_text(near, otherwise);
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    error_setg(errp, "%s%s", text, end);
}

/* How messages begin. They belong to the process, not to a machine. */
static bool with_timestamp;
static char *guest_name; /* owned; NULL: without */

void error_set_timestamp(bool on)
{
    with_timestamp = on;
}

void error_set_guest_name(const char *name)
{
    g_free(guest_name);
    guest_name = g_strdup(name);
}

/* The caller frees it. */
static char *timestamp_now(void)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *seconds = g_date_time_format(now, "%FT%T");

    return g_strdup_printf("%s.%06dZ ", seconds,
                           g_date_time_get_microsecond(now));
}

static void report_va(const char *kind, const char *fmt, va_list ap)
    G_GNUC_PRINTF(2, 0);

static void report_va(const char *kind, const char *fmt, va_list ap)
{
    const char *name = g_get_prgname();
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    g_autofree char *time = with_timestamp ? timestamp_now() : g_strdup("");
    g_autofree char *line = g_strdup_printf(
        "%s%s%s%s: %s%s\n", time, guest_name ? guest_name : "",
        guest_name ? " " : "", name ? name : PROGRAM_NAME, kind, text);

    message_write(MESSAGE_STDERR, line, strlen(line));
}

void error_report(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report_va("", fmt, ap);
    va_end(ap);
}

void warn_report(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report_va("warning: ", fmt, ap);
    va_end(ap);
}

void error_report_gerror(GError *err)
{
    error_report("%s", err->message);
    g_error_free(err);
}
