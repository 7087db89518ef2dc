/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that say what firmware the machine starts. */
#include "options-int.h"
#include "util/error.h"

/* Debian's package seabios, and where others have what they install. */
static const char *const install_dirs[] = {
    "/usr/share/seabios",
    "/usr/share/qemu",
    NULL,
};

static void print_dirs(const GPtrArray *dirs)
{
    for (unsigned i = 0; dirs && i < dirs->len; i++) {
        printf("%s\n", (const char *)g_ptr_array_index(dirs, i));
    }
    for (unsigned i = 0; install_dirs[i]; i++) {
        printf("%s\n", install_dirs[i]);
    }
}

bool option_data_dir(Options *o, const char *arg, GError **errp)
{
    if (option_is_help(arg)) {
        print_dirs(o->config.data_dirs);
        o->help_printed = true;
        return true;
    }
    if (!o->config.data_dirs) {
        o->config.data_dirs = g_ptr_array_new_with_free_func(g_free);
    }
    return option_add_repeat(o->config.data_dirs, g_strdup(arg), "-L", errp);
}

static char *file_in(const char *dir, const char *name)
{
    char *path = g_build_filename(dir, name, NULL);

    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_clear_pointer(&path, g_free);
    }
    return path;
}

/* The path of @name in the first directory that has it, or NULL. */
static char *find_file(const GPtrArray *dirs, const char *name)
{
    char *path = NULL;

    for (unsigned i = 0; !path && dirs && i < dirs->len; i++) {
        path = file_in(g_ptr_array_index(dirs, i), name);
    }
    for (unsigned i = 0; !path && install_dirs[i]; i++) {
        path = file_in(install_dirs[i], name);
    }
    return path;
}

/* A name without a directory that is no file here is one of those that are
 * installed. */
static void find_bios(MachineConfig *c)
{
    if (!strchr(c->bios, '/') && !g_file_test(c->bios, G_FILE_TEST_EXISTS)) {
        char *path = find_file(c->data_dirs, c->bios);

        if (path) {
            g_free(c->bios);
            c->bios = path;
        }
    }
}

bool option_choose_firmware(Options *o, GError **errp)
{
    MachineConfig *c = &o->config;
    const char *name = o->machine->firmware;

    c->serial_console |= o->nographic;
    if (c->bios && c->pflash[0].path) {
        error_setg(errp, "-bios cannot be used with a flash that has the "
                         "firmware: leave one of them out");
        return false;
    }
    if (c->bios && c->kernel) {
        error_setg(errp, "-bios cannot be used with -kernel: the kernel is "
                         "entered directly, without firmware; leave one of "
                         "them out");
        return false;
    }
    if (c->bios) {
        find_bios(c);
        return true;
    }
    /* A test drives a machine that runs no code, and needs none. */
    if (c->kernel || c->pflash[0].path || !name ||
        !g_str_equal(o->accel->name, "kvm")) {
        return true;
    }
    c->bios = find_file(c->data_dirs, name);
    if (!c->bios) {
        error_setg(errp,
                   "nothing to boot: there is no firmware '%s' in %s or %s; "
                   "install the package seabios, or give a firmware with -bios "
                   "or a Linux kernel with -kernel",
                   name, install_dirs[0], install_dirs[1]);
    }
    return c->bios;
}
