/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine: the only object that everything hangs on. There are no other
 * globals, so that two machines can live in one test process.
 *
 * The machine lock guards all control-plane state. The main loop holds it
 * whenever it runs a callback and releases it while it polls; a vCPU thread
 * takes it to handle an exit; the control thread (system/control.h) takes it
 * to carry out a request. The data plane is in the kernel and needs no lock.
 */
#ifndef SYSTEM_MACHINE_H
#define SYSTEM_MACHINE_H

#include "hw/core/device.h"
#include "hw/core/irq.h"
#include "system/accel.h"
#include "system/cpus.h"
#include "system/event.h"
#include "system/fds.h"
#include "system/memory-map.h"
#include "system/memory.h"
#include "system/numa.h"
#include "system/control.h"
#include "system/timer.h"
#include "system/user-object.h"

typedef struct Chardev Chardev;

#define SERIAL_PORTS_MAX 4

/* A file of -fw_cfg. */
typedef struct ConfigFile {
    char *name;
    GBytes *data;
} ConfigFile;
#define FLASH_UNITS 2 /* the firmware; its variables */

typedef struct FlashConfig {
    char *path; /* owned; NULL: there is no such flash */
    bool readonly;
} FlashConfig;

/* What the command line says of the machine; read-only once it is built.
 * Strings are owned. */
typedef struct MachineConfig {
    uint64_t ram_size; /* bytes */
    unsigned n_cpus;
    CpuTopology topology;
    bool topology_given;  /* by more than a number of vCPUs */
    char *cpu_model;      /* "max", "host" */
    char **cpu_on;        /* features by name, NULL at the end; or NULL */
    char **cpu_off;       /* the same */
    bool cpu_enforce;     /* one that is missing is an error */
    char *kernel;         /* path; NULL: none */
    char *initrd;         /* path; NULL: none */
    char *append;         /* kernel command line; NULL: empty */
    char *bios;           /* path of the firmware; NULL: none */
    GPtrArray *data_dirs; /* char *: -L; NULL: none */
    bool serial_console;  /* firmware shows itself on COM1 */
    FlashConfig pflash[FLASH_UNITS];
    char *name;           /* -name guest=; NULL: none */
    char *memory_backend; /* id; NULL: none */
    /* MemoryBackend, borrowed from the machine's objects: what RAM is made of,
     * in ascending order; NULL: of what the host does best. */
    GPtrArray *ram_backends;
    NumaConfig *numa;     /* owned; NULL: the guest has no nodes */
    bool dump_guest_core; /* RAM is part of a core dump */
    bool mem_lock;        /* -overcommit mem-lock=on */
    bool no_acpi;
    /* -boot, for a firmware; hw/pci/boot-order.h makes of it what that reads */
    char *boot_order;           /* letters of drives; NULL: not given */
    char *boot_once;            /* the same until the first reset */
    bool boot_menu;             /* it shows a menu ... */
    int boot_splash_time_ms;    /* ... for so long, to 65535; -1: its default */
    int boot_reboot_timeout_ms; /* without a disk it tries again, to 65535; -1:
                                 * never */
    bool boot_strict;           /* nothing but what has a bootindex */
    uint8_t uuid[16];
    bool has_uuid;
    GPtrArray *fw_cfg; /* ConfigFile: -fw_cfg */
    GPtrArray *smbios; /* json_object: -smbios, checked */
    bool no_reboot;
    bool no_shutdown;
    PanicAction panic_action;
    bool start_paused;                 /* -S */
    bool rtc_localtime;                /* -rtc base=localtime */
    bool rtc_clock_vm;                 /* -rtc clock=vm */
    int64_t rtc_base_s;                /* -rtc base=DATE, since 1970; 0: now */
    Chardev *serial[SERIAL_PORTS_MAX]; /* borrowed; NULL: no such port */
} MachineConfig;

struct MachineType {
    const char *name;  /* canonical: "pc-q35-7.2" */
    const char *alias; /* "q35"; or NULL */
    /* Further names of the same machine, NULL at the end; or NULL. Each of the
     * names but the alias may have a suffix after "+". */
    const char *const *versions;
    const char *summary;
    bool is_default;
    unsigned cpus_max;  /* 0: it has no vCPUs */
    const char *ram_id; /* of the object that is its RAM; NULL: it has none */
    /* The file of its firmware, if nothing else says what to start. */
    const char *firmware;
    /* Builds the board: RAM, address map, chipset. machine->accel is there.
     * On failure finish() undoes the rest. */
    bool (*init)(Machine *machine, GError **errp);
    void (*finish)(Machine *machine);
    /* After all devices were added and before the first reset: what depends on
     * the whole machine, such as ACPI tables and the kernel to boot. */
    bool (*machine_done)(Machine *machine, GError **errp);
    /* Power-on state of what the board owns, after all devices were reset and
     * the vCPUs too. Loads the kernel. The first time a failure is reported by
     * errp; later it stops the machine. */
    bool (*reset)(Machine *machine, GError **errp);
    /* The power button. */
    void (*powerdown)(Machine *machine);
};

struct Machine {
    const Registry *registry; /* borrowed */
    const MachineType *type;
    MachineConfig config;
    void *board;   /* owned by type->init/finish */
    bool complete; /* type->machine_done was called */

    GMutex lock;
    GCond cond; /* broadcast on each change that somebody waits for */
    GMainContext *context; /* the main loop's; owned */

    const AccelOps *accel_ops;
    const AccelOps *accel_fallback; /* tried if that does not open; or NULL */
    Accel *accel;                   /* between accel_ops->init and finish */

    GuestRam ram;
    MemoryMap map;
    AddressSpace memory; /* MMIO */
    AddressSpace io;     /* I/O space of PCI and ISA: a PC's ports */

    Cpu *cpus;      /* config.n_cpus of them; NULL before cpus_start() */
    bool cpus_run;  /* vCPUs may run (machine lock) */
    bool cpus_quit; /* vCPU threads must end (machine lock) */

    DeviceTree tree;
    GSList *chardevs;         /* Chardev, borrowed from who made them */
    unsigned threads_to_come; /* of character devices, with the machine */

    GPtrArray *objects; /* UserObject, owned */
    GPtrArray *netdevs; /* Netdev, owned; see net/netdev.h; NULL: none */
    FdStore *fds;       /* passed for later use; owned */

    TimerList *timers;
    GPtrArray *monitors;        /* Monitor, owned; see monitor/monitor.h */
    GPtrArray *event_listeners; /* EventListener, borrowed */
    GSList *event_limits;       /* EventLimit, owned */

    /* system/runstate.c; machine lock */
    RunState run_state;
    GPtrArray *run_notifiers; /* RunStateNotifier, borrowed */
    unsigned requests;        /* RunRequest */
    RunState stop_state;
    ShutdownCause reset_cause;
    ShutdownCause shutdown_cause;
    bool quitting;     /* the main loop is to end */
    bool ending;       /* the host has asked for the end; nothing else counts */
    bool exit_failure; /* by -action panic=exit-failure */

    /* Bits CAP_... that what the command line made has needed and what comes
     * later may need again; see program/privileges.h. */
    uint64_t capabilities;

    Control control;
};

/* The machine "none" (none-machine.c): no board, no RAM, no vCPU. */
extern const MachineType none_machine_type;

void machine_config_init(MachineConfig *c);
/* Frees what it owns and leaves defaults that own nothing. */
void machine_config_finish(MachineConfig *c);

/* Makes an empty machine with default configuration; nothing is opened. The
 * rest is borrowed. */
Machine *machine_new(const Registry *registry, const MachineType *type,
                     const AccelOps *accel);

/* Opens the accelerator and builds the board from machine->config. Devices may
 * then be added. Machine lock. */
bool machine_build(Machine *machine, GError **errp);

/* Finishes the board once all devices are there, which opens the files that are
 * read at each reset. No thread is started. Machine lock. */
bool machine_complete(Machine *machine, GError **errp);

/* The same, if that was not done, resets everything and starts the vCPU and
 * control threads; the guest runs after vm_start_request(). Machine lock. */
bool machine_start(Machine *machine, GError **errp);

/* A thread of the machine, to be joined by the caller. NULL on failure. */
GThread *machine_thread_new(const char *name, GThreadFunc func, gpointer data,
                            GError **errp);

/* Stops the machine and takes board, devices and accelerator away; takes
 * half-built machines, and one that was dismantled. Machine lock. */
void machine_dismantle(Machine *machine);

/* Dismantles it and frees everything; takes NULL and half-built machines. The lock is
 * not held. */
void machine_free(Machine *machine);

static inline void machine_lock(Machine *m)
{
    g_mutex_lock(&m->lock);
}

static inline void machine_unlock(Machine *m)
{
    g_mutex_unlock(&m->lock);
}

/*
 * Around a call to the kernel that may block, for code that realizes or
 * unrealizes a device: releases the lock once the machine has started. Before
 * and after that there is nobody to go on meanwhile, and a machine that is half
 * made is not to be seen.
 */
static inline void machine_unlock_if_started(Machine *m)
{
    if (m->tree.started) {
        machine_unlock(m);
    }
}

static inline void machine_lock_if_started(Machine *m)
{
    if (m->tree.started) {
        machine_lock(m);
    }
}

/* Serves m->context until machine_quit(), holding the machine lock but for its
 * polling. The lock is not held when it is called. */
void machine_run_main_loop(Machine *m);
/* Ends the main loop. Machine lock. */
void machine_quit(Machine *m);

/* A main-loop watch of @fd; the callback runs under the machine lock and
 * returns whether to go on. Returns the source, which the caller destroys with
 * machine_unwatch(). Machine lock. */
typedef bool FdHandler(void *opaque, GIOCondition condition);
GSource *machine_watch_fd(Machine *m, int fd, GIOCondition condition,
                          FdHandler *handler, void *opaque);
/* Takes *@source, which may be NULL, and leaves NULL. */
void machine_unwatch(GSource **source);

#endif
