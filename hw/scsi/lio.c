/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/scsi/lio.h"
#include "util/cutils.h"

#define TPGT_PREFIX "tpgt_"

bool lio_is_there(const char *path)
{
    return g_file_test(path, G_FILE_TEST_IS_DIR);
}

bool lio_has_nexus(const char *target)
{
    g_autoptr(GDir) dir = g_dir_open(target, 0, NULL);
    const char *name;

    if (!dir) {
        return true;
    }
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(target, name, "nexus", NULL);
        g_autofree char *nexus = NULL;
        g_autoptr(GError) err = NULL;

        if (!g_str_has_prefix(name, TPGT_PREFIX)) {
            continue;
        }
        if (g_file_get_contents(path, &nexus, NULL, &err)
                ? *nexus
                : g_error_matches(err, G_FILE_ERROR, G_FILE_ERROR_ACCES)) {
            return true;
        }
    }
    return false;
}

int lio_lowest_tpgt(const char *target)
{
    g_autoptr(GDir) dir = g_dir_open(target, 0, NULL);
    const char *name;
    int lowest = -ENOENT;

    while (dir && (name = g_dir_read_name(dir))) {
        uint64_t n;

        if (g_str_has_prefix(name, TPGT_PREFIX) &&
            parse_u64(name + strlen(TPGT_PREFIX), &n) == 0 && n <= UINT16_MAX &&
            (lowest < 0 || n < (uint64_t)lowest)) {
            lowest = (int)n;
        }
    }
    return lowest;
}
