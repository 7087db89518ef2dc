/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network cards in QMP, see qapi/net.json: handlers as monitor/qmp-commands.h
 * describes them. Machine lock. */
#ifndef HW_NET_NET_QMP_H
#define HW_NET_NET_QMP_H

#include <json-c/json.h>

typedef struct Machine Machine;

json_object *qmp_set_link(Machine *m, json_object *args, GError **errp);
json_object *qmp_query_rx_filter(Machine *m, json_object *args, GError **errp);
json_object *qmp_x_query_netdev(Machine *m, json_object *args, GError **errp);
json_object *qmp_announce_self(Machine *m, json_object *args, GError **errp);

#endif
