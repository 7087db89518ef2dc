/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Workers in QMP, see qapi/virtio.json: handlers as monitor/qmp-commands.h
 * describes them. Machine lock. */
#ifndef HW_VIRTIO_VHOST_WORKER_QMP_H
#define HW_VIRTIO_VHOST_WORKER_QMP_H

#include <json-c/json.h>

typedef struct Device Device;
typedef struct Machine Machine;
typedef struct VhostDev VhostDev;

/* The first VhostDev of the virtio device whose transport is @dev, or NULL. */
VhostDev *vhost_behind(const Device *dev);

json_object *qmp_query_vhost_workers(Machine *m, json_object *args,
                                     GError **errp);
json_object *qmp_vhost_new_worker(Machine *m, json_object *args, GError **errp);
json_object *qmp_vhost_free_worker(Machine *m, json_object *args,
                                   GError **errp);
json_object *qmp_vhost_attach_vring_worker(Machine *m, json_object *args,
                                           GError **errp);
json_object *qmp_vhost_get_vring_worker(Machine *m, json_object *args,
                                        GError **errp);
json_object *qmp_vhost_set_worker_affinity(Machine *m, json_object *args,
                                           GError **errp);

#endif
