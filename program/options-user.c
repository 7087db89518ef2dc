/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -run-with, and its older forms -runas and -chroot. Who a user is can be asked
 * now; in another root directory nobody may know. */
#include "options-int.h"
#include "util/capability.h"
#include "util/cutils.h"
#include "util/error.h"
#include "util/keyval.h"

#include <grp.h>
#include <pwd.h>

/* UID:GID; -1 is none. */
static bool parse_ids(const char *text, uid_t *ret_uid, gid_t *ret_gid)
{
    g_auto(GStrv) ids = g_strsplit(text, ":", 0);
    uint64_t uid, gid;

    if (g_strv_length(ids) != 2 || parse_u64(ids[0], &uid) < 0 ||
        parse_u64(ids[1], &gid) < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX) {
        return false;
    }
    *ret_uid = (uid_t)uid;
    *ret_gid = (gid_t)gid;
    return true;
}

static void find_groups(const char *name, RunAs *r)
{
    int n = 0;

    (void)getgrouplist(name, r->gid, NULL, &n);
    r->groups = g_new(gid_t, n);
    r->n_groups = getgrouplist(name, r->gid, r->groups, &n) < 0 ? 0
                                                                : (unsigned)n;
}

static bool set_user(RunAs *r, const char *option, const char *user,
                     GError **errp)
{
    const struct passwd *pw = getpwnam(user);
    RunAs next = { 0 };

    if (pw) {
        next.uid = pw->pw_uid;
        next.gid = pw->pw_gid;
        find_groups(user, &next);
    } else if (!parse_ids(user, &next.uid, &next.gid)) {
        error_setg(errp,
                   "%s: there is no user '%s': give the name of one, or "
                   "UID:GID in numbers",
                   option, user);
        return false;
    }
    next.user = g_strdup(user);
    next.chroot = g_steal_pointer(&r->chroot);
    run_as_clear(r);
    *r = next;
    if (r->uid == 0) {
        error_setg(errp,
                   "%s: user '%s' is root, who would give up nothing: "
                   "choose another one",
                   option, user);
    } else if (!capability_has(CAP_SETUID) || !capability_has(CAP_SETGID)) {
        error_setg(errp,
                   "%s: only root can become user '%s': start the program "
                   "as root, or leave the user out",
                   option, user);
    } else {
        return true;
    }
    return false;
}

static bool set_root(RunAs *r, const char *option, const char *dir,
                     GError **errp)
{
    if (!g_file_test(dir, G_FILE_TEST_IS_DIR)) {
        error_setg(errp, "%s: there is no directory '%s': make it first",
                   option, dir);
        return false;
    }
    if (!capability_has(CAP_SYS_CHROOT)) {
        error_setg(errp,
                   "%s: only root can change the root directory to '%s': "
                   "start the program as root, or leave it out",
                   option, dir);
        return false;
    }
    return option_set_string(&r->chroot, dir);
}

bool option_run_with(Options *o, const char *arg, GError **errp)
{
    static const char *const keys[] = { "async-teardown", "chroot", "user",
                                        NULL };
    auto_json *dict = keyval_parse(arg, NULL, errp);
    const char *user, *dir;
    bool teardown;

    if (!dict || !keyval_check_keys(dict, "-run-with", keys, errp) ||
        !option_check_switch("-run-with", dict, "async-teardown", &teardown,
                             errp)) {
        return false;
    }
    if (teardown) {
        error_setg(errp, "-run-with: async-teardown=on is not supported: it "
                         "takes a second process, which the program does not "
                         "start: give off or leave it out");
        return false;
    }
    user = keyval_get(dict, "user");
    dir = keyval_get(dict, "chroot");
    return (!user || set_user(&o->run_as, "-run-with", user, errp)) &&
           (!dir || set_root(&o->run_as, "-run-with", dir, errp));
}

bool option_runas(Options *o, const char *arg, GError **errp)
{
    return set_user(&o->run_as, "-runas", arg, errp);
}

bool option_chroot(Options *o, const char *arg, GError **errp)
{
    return set_root(&o->run_as, "-chroot", arg, errp);
}
