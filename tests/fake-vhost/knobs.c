/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests ask for: FAKE_VHOST, and the rules that calls meet. */
#include "fake.h"

#include <time.h>

bool parse_number(const char *text, uint64_t max, uint64_t *ret_value)
{
    char *end;
    unsigned long long v;

    errno = 0;
    v = text && *text >= '0' && *text <= '9' ? strtoull(text, &end, 0) : 0;
    if (!text || *text < '0' || *text > '9' || *end || errno || v > max) {
        return false;
    }
    *ret_value = v;
    return true;
}

bool parse_size(const char *text, uint64_t *ret_bytes)
{
    size_t len = text ? strlen(text) : 0;
    char digits[32];
    uint64_t v, unit = 1;

    if (!len || len >= sizeof(digits)) {
        return false;
    }
    memcpy(digits, text, len + 1);
    switch (digits[len - 1]) {
    case 'K':
        unit = KiB;
        break;
    case 'M':
        unit = MiB;
        break;
    case 'G':
        unit = GiB;
        break;
    }
    if (unit != 1) {
        digits[len - 1] = 0;
    }
    if (!parse_number(digits, TiB / unit, &v) || v == 0 ||
        v * unit % FAKE_BLOCK) {
        return false;
    }
    *ret_bytes = v * unit;
    return true;
}

static bool parse_errno(const char *text, int *ret_error)
{
    uint64_t v;

    if (parse_number(text, 4095, &v) && v > 0) {
        *ret_error = v;
        return true;
    }
    for (int e = 1; e < 134 && text; e++) {
        const char *name = strerrorname_np(e);

        if (name && strcmp(name, text) == 0) {
            *ret_error = e;
            return true;
        }
    }
    return false;
}

/* A free slot with its name filled in, under fake.lock; or what is wrong. */
static const char *rule_slot(const char *name, FakeRule **ret_rule)
{
    const char *full = ioctl_full_name(name ? name : "");

    if (!full) {
        return "no such ioctl";
    }
    for (unsigned i = 0; i < FAKE_RULES_MAX; i++) {
        if (!fake.rules[i].name[0]) {
            memset(&fake.rules[i], 0, sizeof(fake.rules[i]));
            snprintf(fake.rules[i].name, sizeof(fake.rules[i].name), "%s",
                     full);
            *ret_rule = &fake.rules[i];
            return NULL;
        }
    }
    return "too many rules";
}

const char *knobs_fail(const char *name, const char *nth, const char *error,
                       const char *count)
{
    uint64_t n, times = 1, so_far;
    FakeRule *rule;
    const char *wrong;
    int e;

    if (!parse_number(nth, UINT32_MAX, &n) || n == 0) {
        return "N must be a number from 1 on";
    }
    if (!parse_errno(error, &e)) {
        return "no such errno";
    }
    if (count && !parse_number(count, UINT32_MAX, &times)) {
        return "COUNT must be a number";
    }
    so_far = ioctl_full_name(name ? name : "")
                 ? trace_counted(ioctl_full_name(name))
                 : 0;
    pthread_mutex_lock(&fake.lock);
    wrong = rule_slot(name, &rule);
    if (!wrong) {
        rule->kind = FAKE_FAIL;
        rule->first = so_far + n;
        rule->last = times ? rule->first + times - 1 : UINT64_MAX;
        rule->error = e;
    }
    pthread_mutex_unlock(&fake.lock);
    return wrong;
}

const char *knobs_rule(enum FakeRuleKind kind, const char *name, const char *ms)
{
    uint64_t v = 0;
    FakeRule *rule;
    const char *wrong;

    if (!ioctl_full_name(name ? name : "")) {
        return "no such ioctl";
    }
    if (kind == FAKE_DELAY && !parse_number(ms, 600000, &v)) {
        return "MS must be a number up to 600000";
    }
    knobs_forget(kind, name);
    if (kind == FAKE_DELAY && v == 0) {
        return NULL;
    }
    pthread_mutex_lock(&fake.lock);
    wrong = rule_slot(name, &rule);
    if (!wrong) {
        rule->kind = kind;
        rule->ms = v;
        rule->passes = false;
    }
    pthread_mutex_unlock(&fake.lock);
    return wrong;
}

void knobs_pass(void)
{
    pthread_mutex_lock(&fake.lock);
    for (unsigned i = 0; i < FAKE_RULES_MAX; i++) {
        fake.rules[i].passes = true;
    }
    pthread_mutex_unlock(&fake.lock);
}

void knobs_forget(enum FakeRuleKind kind, const char *name)
{
    const char *full = name ? ioctl_full_name(name) : NULL;

    pthread_mutex_lock(&fake.lock);
    for (unsigned i = 0; i < FAKE_RULES_MAX; i++) {
        FakeRule *rule = &fake.rules[i];

        if (rule->kind == kind &&
            (!name || (full && !strcmp(rule->name, full)))) {
            rule->name[0] = 0;
        }
    }
    pthread_cond_broadcast(&fake.changed);
    pthread_mutex_unlock(&fake.lock);
}

/* The rule of that kind a call meets. fake.lock is held. */
static const FakeRule *rule_for(enum FakeRuleKind kind, const char *name,
                                uint64_t nth, uint64_t nth_of_all)
{
    for (unsigned i = 0; i < FAKE_RULES_MAX; i++) {
        const FakeRule *rule = &fake.rules[i];
        bool any = strcmp(rule->name, "any") == 0;
        uint64_t n = any ? nth_of_all : nth;

        if (rule->kind == kind && rule->name[0] &&
            (any || strcmp(rule->name, name) == 0) &&
            (kind != FAKE_FAIL || (n >= rule->first && n <= rule->last))) {
            return rule;
        }
    }
    return NULL;
}

/* The rule that blocks exactly @name, "open" or "close"; "any" is about ioctls.
 * fake.lock is held. */
static const FakeRule *block_of(const char *name)
{
    for (unsigned i = 0; i < FAKE_RULES_MAX; i++) {
        const FakeRule *rule = &fake.rules[i];

        if (rule->kind == FAKE_BLOCK_CALL && !strcmp(rule->name, name)) {
            return rule;
        }
    }
    return NULL;
}

/* A call that waits, on its stack; all of them are in fake.waiting. */
typedef struct FakeWaiter {
    const char *name;
    bool is_ioctl;
    struct FakeWaiter *next;
} FakeWaiter;

/* fake.lock is held. */
static const FakeRule *rule_that_blocks(const char *name, bool is_ioctl)
{
    return is_ioctl ? rule_for(FAKE_BLOCK_CALL, name, 0, 0) : block_of(name);
}

/* fake.lock is held. */
static void wait_if_blocked(const char *name, bool is_ioctl)
{
    FakeWaiter w = { name, is_ioctl, fake.waiting };
    const FakeRule *rule = rule_that_blocks(name, is_ioctl);
    FakeWaiter **p = &fake.waiting;

    if (!rule || rule->passes) {
        return;
    }
    fake.waiting = &w;
    control_changed();
    while (rule_that_blocks(name, is_ioctl)) {
        pthread_cond_wait(&fake.changed, &fake.lock);
    }
    while (*p != &w) {
        p = &(*p)->next;
    }
    *p = w.next;
}

unsigned knobs_blocked(void)
{
    unsigned n = 0;

    pthread_mutex_lock(&fake.lock);
    for (FakeWaiter *w = fake.waiting; w; w = w->next) {
        n += rule_that_blocks(w->name, w->is_ioctl) != NULL;
    }
    pthread_mutex_unlock(&fake.lock);
    return n;
}

void knobs_wait(const char *name)
{
    pthread_mutex_lock(&fake.lock);
    wait_if_blocked(name, false);
    pthread_mutex_unlock(&fake.lock);
}

int knobs_enter(const char *name)
{
    uint64_t nth = trace_count(name), of_all = trace_count("any");
    const FakeRule *rule;
    struct timespec t = { 0, 0 };
    int r = 0;

    pthread_mutex_lock(&fake.lock);
    wait_if_blocked(name, true);
    rule = rule_for(FAKE_DELAY, name, nth, of_all);
    if (rule) {
        t.tv_sec = rule->ms / 1000;
        t.tv_nsec = rule->ms % 1000 * 1000000L;
    }
    rule = rule_for(FAKE_FAIL, name, nth, of_all);
    if (rule) {
        r = -rule->error;
    }
    pthread_mutex_unlock(&fake.lock);
    if (t.tv_sec || t.tv_nsec) {
        nanosleep(&t, NULL);
    }
    return r;
}

const char *target_add(const char *wwpn)
{
    const char *wrong = NULL;
    int i;

    if (!wwpn || !*wwpn || strlen(wwpn) >= FAKE_WWPN_MAX) {
        return "not a WWPN";
    }
    pthread_mutex_lock(&fake.lock);
    i = target_find(wwpn);
    for (int n = 0; i < 0 && n < FAKE_TARGETS_MAX; n++) {
        if (!fake.targets[n][0]) {
            i = n;
            snprintf(fake.targets[n], FAKE_WWPN_MAX, "%s", wwpn);
        }
    }
    if (i < 0) {
        wrong = "too many targets";
    } else {
        fake.target_up[i] = true;
    }
    pthread_mutex_unlock(&fake.lock);
    return wrong;
}

static const char *set_kernel(char *value)
{
    static const struct {
        const char *name;
        unsigned kernel;
        bool kthread;
    } kernels[] = {
        { "6.1", 601, true },     { "6.5", 605, false },
        { "6.12", 612, false },   { "6.17", 617, false },
        { "kthread", 617, true },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(kernels); i++) {
        if (strcmp(kernels[i].name, value) == 0) {
            fake.kernel = kernels[i].kernel;
            fake.kthread = kernels[i].kthread;
            return NULL;
        }
    }
    return "kernel is one of 6.1, 6.5, 6.12, 6.17, kthread";
}

static const char *set_vqs(char *value)
{
    uint64_t v;

    if (!parse_number(value, FAKE_IO_VQS_MAX, &v) || v == 0) {
        return "max_io_vqs is 1..1024";
    }
    fake.max_io_vqs = v;
    return NULL;
}

static const char *set_regions(char *value)
{
    uint64_t v;

    if (!parse_number(value, UINT16_MAX, &v) || v == 0) {
        return "max_mem_regions is 1..65535";
    }
    fake.max_mem_regions = v;
    return NULL;
}

static const char *set_features_of(FakeKindId id, const char *value)
{
    return parse_number(value, UINT64_MAX, &fake.features[id])
               ? NULL
               : "features are a number";
}

static const char *set_features(char *value)
{
    return set_features_of(FAKE_SCSI, value);
}

static const char *set_net_features(char *value)
{
    return set_features_of(FAKE_NET, value);
}

static const char *set_vsock_features(char *value)
{
    return set_features_of(FAKE_VSOCK, value);
}

static const char *set_target(char *value)
{
    return target_add(value);
}

static const char *set_lun(char *value)
{
    uint64_t bytes;

    if (!parse_size(value, &bytes)) {
        return "lun is a size: a multiple of 512 bytes, or with K, M, G";
    }
    return lun_add(bytes) < 0 ? "no memory for the LUN" : NULL;
}

static const char *set_bool(atomic_bool *flag, const char *value)
{
    uint64_t v;

    if (!parse_number(value, 1, &v)) {
        return "the value is 0 or 1";
    }
    atomic_store(flag, v);
    return NULL;
}

static const char *set_lies(char *value)
{
    return set_bool(&fake.worker_lies, value);
}

static const char *set_pid_namespace(char *value)
{
    return set_bool(&fake.pid_namespace, value);
}

static const char *set_hold(char *value)
{
    return set_bool(&fake.hold, value);
}

/* Cuts the next ":" part off; NULL if there is none. */
static char *next_part(char **rest)
{
    return strsep(rest, ":");
}

static const char *set_fail(char *value)
{
    char *name = next_part(&value), *nth = next_part(&value);
    char *error = next_part(&value), *count = next_part(&value);

    return value ? "too many parts" : knobs_fail(name, nth, error, count);
}

static const char *set_delay(char *value)
{
    char *name = next_part(&value), *ms = next_part(&value);

    return value ? "too many parts" : knobs_rule(FAKE_DELAY, name, ms);
}

static const char *set_block(char *value)
{
    return knobs_rule(FAKE_BLOCK_CALL, value, NULL);
}

static const struct {
    const char *key;
    const char *(*set)(char *value);
} keys[] = {
    { "kernel", set_kernel },
    { "max_io_vqs", set_vqs },
    { "features", set_features },
    { "net_features", set_net_features },
    { "vsock_features", set_vsock_features },
    { "max_mem_regions", set_regions },
    { "target", set_target },
    { "lun", set_lun },
    { "get_worker_lies", set_lies },
    { "pid_namespace", set_pid_namespace },
    { "fail", set_fail },
    { "delay", set_delay },
    { "block", set_block },
    { "hold", set_hold },
};

static const char *set_key(const char *key, char *value)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(keys[i].key, key) == 0) {
            return value ? keys[i].set(value) : "it needs a value";
        }
    }
    return "no such key";
}

void knobs_init(void)
{
    const char *env = getenv("FAKE_VHOST");
    char *copy = strdup(env ? env : ""), *rest = copy, *item;

    fake.kernel = 612;
    fake.max_io_vqs = 128;
    fake.max_mem_regions = 64;
    for (unsigned i = 0; i < FAKE_KINDS; i++) {
        fake.features[i] = UINT64_MAX; /* not said */
    }
    while ((item = strsep(&rest, ","))) {
        char *value = item, *key = strsep(&value, "=");
        const char *wrong = *key || value ? set_key(key, value) : NULL;

        if (wrong) {
            fprintf(stderr, "libfake-vhost: FAKE_VHOST: %s: %s\n", key, wrong);
            _exit(2);
        }
    }
    free(copy);
    for (unsigned i = 0; i < FAKE_KINDS; i++) {
        if (fake.features[i] == UINT64_MAX) {
            fake.features[i] = fake.kernel == 601 ? fake_kinds[i]->features_61
                                                  : fake_kinds[i]->features;
        }
    }
    if (!fake.targets[0][0]) {
        target_add(FAKE_VHOST_WWPN);
    }
    if (!fake.luns[0].data) {
        lun_add(64 * MiB);
    }
}
