/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors passed by name and in sets: who owns them, which one a path
 * /dev/fdset/N opens, what QMP is told, the limit, and that nothing stays open
 * when the machine is freed. */
#include "hw/scsi/vhost-scsi.h"
#include "system/fds.h"
#include "test-board.h"
#include "util/keyval.h"

#include <dirent.h>
#include <fcntl.h>

static unsigned count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;

    g_assert_nonnull(d);
    while (readdir(d)) {
        n++;
    }
    closedir(d);
    return n;
}

static int open_null(int flags)
{
    int fd = open("/dev/null", flags);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

typedef struct Fixture {
    TestBoard b;
    unsigned n_fds; /* before there was a machine */
} Fixture;

static void setup(Fixture *f, gconstpointer data)
{
    f->n_fds = count_fds();
    test_board_init(&f->b);
}

static void teardown(Fixture *f, gconstpointer data)
{
    test_board_finish(&f->b);
    g_assert_cmpuint(count_fds(), ==, f->n_fds);
}

/* Calls a command with @text as arguments. */
static void assert_reply(Fixture *f,
                         json_object *(*command)(Machine *, json_object *,
                                                 GError **),
                         const char *text, const char *expected)
{
    g_autoptr(GError) err = NULL;
    auto_json *args = json_parse(text, NULL);
    auto_json *reply = command(f->b.m, args, &err);

    if (reply) {
        g_assert_no_error(err);
        g_assert_cmpstr(
            json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN), ==,
            expected);
    } else {
        g_assert_nonnull(err);
        g_assert_cmpstr(err->message, ==, expected);
    }
}

static int add(Fixture *f, int64_t set, const char *opaque, int flags)
{
    int fd = open_null(flags);
    auto_json *reply = fds_add_to_set(f->b.m, set >= 0, set, opaque, fd, NULL);

    g_assert_nonnull(reply);
    return fd;
}

/* --- named --- */

static void test_named(Fixture *f, gconstpointer data)
{
    int a = open_null(O_RDONLY);
    int b = open_null(O_RDWR);

    g_assert_cmpint(fds_add_named(f->b.m, "x", a), ==, 0);
    g_assert_cmpint(fcntl(a, F_GETFD), ==, FD_CLOEXEC);
    g_assert_cmpint(fds_add_named(f->b.m, "x", b), ==, 0);
    g_assert_false(is_open(a));
    g_assert_cmpint(fds_take_named(f->b.m, "x"), ==, b);
    g_assert_true(is_open(b));
    g_assert_cmpint(fds_take_named(f->b.m, "x"), ==, -ENOENT);
    close_fd(&b);
}

static void test_named_refused(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *name;
        int ret;
    } cases[] = { { "", -EINVAL }, { "7", -EINVAL }, { "0x", -EINVAL } };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        int fd = open_null(O_RDONLY);

        g_assert_cmpint(fds_add_named(f->b.m, cases[i].name, fd), ==,
                        cases[i].ret);
        g_assert_false(is_open(fd));
    }
    g_assert_cmpint(fds_add_named(f->b.m, "x", 9999), ==, -EBADF);
    g_assert_cmpint(fds_take_named(f->b.m, "x"), ==, -ENOENT);
}

static void test_closefd(Fixture *f, gconstpointer data)
{
    int fd = open_null(O_RDONLY);

    g_assert_cmpint(fds_add_named(f->b.m, "x", fd), ==, 0);
    assert_reply(f, qmp_closefd, "{\"fdname\":\"x\"}", "{}");
    g_assert_false(is_open(fd));
    assert_reply(f, qmp_closefd, "{\"fdname\":\"x\"}",
                 "File descriptor named 'x' not found");
}

/* A set is not a name and a name no set. */
static void test_kinds_are_apart(Fixture *f, gconstpointer data)
{
    add(f, 0, "x", O_RDWR);
    g_assert_cmpint(fds_take_named(f->b.m, "x"), ==, -ENOENT);
    g_assert_cmpint(fds_add_named(f->b.m, "y", open_null(O_RDWR)), ==, 0);
    assert_reply(f, qmp_remove_fd, "{\"fdset-id\":-1}",
                 "File descriptor named 'fdset-id:-1' not found");
    close(fds_take_named(f->b.m, "y"));
}

/* vhostfd=NAME takes it, and closes what is no vhost device. */
static void test_vhostfd(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) err = NULL;
    Device *dev = device_new(&f->b.m->tree, &vhost_scsi_type);
    int fd = open_null(O_RDWR);

    g_assert_cmpint(fds_add_named(f->b.m, "vhostfd-0", fd), ==, 0);
    g_assert_true(device_set(dev, "wwpn", "naa.5001405aaaaaaaaa", NULL));
    g_assert_true(device_set(dev, "vhostfd", "vhostfd-0", NULL));
    g_assert_false(device_realize(dev, &err));
    g_assert_cmpstr(err->message, ==,
                    "vhost-scsi: the descriptor of property 'vhostfd' is not "
                    "a vhost-scsi device: Inappropriate ioctl for device");
    g_assert_false(is_open(fd));
    g_clear_error(&err);
    g_assert_false(device_realize(dev, &err));
    g_assert_cmpstr(err->message, ==,
                    "vhost-scsi: property 'vhostfd': no file descriptor is "
                    "called 'vhostfd-0': pass one with getfd, or give the "
                    "number of an inherited one");
    device_free(dev);
}

/* A number proves nothing, and what is no vhost device is not closed. */
static void test_vhostfd_number(Fixture *f, gconstpointer data)
{
    Device *dev = device_new(&f->b.m->tree, &vhost_scsi_type);
    int own = open_null(O_RDWR | O_CLOEXEC);
    int inherited = open_null(O_RDWR);
    const struct {
        int fd;
        const char *message;
    } cases[] = {
        { own, "is in use already or was not inherited" },
        { inherited, "is not a vhost-scsi device" },
        { inherited, "is not a vhost-scsi device" },
        { STDERR_FILENO, "is standard input, output or error" },
        { 9999, "is not open" },
    };

    g_assert_true(device_set(dev, "wwpn", "naa.5001405aaaaaaaaa", NULL));
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *number = g_strdup_printf("%d", cases[i].fd);
        g_autoptr(GError) err = NULL;

        g_assert_true(device_set(dev, "vhostfd", number, NULL));
        g_assert_false(device_realize(dev, &err));
        g_assert_nonnull(strstr(err->message, cases[i].message));
    }
    g_assert_cmpint(fcntl(inherited, F_GETFD), ==, 0);
    g_assert_true(is_open(own));
    fds_claim(inherited);
    g_assert_cmpint(fcntl(inherited, F_GETFD), ==, FD_CLOEXEC);
    close_fd(&own);
    close_fd(&inherited);
    device_free(dev);
}

/* --- sets --- */

static void test_query(Fixture *f, gconstpointer data)
{
    g_autofree char *expected = NULL;
    int a, b, c;

    assert_reply(f, qmp_query_fdsets, "{}", "[]");
    a = add(f, 5, NULL, O_RDONLY);
    b = add(f, -1, "b", O_RDONLY); /* the first free number is 0 */
    c = add(f, 5, "c", O_RDWR);
    expected = g_strdup_printf("[{\"fdset-id\":0,\"fds\":[{\"fd\":%d,"
                               "\"opaque\":\"b\"}]},{\"fdset-id\":5,\"fds\":[{"
                               "\"fd\":%d},{\"fd\":%d,\"opaque\":\"c\"}]}]",
                               b, a, c);
    assert_reply(f, qmp_query_fdsets, "{}", expected);
}

static void test_new_set_reply(Fixture *f, gconstpointer data)
{
    int fd = open_null(O_RDONLY);
    g_autofree char *expected = g_strdup_printf("{\"fdset-id\":1,\"fd\":%d}",
                                                fd);
    auto_json *reply = NULL;

    add(f, 0, NULL, O_RDONLY);
    reply = fds_add_to_set(f->b.m, false, 77, NULL, fd, NULL);
    g_assert_cmpstr(
        json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN), ==,
        expected);
}

static void test_remove(Fixture *f, gconstpointer data)
{
    int a = add(f, 3, NULL, O_RDONLY);
    int b = add(f, 3, NULL, O_RDWR);
    g_autofree char *one = g_strdup_printf("{\"fdset-id\":3,\"fd\":%d}", a);
    g_autofree char *gone = g_strdup_printf(
        "File descriptor named 'fdset-id:3, fd:%d' not found", a);

    assert_reply(f, qmp_remove_fd, one, "{}");
    g_assert_false(is_open(a));
    g_assert_true(is_open(b));
    assert_reply(f, qmp_remove_fd, one, gone);
    assert_reply(f, qmp_remove_fd, "{\"fdset-id\":3}", "{}");
    g_assert_false(is_open(b));
    assert_reply(f, qmp_remove_fd, "{\"fdset-id\":3}",
                 "File descriptor named 'fdset-id:3' not found");
}

static void test_negative_set(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) err = NULL;
    int fd = open_null(O_RDONLY);

    g_assert_null(fds_add_to_set(f->b.m, true, -1, NULL, fd, &err));
    g_assert_cmpstr(err->message, ==,
                    "Parameter 'fdset-id' expects a non-negative value");
    g_assert_false(is_open(fd));
}

/* --- /dev/fdset --- */

static int accmode(int fd)
{
    return fcntl(fd, F_GETFL) & O_ACCMODE;
}

static void test_open_by_access(Fixture *f, gconstpointer data)
{
    int opened;

    add(f, 2, NULL, O_RDWR);
    add(f, 2, NULL, O_WRONLY);
    opened = fds_open(f->b.m, "/dev/fdset/2", O_WRONLY | O_APPEND, 0);
    g_assert_cmpint(opened, >=, 3);
    g_assert_cmpint(accmode(opened), ==, O_WRONLY);
    g_assert_cmpint(fcntl(opened, F_GETFL) & O_APPEND, ==, O_APPEND);
    g_assert_cmpint(fcntl(opened, F_GETFD), ==, FD_CLOEXEC);
    close_fd(&opened);
    /* No O_RDONLY one: the one for both allows it. */
    opened = fds_open(f->b.m, "/dev/fdset/2", O_RDONLY, 0);
    g_assert_cmpint(accmode(opened), ==, O_RDWR);
    close_fd(&opened);
}

/* What was opened stays when the set goes. */
static void test_duplicate_outlives_set(Fixture *f, gconstpointer data)
{
    int opened;

    add(f, 2, NULL, O_WRONLY);
    opened = fds_open(f->b.m, "/dev/fdset/2", O_WRONLY, 0);
    assert_reply(f, qmp_remove_fd, "{\"fdset-id\":2}", "{}");
    g_assert_true(is_open(opened));
    close_fd(&opened);
}

static void test_open_refused(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *path;
        int flags, ret;
    } cases[] = {
        { "/dev/fdset/2", O_WRONLY, -EACCES },
        { "/dev/fdset/2", O_RDWR, -EACCES },
        { "/dev/fdset/3", O_RDONLY, -ENOENT },
        { "/dev/fdset/", O_RDONLY, -EINVAL },
        { "/dev/fdset/x", O_RDONLY, -EINVAL },
        { "/dev/fdset/-1", O_RDONLY, -EINVAL },
        { "/dev/fdset/18446744073709551615", O_RDONLY, -EINVAL },
        { "/nonexistent/x", O_RDONLY, -ENOENT },
    };

    add(f, 2, NULL, O_RDONLY);
    g_assert_cmpint(fds_add_named(f->b.m, "x", open_null(O_RDWR)), ==, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_cmpint(fds_open(f->b.m, cases[i].path, cases[i].flags, 0), ==,
                        cases[i].ret);
    }
}

static void test_open_plain(Fixture *f, gconstpointer data)
{
    int fd = fds_open(f->b.m, "/dev/null", O_WRONLY, 0);

    g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
    close_fd(&fd);
}

/* --- limits --- */

static void test_limit(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) err = NULL;
    int fd;

    for (unsigned i = 0; i < FDS_MAX - 1; i++) {
        add(f, i % 3, NULL, O_RDONLY);
    }
    g_assert_cmpint(fds_add_named(f->b.m, "x", open_null(O_RDONLY)), ==, 0);
    fd = open_null(O_RDONLY);
    g_assert_cmpint(fds_add_named(f->b.m, "y", fd), ==, -ENOSPC);
    g_assert_false(is_open(fd));
    g_assert_null(
        fds_add_to_set(f->b.m, true, 0, NULL, open_null(O_RDONLY), &err));
    g_assert_cmpstr(err->message, ==,
                    "the machine keeps 256 file descriptors already: remove "
                    "some with remove-fd or closefd");
    /* Replacing one needs no room. */
    g_assert_cmpint(fds_add_named(f->b.m, "x", open_null(O_RDONLY)), ==, 0);
}

/* --- -add-fd --- */

static char *add_inherited(Fixture *f, const char *text)
{
    g_autoptr(GError) err = NULL;
    auto_json *opts = keyval_parse(text, NULL, NULL);

    if (fds_add_inherited(f->b.m, opts, &err)) {
        return g_strdup("");
    }
    return g_strdup(err->message);
}

static void test_inherited(Fixture *f, gconstpointer data)
{
    int inherited = open_null(O_RDWR);
    int own = open_null(O_RDWR | O_CLOEXEC);
    g_autofree char *good = g_strdup_printf("set=0,fd=%d,opaque=a b",
                                            inherited);
    g_autofree char *bad = g_strdup_printf("set=0,fd=%d", own);
    const struct {
        const char *text, *message;
    } cases[] = {
        { good, "" },
        { good, "fd is not valid or already in use" },
        { bad, "fd is not valid or already in use" },
        { "set=0,fd=9999", "fd is not valid or already in use" },
        { "set=0,fd=-1", "fd option is required and must be non-negative" },
        { "set=0,fd=2", "fd cannot be a standard I/O stream" },
        { "set=0", "fd option is required and must be non-negative" },
        { "fd=5", "set option is required and must be non-negative" },
        { "set=x,fd=5", "set option is required and must be non-negative" },
        { "set=0,fd=5,opake=x",
          "-add-fd: unknown parameter 'opake'; did you mean 'opaque'?" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *message = add_inherited(f, cases[i].text);

        g_assert_cmpstr(message, ==, cases[i].message);
    }
    close_fd(&own);
}

#define ADD(name, func) \
    g_test_add("/fds/" name, Fixture, NULL, setup, func, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("named", test_named);
    ADD("named-refused", test_named_refused);
    ADD("closefd", test_closefd);
    ADD("kinds-are-apart", test_kinds_are_apart);
    ADD("vhostfd", test_vhostfd);
    ADD("vhostfd-number", test_vhostfd_number);
    ADD("query", test_query);
    ADD("new-set-reply", test_new_set_reply);
    ADD("remove", test_remove);
    ADD("negative-set", test_negative_set);
    ADD("open-by-access", test_open_by_access);
    ADD("duplicate-outlives-set", test_duplicate_outlives_set);
    ADD("open-refused", test_open_refused);
    ADD("open-plain", test_open_plain);
    ADD("limit", test_limit);
    ADD("inherited", test_inherited);
    return g_test_run();
}
