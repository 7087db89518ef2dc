/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The architecture of the program's guests, as far as a user or a test can name
 * it: one description per program, in target/<arch>. What KVM needs of an
 * architecture is in accel/kvm/kvm-arch.h.
 */
#ifndef TARGET_TARGET_H
#define TARGET_TARGET_H

#include "system/cpus.h"

/* What -cpu takes. */
typedef struct CpuModel {
    const char *name, *summary;
} CpuModel;

typedef struct TargetInfo {
    const char *name;   /* of query-target, and in the names of CPU types */
    const char *family; /* of -cpu help */

    const CpuModel *cpu_models; /* NULL as the name at the end */
    /* Features of -cpu: what they are, and the name of number @n, from 0, each
     * once; NULL after the last. */
    const char *features_title;
    const char *(*feature)(unsigned n);
    /* The name in that form of a feature, whichever of its names @name is; NULL
     * if there is none. */
    const char *(*feature_name)(const char *name);

    /* Refuses a topology whose vCPUs the architecture cannot number. */
    bool (*check_topology)(const CpuTopology *topology, GError **errp);

    /* What the qtest accelerator shows of the interrupt controllers: their
     * inputs, and messages, of which the vector is the last byte. */
    const char *irq_inputs;
    unsigned n_irq_inputs;
    const char *irq_messages;
    uint64_t msi_base, msi_size;
} TargetInfo;

extern const TargetInfo target_info;

/* The name of a CPU model's type; the caller frees it. */
static inline char *target_cpu_type(const char *model)
{
    return g_strdup_printf("%s-%s-cpu", model, target_info.name);
}

#endif
