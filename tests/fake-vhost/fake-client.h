/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a test drives libfake-vhost.so with: the environment of a program that
 * runs on it, and a connection to its control socket. The language of both is
 * told in fake-vhost.h. Every function ends the test with a message
 * (g_error()) when the library cannot be reached or answers nonsense; none
 * waits longer than FAKE_TIMEOUT_MS.
 *
 *     g_autofree char *dir = g_dir_make_tmp("test-XXXXXX", NULL);
 *     g_autofree char *path = g_build_filename(dir, "control", NULL);
 *     g_auto(GStrv) env = fake_environ(library, path, "kernel=6.12");
 *     ... spawn the program with env ...
 *     FakeClient *c = fake_connect(path);
 *     fake_ok(c, "fail NEW_WORKER 1 ENOMEM");
 *     g_assert_cmpint(fake_count(c, "NEW_WORKER"), ==, 0);
 *     fake_disconnect(c);
 */
#ifndef TESTS_FAKE_CLIENT_H
#define TESTS_FAKE_CLIENT_H

#define FAKE_TIMEOUT_MS 120000

typedef struct FakeClient FakeClient;

/* One line of the trace. */
typedef struct FakeRecord {
    uint64_t number;
    char *name; /* "VHOST_SET_OWNER" */
    char *args; /* "index=2 num=128 tid=4711 dev=1" */
    char *out;  /* "worker_id=1" or "" */
    int tid;
    int dev;
    int result;
    int error; /* 0, or a positive errno value */
} FakeRecord;

typedef struct FakeWorkerInfo {
    int dev;
    uint32_t id;
    int tid;
    char *name;
    char *queues; /* "0,1,2" or "none" */
} FakeWorkerInfo;

/*
 * The value of LD_PRELOAD for a program that shall run on @library. A
 * sanitizer's runtime that is a shared library must come first; if the library
 * needs one (it was built with one), its path is put in front. What stands in
 * the caller's own LD_PRELOAD is kept at the end. Caller frees.
 */
char *fake_preload(const char *library);

/*
 * The caller's environment with LD_PRELOAD, FAKE_VHOST_CONTROL=@control and
 * FAKE_VHOST=@knobs; both may be NULL (then unset). Leaks of the program are
 * left to it: ASAN_OPTIONS is not touched. Caller frees with g_strfreev().
 */
char **fake_environ(const char *library, const char *control,
                    const char *knobs);

/* Connects as soon as somebody listens at @path. */
FakeClient *fake_connect(const char *path);
void fake_disconnect(FakeClient *c);

/*
 * Sends one command and returns its last line ("OK ..." or "ERR ..."); the
 * caller frees. fake_lines() has the data lines, without their "- ", until the
 * next command.
 */
char *fake_ctl(FakeClient *c, const char *format, ...) G_GNUC_PRINTF(2, 3);
const GPtrArray *fake_lines(FakeClient *c); /* of char * */

/* Sends a command that must be answered by OK; returns the number behind it,
 * 0 if there is none. */
int64_t fake_ok(FakeClient *c, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* How many ioctls of that name there were ("any": of all). */
int64_t fake_count(FakeClient *c, const char *name);

/* Of FakeRecord * and FakeWorkerInfo *; free with g_ptr_array_unref(). */
GPtrArray *fake_trace(FakeClient *c);
GPtrArray *fake_workers(FakeClient *c);

/* The first record of that name, or NULL. */
const FakeRecord *fake_find(const GPtrArray *trace, const char *name);

/*
 * The value behind "KEY=" in the stats line of a queue, 0 if it was not used:
 * fake_stat(c, 1, 2, "requests").
 */
int64_t fake_stat(FakeClient *c, int dev, int queue, const char *key);

#endif
