/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP's view of the PCI buses: a handler as monitor/qmp-commands.h describes
 * them. Machine lock. */
#ifndef HW_PCI_PCI_QMP_H
#define HW_PCI_PCI_QMP_H

#include <json-c/json.h>

typedef struct Machine Machine;

json_object *qmp_query_pci(Machine *m, json_object *args, GError **errp);

#endif
