/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The wire of QMP: requests in, answers and events out. json-c's incremental
 * parser reads the stream. What is no JSON, too long or too deep is answered
 * with an error, and the session goes on with the next value: behind the end of
 * the one that was refused, if its brackets tell where that is, behind a byte
 * that JSON cannot have (a client sends 0xff to be sure of that), or at the next
 * line.
 */
#include "monitor-int.h"
#include "monitor/hmp.h"
#include "system/hotplug.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"
#include "util/log.h"

#include <math.h>

typedef struct QmpSession {
    Monitor mon;
    bool pretty;
    json_tokener *tok;
    size_t request_len; /* bytes of the request that has begun */
    unsigned depth;     /* its open brackets */
    bool in_string, escaped;
    bool skipping; /* the rest of one that was refused */
    bool negotiated;
    bool events_lost; /* said once that events were dropped */
} QmpSession;

static QmpSession *session_of(Monitor *mon)
{
    return container_of(mon, QmpSession, mon);
}

/* --- output --- */

/* json-c's form without blanks, with one behind each ':' and ',', as people are
 * used to it. */
static void append_spaced(GString *out, const char *json)
{
    bool in_string = false;

    for (const char *c = json; *c; c++) {
        g_string_append_c(out, *c);
        if (*c == '\\' && in_string) {
            g_string_append_c(out, *++c);
        } else if (*c == '"') {
            in_string = !in_string;
        } else if ((*c == ':' || *c == ',') && !in_string) {
            g_string_append_c(out, ' ');
        }
    }
}

/* Strings of the host (paths, names) may hold any bytes; the wire is UTF-8. */
static void send_object(QmpSession *s, json_object *obj)
{
    const char *json = json_object_to_json_string_ext(
        obj, JSON_C_TO_STRING_NOSLASHESCAPE |
                 (s->pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
                            : JSON_C_TO_STRING_PLAIN));
    g_autofree char *valid = g_utf8_make_valid(json, -1);
    g_autoptr(GString) line = g_string_new(NULL);

    if (s->pretty) {
        g_string_append(line, valid);
    } else {
        append_spaced(line, valid);
    }
    g_string_append(line, "\r\n");
    trace(qmp_send, "%s %s", chardev_id(s->mon.chr), valid);
    monitor_write(&s->mon, line->str, line->len);
}

static const char *class_name(int code)
{
    static const char *const names[] = {
        [ERROR_CLASS_GENERIC_ERROR] = "GenericError",
        [ERROR_CLASS_COMMAND_NOT_FOUND] = "CommandNotFound",
        [ERROR_CLASS_DEVICE_NOT_ACTIVE] = "DeviceNotActive",
        [ERROR_CLASS_DEVICE_NOT_FOUND] = "DeviceNotFound",
        [ERROR_CLASS_KVM_MISSING_CAP] = "KVMMissingCap",
    };

    return names[code];
}

/* Answers the request whose "id" is in @request (a dictionary). */
static void answer_request(QmpSession *s, json_object *request,
                           json_object *ret, const GError *err)
{
    auto_json *reply = json_object_new_object();
    json_object *id;

    if (err) {
        json_object *e = json_object_new_object();

        json_add_string(
            e, "class",
            class_name(err->domain == error_domain() ? err->code : 0));
        json_add_string(e, "desc", err->message);
        json_add(reply, "error", e);
    } else {
        json_add(reply, "return", json_object_get(ret));
    }
    if (request && json_object_object_get_ex(request, "id", &id)) {
        json_add(reply, "id", json_object_get(id));
    }
    send_object(s, reply);
}

static void qmp_session_event(Monitor *mon, const char *name, json_object *data)
{
    QmpSession *s = session_of(mon);
    auto_json *event = NULL;
    json_object *stamp;
    int64_t now_us = g_get_real_time();

    if (!s->negotiated) {
        return;
    }
    if (monitor_pending(mon) > MONITOR_EVENTS_MAX) {
        if (!s->events_lost) {
            warn_report("monitor '%s': the client does not read; events for it "
                        "are dropped",
                        chardev_id(mon->chr));
        }
        s->events_lost = true;
        return;
    }
    event = json_object_new_object();
    stamp = json_object_new_object();
    json_add_int(stamp, "seconds", now_us / G_USEC_PER_SEC);
    json_add_int(stamp, "microseconds", now_us % G_USEC_PER_SEC);
    json_add(event, "timestamp", stamp);
    json_add_string(event, "event", name);
    if (data) {
        json_add(event, "data", json_object_get(data));
    }
    send_object(s, event);
}

/* --- commands --- */

/* A command that the control thread carries out. */
typedef struct QmpWork {
    char *name;
    json_object *request;
} QmpWork;

static void work_free(gpointer opaque)
{
    QmpWork *w = opaque;

    g_free(w->name);
    json_object_put(w->request);
    g_free(w);
}

static const void *work_lane(Machine *m, void *opaque)
{
    const QmpWork *w = opaque;

    return hotplug_lane(m, json_get(w->request, "arguments"));
}

static json_object *work_run(Machine *m, void *opaque, GError **errp)
{
    QmpWork *w = opaque;

    return qmp_call(m, NULL, w->name, json_get(w->request, "arguments"), errp);
}

static void work_done(Monitor *mon, void *opaque, json_object *ret,
                      const GError *err)
{
    QmpWork *w = opaque;

    answer_request(session_of(mon), w->request, ret, err);
}

/* A line for people blocks if its command does. */
static bool may_block(const QapiCommand *cmd, json_object *args)
{
    const char *line;

    if (!g_str_equal(cmd->name, "human-monitor-command")) {
        return cmd->blocks;
    }
    line = keyval_get(args, "command-line");
    return line && hmp_blocks(line);
}

static bool check_members(json_object *request, GError **errp)
{
    static const char *const members[] = { "execute", "arguments", "id", NULL };
    json_object *value;

    json_object_object_foreach(request, key, unused)
    {
        (void)unused;
        if (!g_strv_contains(members, key)) {
            error_setg(errp, "QMP input member '%s' is unexpected", key);
            return false;
        }
    }
    if (!json_object_object_get_ex(request, "execute", &value)) {
        error_setg(errp, "QMP input lacks member 'execute'");
        return false;
    }
    if (!json_object_is_type(value, json_type_string)) {
        error_setg(errp, "QMP input member 'execute' must be a string");
        return false;
    }
    if (json_object_object_get_ex(request, "arguments", &value) &&
        !json_object_is_type(value, json_type_object)) {
        error_setg(errp, "QMP input member 'arguments' must be an object");
        return false;
    }
    return true;
}

static const QapiCommand *find_command(const QmpSession *s,
                                       json_object *request, GError **errp)
{
    const char *name = keyval_get(request, "execute");
    const QapiCommand *cmd = qapi_find_command(name);
    bool is_first = g_str_equal(name, "qmp_capabilities");

    if (!s->negotiated && !is_first) {
        error_set(errp, ERROR_CLASS_COMMAND_NOT_FOUND,
                  "Expecting capabilities negotiation with "
                  "'qmp_capabilities'");
        return NULL;
    }
    if (s->negotiated && is_first) {
        error_set(errp, ERROR_CLASS_COMMAND_NOT_FOUND,
                  "Capabilities negotiation is already complete, command "
                  "ignored");
        return NULL;
    }
    if (!cmd) {
        error_set(errp, ERROR_CLASS_COMMAND_NOT_FOUND,
                  "The command %s has not been found", name);
    }
    return cmd;
}

static void handle_request(QmpSession *s, json_object *request)
{
    g_autoptr(GError) err = NULL;
    auto_json *ret = NULL;
    const QapiCommand *cmd;
    json_object *args;

    if (!check_members(request, &err)) {
        answer_request(s, request, NULL, err);
        return;
    }
    cmd = find_command(s, request, &err);
    args = json_get(request, "arguments");
    if (cmd && may_block(cmd, args) && qapi_check_arguments(cmd, args, &err)) {
        QmpWork *w = g_new(QmpWork, 1);

        *w = (QmpWork){ g_strdup(cmd->name), json_object_get(request) };
        monitor_run_in_control(&s->mon,
                               &(MonitorTask){ .what = w->name,
                                               .lane = work_lane,
                                               .work = work_run,
                                               .done = work_done,
                                               .opaque = w,
                                               .free_opaque = work_free });
        return;
    }
    if (cmd && !err) {
        ret = qmp_call(s->mon.machine, &s->mon, cmd->name, args, &err);
        if (ret && g_str_equal(cmd->name, "qmp_capabilities")) {
            s->negotiated = true;
        }
    }
    answer_request(s, request, ret, err);
}

/* --- input --- */

static void syntax_error(QmpSession *s, const char *what)
{
    g_autoptr(GError) err = NULL;

    error_setg(&err, "JSON parse error, %s", what);
    answer_request(s, NULL, NULL, err);
}

static void new_tokener(QmpSession *s)
{
    if (s->tok) {
        json_tokener_free(s->tok);
    }
    s->tok = json_tokener_new_ex(QMP_DEPTH_MAX);
    json_tokener_set_flags(s->tok, JSON_TOKENER_STRICT |
                                       JSON_TOKENER_ALLOW_TRAILING_CHARS |
                                       JSON_TOKENER_VALIDATE_UTF8);
    s->request_len = 0;
    s->depth = 0;
    s->in_string = s->escaped = false;
}

static bool is_blank(char c)
{
    return c && strchr(" \t\r\n", c);
}

static void scan_byte(QmpSession *s, char c)
{
    if (s->in_string) {
        s->in_string = c != '"' || s->escaped;
        s->escaped = c == '\\' && !s->escaped;
    } else if (c == '"') {
        s->in_string = true;
    } else if (c == '{' || c == '[') {
        s->depth++;
    } else if ((c == '}' || c == ']') && s->depth) {
        s->depth--;
    }
}

/* Whether no value has @c: nothing before it matters behind it. */
static bool is_stray(const QmpSession *s, char c)
{
    if (s->in_string) {
        return !c || (uint8_t)c >= 0xfe;
    }
    return !is_blank(c) && !g_ascii_isalnum(c) &&
           (!c || !strchr("{}[]:,\"'+-._", c));
}

/* Passes over what belongs to a value that was refused; returns how many bytes
 * that are. */
static size_t skip_refused(QmpSession *s, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = data[i];
        bool outside = !s->depth && !s->in_string;

        /* Each 0xff is answered, but for one within a refused value. */
        if (outside && (c == '{' || c == '[' || c == '\xff')) {
            s->skipping = false;
            return i;
        }
        if (c == '\n') {
            new_tokener(s);
            s->skipping = false;
            return i + 1;
        }
        if (!outside && is_stray(s, c)) {
            new_tokener(s);
        } else if (!outside) {
            scan_byte(s, c);
        }
    }
    return len;
}

/* The value is refused whose first part has been scanned; @c comes next, and is
 * what json-c refuses if @is_bad. Returns whether it was taken. */
static bool give_up(QmpSession *s, char c, bool is_bad)
{
    unsigned depth = s->depth;
    bool in_string = s->in_string, escaped = s->escaped;
    bool stray = is_bad || is_stray(s, c);

    new_tokener(s);
    s->skipping = true;
    if (!stray) {
        s->depth = depth;
        s->in_string = in_string;
        s->escaped = escaped;
    }
    return stray;
}

/* json-c reads NaN and Infinity, which JSON does not have. */
static bool is_finite(json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_double:
        return isfinite(json_object_get_double(value));
    case json_type_array:
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            if (!is_finite(json_object_array_get_idx(value, i))) {
                return false;
            }
        }
        return true;
    case json_type_object: {
        json_object_object_foreach(value, key, member)
        {
            (void)key;
            if (!is_finite(member)) {
                return false;
            }
        }
        return true;
    }
    case json_type_null:
    case json_type_boolean:
    case json_type_int:
    case json_type_string:
        break;
    }
    return true;
}

static void take_value(QmpSession *s, json_object *value)
{
    g_autoptr(GError) err = NULL;

    trace(qmp_receive, "%s %s", chardev_id(s->mon.chr),
          json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
    if (!is_finite(value)) {
        syntax_error(s, "a number is not finite");
    } else if (!json_object_is_type(value, json_type_object)) {
        error_setg(&err, "QMP input must be a JSON object");
        answer_request(s, NULL, NULL, err);
    } else {
        handle_request(s, value);
    }
}

/* Scans the *@taken bytes that json-c took; stops at a byte that must
 * not be in a string, which json-c lets pass. */
static bool scan_bytes(QmpSession *s, const char *data, size_t *taken)
{
    for (size_t i = 0; i < *taken; i++) {
        if (s->in_string && (uint8_t)data[i] < ' ') {
            *taken = i;
            return false;
        }
        scan_byte(s, data[i]);
    }
    return true;
}

/* One value, or a part of it; returns how many bytes it took. */
static size_t parse_value(QmpSession *s, const char *data, size_t len)
{
    auto_json *value = json_tokener_parse_ex(s->tok, data, (int)len);
    enum json_tokener_error err = json_tokener_get_error(s->tok);
    size_t taken = json_tokener_get_parse_end(s->tok);
    bool is_bad = !scan_bytes(s, data, &taken);
    const char *wrong = NULL;

    s->request_len += taken;
    if (is_bad) {
        wrong = "control character in a string";
    } else if (s->request_len > QMP_REQUEST_MAX) {
        wrong = "the request is too long";
    } else if (err == json_tokener_continue && taken < len) {
        wrong = "NUL byte";
    } else if (err != json_tokener_continue && err != json_tokener_success) {
        wrong = json_tokener_error_desc(err);
        is_bad = err == json_tokener_error_parse_utf8_string;
    }
    if (wrong) {
        /* At the end of @data a blank, which changes nothing. */
        bool took = give_up(s, taken < len ? data[taken] : ' ', is_bad);

        taken += took && taken < len;
        syntax_error(s, wrong);
    } else if (err == json_tokener_success) {
        new_tokener(s);
        take_value(s, value);
    }
    return taken;
}

/* Not a part of a character at the end, which the JSON parser would refuse. */
static size_t qmp_session_ready(const char *data, size_t len)
{
    for (size_t n = 1; n <= MIN(len, UTF8_BYTES_MAX - 1); n++) {
        const char *at = data + len - n;

        if ((*at & 0xc0) != 0x80) { /* not the middle of a character */
            gunichar c = g_utf8_get_char_validated(at, (gssize)n);

            return c == (gunichar)-2 ? len - n : len;
        }
    }
    return len;
}

static size_t qmp_session_input(Monitor *mon, const char *data, size_t len)
{
    QmpSession *s = session_of(mon);
    size_t taken;

    if (!s->skipping && !s->request_len && is_blank(data[0])) {
        return 1;
    }
    taken = s->skipping ? skip_refused(s, data, len)
                        : parse_value(s, data, len);
    /* A descriptor belongs to the request with one of whose bytes, or with a
     * blank before it, it came. */
    if (!s->request_len && mon->chr) {
        chardev_drop_fds(mon->chr);
    }
    return taken;
}

/* --- life --- */

/* The greeting. */
static void qmp_session_open(Monitor *mon)
{
    QmpSession *s = session_of(mon);
    auto_json *greeting = json_object_new_object();
    json_object *qmp = json_object_new_object();

    new_tokener(s);
    s->skipping = false;
    s->negotiated = false;
    s->events_lost = false;
    json_add(qmp, "version",
             qmp_call(mon->machine, mon, "query-version", NULL, NULL));
    json_add(qmp, "capabilities", json_object_new_array());
    json_add(greeting, "QMP", qmp);
    send_object(s, greeting);
}

static void qmp_session_focus(Monitor *mon)
{
}

static void qmp_session_free(Monitor *mon)
{
    QmpSession *s = session_of(mon);

    json_tokener_free(s->tok);
    g_free(s);
}

static const MonitorOps qmp_session_ops = {
    .takes_fds = true,
    .free = qmp_session_free,
    .open = qmp_session_open,
    .focus = qmp_session_focus,
    .ready = qmp_session_ready,
    .input = qmp_session_input,
    .event = qmp_session_event,
};

bool qmp_monitor_new(Machine *m, Chardev *chr, bool pretty, GError **errp)
{
    QmpSession *s = g_new0(QmpSession, 1);

    s->pretty = pretty;
    new_tokener(s);
    return monitor_serve(&s->mon, &qmp_session_ops, m, chr, errp);
}
