/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROGRAM_REGISTRY_H
#define PROGRAM_REGISTRY_H

#include "hw/core/registry.h"

/* All that this program can make, in plain sight (program/registry.c). */
extern const Registry program_registry;

/* Its instead_of(), also for options, "-" before their names, and for character
 * devices (program/absent.c). */
const char *absent_instead(const char *name);

#endif
