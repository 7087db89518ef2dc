/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that change what the machine does. */
#include "monitor/qmp-commands.h"
#include "system/machine.h"
#include "util/error.h"
#include "util/json.h"
#include "util/keyval.h"

json_object *qmp_query_status(Machine *m, json_object *args, GError **errp)
{
    json_object *ret = json_object_new_object();

    json_add_string(ret, "status", run_state_name(m->run_state));
    json_add_bool(ret, "singlestep", false);
    json_add_bool(ret, "running", m->run_state == RUN_STATE_RUNNING);
    return ret;
}

/* A machine that stands already stays in the state that it is in. */
json_object *qmp_stop(Machine *m, json_object *args, GError **errp)
{
    if (m->run_state == RUN_STATE_RUNNING) {
        vm_stop(m, RUN_STATE_PAUSED);
    }
    return json_object_new_object();
}

json_object *qmp_cont(Machine *m, json_object *args, GError **errp)
{
    return vm_start(m, errp) ? json_object_new_object() : NULL;
}

json_object *qmp_system_reset(Machine *m, json_object *args, GError **errp)
{
    system_reset_request(m, SHUTDOWN_CAUSE_HOST_QMP_RESET);
    return json_object_new_object();
}

json_object *qmp_system_powerdown(Machine *m, json_object *args, GError **errp)
{
    system_powerdown_request(m);
    return json_object_new_object();
}

json_object *qmp_quit(Machine *m, json_object *args, GError **errp)
{
    system_shutdown_request(m, SHUTDOWN_CAUSE_HOST_QMP_QUIT);
    return json_object_new_object();
}

json_object *qmp_set_action(Machine *m, json_object *args, GError **errp)
{
    const char *reboot = keyval_get(args, "reboot");
    const char *shutdown = keyval_get(args, "shutdown");
    const char *panic = keyval_get(args, "panic");

    if (reboot) {
        m->config.no_reboot = g_str_equal(reboot, "shutdown");
    }
    if (shutdown) {
        m->config.no_shutdown = g_str_equal(shutdown, "pause");
    }
    for (unsigned i = 0; panic && panic_action_names[i]; i++) {
        if (g_str_equal(panic, panic_action_names[i])) {
            m->config.panic_action = (PanicAction)i;
        }
    }
    return json_object_new_object();
}
