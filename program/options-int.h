/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What options.c, which has the table of options, shares with
 * options-*.c, which have some of their handlers. */
#ifndef OPTIONS_INT_H
#define OPTIONS_INT_H

#include "program/options.h"

#include <json-c/json.h>

/* --- options.c --- */

/* Whether an argument asks for help. */
bool option_is_help(const char *arg);

/* A switch without effect here must be one all the same; absent is off. */
bool option_check_switch(const char *what, json_object *dict, const char *key,
                         bool *ret_on, GError **errp);

/* As if "-name arg" stood on the command line; there is such an option, and it
 * has an argument. */
bool options_apply(Options *o, const char *name, const char *arg,
                   GError **errp);

/* Replaces *@field by a copy of @arg. Always true: the end of a handler. */
bool option_set_string(char **field, const char *arg);

/* --- options-monitor.c: handlers of the table --- */

bool option_qmp(Options *o, const char *arg, GError **errp);
bool option_qmp_pretty(Options *o, const char *arg, GError **errp);
bool option_monitor(Options *o, const char *arg, GError **errp);
bool option_mon(Options *o, const char *arg, GError **errp);

/* --- handlers of the table: options-machine.c --- */

bool option_machine(Options *o, const char *arg, GError **errp);
bool option_accel(Options *o, const char *arg, GError **errp);
bool option_enable_kvm(Options *o, const char *arg, GError **errp);
bool option_smp(Options *o, const char *arg, GError **errp);
bool option_numa(Options *o, const char *arg, GError **errp);
bool option_m(Options *o, const char *arg, GError **errp);
/* Once all options are known: fills o->accel. */
bool option_choose_accel(Options *o, GError **errp);

/* --- options-block.c --- */

bool option_pflash(Options *o, const char *arg, GError **errp);
bool option_drive(Options *o, const char *arg, GError **errp);
bool option_blockdev(Options *o, const char *arg, GError **errp);
/* Once all options are known: fills o->config.pflash. */
bool option_finish_flash(Options *o, GError **errp);

/* --- options-firmware.c --- */

bool option_data_dir(Options *o, const char *arg, GError **errp);
/* Once all options are known: what firmware the machine starts, if any. */
bool option_choose_firmware(Options *o, GError **errp);

/* --- options-config.c --- */

bool option_readconfig(Options *o, const char *arg, GError **errp);

/* The content of @path for @option, with a 0 behind it; the caller frees it. No
 * more than @max bytes and one are read: *@ret_len > @max tells of more. */
char *option_read_file(const char *option, const char *path, size_t max,
                       size_t *ret_len, GError **errp);

/* --- options-net.c --- */

bool option_netdev(Options *o, const char *arg, GError **errp);
bool option_nic(Options *o, const char *arg, GError **errp);

/* --- options-guest.c --- */

bool option_fw_cfg(Options *o, const char *arg, GError **errp);
bool option_smbios(Options *o, const char *arg, GError **errp);

/* --- options-cpu.c --- */

bool option_cpu(Options *o, const char *arg, GError **errp);

/* --- options-object.c --- */

/* Adds @item, which @list frees, if there is room. @what names the option. */
bool option_add_repeat(GPtrArray *list, gpointer item, const char *what,
                       GError **errp);

bool option_object(Options *o, const char *arg, GError **errp);
bool option_add_fd(Options *o, const char *arg, GError **errp);
bool option_global(Options *o, const char *arg, GError **errp);
bool option_audiodev(Options *o, const char *arg, GError **errp);

/* --- options-run.c --- */

bool option_action(Options *o, const char *arg, GError **errp);
bool option_overcommit(Options *o, const char *arg, GError **errp);
bool option_boot(Options *o, const char *arg, GError **errp);
bool option_rtc(Options *o, const char *arg, GError **errp);
bool option_msg(Options *o, const char *arg, GError **errp);

/* --- options-user.c --- */

bool option_run_with(Options *o, const char *arg, GError **errp);
bool option_runas(Options *o, const char *arg, GError **errp);
bool option_chroot(Options *o, const char *arg, GError **errp);

#endif
