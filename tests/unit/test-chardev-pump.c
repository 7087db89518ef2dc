/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output to regular files whose disk hangs: write(2) is the test's. */
#include "chardev/char.h"
#include "test-board.h"
#include "util/keyval.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

ssize_t write(int fd, const void *buf, size_t len);

static struct {
    GThread *main; /* never writes to a regular file */
    GMutex lock;
    GCond cond;
    bool hangs;
    unsigned waiting; /* writers */
} disk;

ssize_t write(int fd, const void *buf, size_t len)
{
    struct stat st;

    if (disk.main && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        g_assert_true(g_thread_self() != disk.main);
        g_mutex_lock(&disk.lock);
        disk.waiting++;
        g_cond_broadcast(&disk.cond);
        while (disk.hangs) {
            g_cond_wait(&disk.cond, &disk.lock);
        }
        disk.waiting--;
        g_mutex_unlock(&disk.lock);
    }
    return syscall(SYS_write, fd, buf, len);
}

static void set_hangs(bool hangs)
{
    g_mutex_lock(&disk.lock);
    disk.hangs = hangs;
    g_cond_broadcast(&disk.cond);
    g_mutex_unlock(&disk.lock);
}

static void wait_for_writer(void)
{
    g_mutex_lock(&disk.lock);
    while (!disk.waiting) {
        g_cond_wait(&disk.cond, &disk.lock);
    }
    g_mutex_unlock(&disk.lock);
}

typedef struct Fixture {
    TestBoard b;
    char *path;
    Chardev *chr;
} Fixture;

/* -chardev @fmt, where %s is the path. */
static void setup(Fixture *f, gconstpointer fmt)
{
    g_auto(GStrv) parts = g_strsplit(fmt, "%s", -1);
    g_autofree char *text = NULL;
    auto_json *opts = NULL;
    GError *err = NULL;

    test_board_init(&f->b);
    close(g_file_open_tmp("test-pump-XXXXXX", &f->path, NULL));
    text = g_strjoinv(f->path, parts);
    opts = keyval_parse(text, "backend", &err);
    g_assert_no_error(err);
    f->chr = chardev_new(f->b.m, opts, &err);
    g_assert_no_error(err);
    chardevs_start(f->b.m, &err);
    g_assert_no_error(err);
    disk.main = g_thread_self();
}

static void teardown(Fixture *f, gconstpointer data)
{
    chardev_free(f->chr);
    disk.main = NULL;
    test_board_finish(&f->b);
    g_unlink(f->path);
    g_free(f->path);
}

static void put(Fixture *f, const char *text)
{
    g_assert_cmpuint(chardev_write(f->chr, (const uint8_t *)text, strlen(text)),
                     ==, strlen(text));
}

static void another_thread_writes_all_in_order(Fixture *f, gconstpointer data)
{
    put(f, "one ");
    put(f, "two ");
    put(f, "three");
    test_wait_file(f->path, "one two three");
}

static void end_waits_until_all_is_written(Fixture *f, gconstpointer data)
{
    g_autofree char *contents = NULL;

    put(f, "the last words");
    chardev_free(g_steal_pointer(&f->chr));
    g_assert_true(g_file_get_contents(f->path, &contents, NULL, NULL));
    g_assert_cmpstr(contents, ==, "the last words");
}

static void disk_that_hangs_holds_nobody_up(Fixture *f, gconstpointer data)
{
    set_hangs(true);
    put(f, "one ");
    wait_for_writer();
    put(f, "two");
    chardev_free(g_steal_pointer(&f->chr)); /* after CHARDEV_FLUSH_MS */
    set_hangs(false);
    test_wait_file(f->path, "one two");
}

#define TO_FILE "file,id=c,path=%s"
#define TO_LOG  "null,id=c,logfile=%s"

int main(int argc, char **argv)
{
    static const char *const forms[] = { TO_FILE, TO_LOG };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autofree char *base = g_strdup_printf("/chardev-pump/%s",
                                                i ? "log" : "file");
        const struct {
            const char *name;
            void (*run)(Fixture *, gconstpointer);
        } tests[] = {
            { "order", another_thread_writes_all_in_order },
            { "end", end_waits_until_all_is_written },
            { "hangs", disk_that_hangs_holds_nobody_up },
        };

        for (unsigned t = 0; t < G_N_ELEMENTS(tests); t++) {
            g_autofree char *path = g_strdup_printf("%s/%s", base,
                                                    tests[t].name);

            g_test_add(path, Fixture, forms[i], setup, tests[t].run, teardown);
        }
    }
    return g_test_run();
}
