/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors of the configuration layer, and messages to the person who started
 * the program.
 *
 * A function that can be refused by configuration returns bool and takes a
 * trailing GError **errp; it fills it exactly when it returns false, and
 * prints nothing. A leaf returns 0 (or a value >= 0) or -errno and knows
 * nothing of this file. A message is one sentence without a final stop: which
 * device and property, what is wrong, what to do.
 */
#ifndef UTIL_ERROR_H
#define UTIL_ERROR_H

/* The codes of ERROR_DOMAIN: QMP's error classes. */
typedef enum ErrorClass {
    ERROR_CLASS_GENERIC_ERROR,
    ERROR_CLASS_COMMAND_NOT_FOUND,
    ERROR_CLASS_DEVICE_NOT_ACTIVE,
    ERROR_CLASS_DEVICE_NOT_FOUND,
    ERROR_CLASS_KVM_MISSING_CAP,
} ErrorClass;

GQuark error_domain(void);

/* Fills @errp (may be NULL) with a GenericError. */
void error_setg(GError **errp, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* The same with another class. */
void error_set(GError **errp, ErrorClass class, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);

/* The same with ": " and the text of the positive errno value @err appended. */
void error_setg_errno(GError **errp, int err, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);

/* The same for what refuses a name: appends "; did you mean 'X'?" or, if none is
 * near enough, @otherwise. */
typedef struct NearName NearName; /* util/cutils.h */
void error_setg_near(GError **errp, const NearName *near, const char *otherwise,
                     const char *fmt, ...) G_GNUC_PRINTF(4, 5);

/* -msg: what each message begins with from now on: the time in UTC, the guest's
 * name (copied; NULL: nothing). While there is one thread. */
void error_set_timestamp(bool on);
void error_set_guest_name(const char *name);

/* One line "[TIME ][GUEST ]PROGRAM: message" on stderr. */
void error_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/* One line "...PROGRAM: warning: message" on stderr. */
void warn_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/* Prints @err with error_report() and frees it. */
void error_report_gerror(GError *err);

#endif
