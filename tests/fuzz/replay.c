/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a fuzz target over files and folders of files: libFuzzer's place in a
 * build without it. TAP: one test per argument. */
#include "fuzz-input.h"

static bool run_file(const char *path)
{
    g_autofree char *text = NULL;
    g_autofree uint8_t *data = NULL;
    size_t size;

    if (!g_file_get_contents(path, &text, &size, NULL)) {
        return false;
    }
    /* A copy without the final 0 that glib adds, so that reading it shows. */
    data = g_memdup2(text, size);
    LLVMFuzzerTestOneInput(data, size);
    return true;
}

/* Returns how many files were run. */
static unsigned run(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    unsigned n = 0;

    if (!dir) {
        return run_file(path);
    }
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *file = g_build_filename(path, name, NULL);

        n += run_file(file);
    }
    return n;
}

int main(int argc, char **argv)
{
    bool ok = argc > 1;

    printf("1..%d\n", argc - 1);
    for (int i = 1; i < argc; i++) {
        unsigned n = run(argv[i]);

        printf("%sok %d %s: %u inputs\n", n ? "" : "not ", i, argv[i], n);
        ok = ok && n;
    }
    return ok ? 0 : 1;
}
