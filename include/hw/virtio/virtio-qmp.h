/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP's view of virtio devices: handlers as monitor/qmp-commands.h describes
 * them. Machine lock. */
#ifndef HW_VIRTIO_VIRTIO_QMP_H
#define HW_VIRTIO_VIRTIO_QMP_H

#include <json-c/json.h>

typedef struct Machine Machine;

json_object *qmp_x_query_virtio(Machine *m, json_object *args, GError **errp);
json_object *qmp_x_query_virtio_status(Machine *m, json_object *args,
                                       GError **errp);
json_object *qmp_x_query_virtio_vhost_queue_status(Machine *m,
                                                   json_object *args,
                                                   GError **errp);

#endif
