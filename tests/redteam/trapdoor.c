/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program with a trapdoor, for tests/redteam/redteam.py alone and never
 * installed: program/main.c, and one more device, in which a guest calls what
 * an attacker would who has taken over the emulator. A guest, or a qtest in its
 * place, writes the number of an attack to the I/O port; it is done at once, in
 * the thread that serves the access. The port then reads 0 if it has succeeded,
 * the errno if the kernel has refused it. A filter of system calls may end the
 * process before.
 */
#include "hw/core/device.h"
#include "program/registry.h"
#include "system/machine.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/vhost.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define TRAPDOOR_PORT 0x4d0

typedef struct Trapdoor {
    Device dev;
    uint32_t victim; /* a process of the same user */
    char *target;    /* another guest's; owned */
    uint8_t result;
    MemoryRegion region;
} Trapdoor;

/* --- attacks: 0 or more, or -1 and errno --- */

static long read_shadow(const Trapdoor *t)
{
    return open("/etc/shadow", O_RDONLY | O_CLOEXEC);
}

static long write_file(const Trapdoor *t)
{
    return open("/tmp/trapdoor", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

/* Another process, and not what libc makes of it. */
static long call_fork(const Trapdoor *t)
{
    long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

    if (pid == 0) {
        _exit(0);
    }
    return pid;
}

static long call_vfork_exec(const Trapdoor *t)
{
    long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

    if (pid == 0) {
        execl("/bin/true", "true", NULL);
        _exit(127);
    }
    return pid;
}

/* In place of the emulator, which is enough for an attacker. */
static long call_exec(const Trapdoor *t)
{
    return execl("/bin/true", "true", NULL);
}

static long call_inet(const Trapdoor *t)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(9),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    return fd < 0 ? fd : connect(fd, (const struct sockaddr *)&to, sizeof(to));
}

static long call_unix(const Trapdoor *t)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long call_netlink(const Trapdoor *t)
{
    return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
}

static long call_ptrace(const Trapdoor *t)
{
    return ptrace(PTRACE_SEIZE, (pid_t)t->victim, NULL, NULL);
}

static long read_victim(const Trapdoor *t)
{
    char byte;
    struct iovec local = { &byte, 1 }, remote = { (void *)read_victim, 1 };
    long r = process_vm_readv((pid_t)t->victim, &local, 1, &remote, 1, 0);

    /* EFAULT: it may read, and there is nothing at this address. */
    return r < 0 && errno == EFAULT ? 0 : r;
}

static long take_descriptor(const Trapdoor *t)
{
    long fd = syscall(SYS_pidfd_open, (pid_t)t->victim, 0);

    return fd < 0 ? fd : syscall(SYS_pidfd_getfd, (int)fd, 0, 0);
}

static long kill_victim(const Trapdoor *t)
{
    return kill((pid_t)t->victim, SIGCONT);
}

static long new_user_namespace(const Trapdoor *t)
{
    return unshare(CLONE_NEWUSER);
}

static long call_io_uring(const Trapdoor *t)
{
    struct io_uring_params p = { 0 };

    return syscall(SYS_io_uring_setup, 1, &p);
}

static long call_bpf(const Trapdoor *t)
{
    union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY,
                            .key_size = 4,
                            .value_size = 4,
                            .max_entries = 1 };

    return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static long call_keyctl(const Trapdoor *t)
{
    return syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */,
                   -4 /* of the user */, 1);
}

static long become_root(const Trapdoor *t)
{
    return syscall(SYS_setresuid, 0, 0, 0);
}

static long call_mount(const Trapdoor *t)
{
    return mount("none", "/mnt", "tmpfs", 0, NULL);
}

static long map_code(const Trapdoor *t)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? -1
               : 0;
}

static long make_code(const Trapdoor *t)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return page == MAP_FAILED ? -1
                              : mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static long call_tiocsti(const Trapdoor *t)
{
    return ioctl(STDIN_FILENO, 0x5412 /* TIOCSTI */, "x");
}

static long limit_victim(const Trapdoor *t)
{
    return syscall(SYS_prlimit64, (pid_t)t->victim, 7, NULL, NULL);
}

/* The disks of a guest that does not run: LIO does not ask whose it is. */
static long bind_free_target(const Trapdoor *t)
{
    struct vhost_scsi_target target = { .vhost_tpgt = 1 };
    int fd = open("/dev/vhost-scsi", O_RDWR | O_CLOEXEC);

    if (fd < 0 || ioctl(fd, VHOST_SET_OWNER) < 0) {
        return -1;
    }
    g_strlcpy(target.vhost_wwpn, t->target, sizeof(target.vhost_wwpn));
    /* It has no rings: EFAULT is the answer of a target that there is. */
    if (ioctl(fd, VHOST_SCSI_SET_ENDPOINT, &target) < 0 && errno != EFAULT) {
        return -1;
    }
    return 0;
}

static long make_node(const Trapdoor *t)
{
    return mknod("/tmp/trapdoor-node", S_IFCHR | 0600, makedev(1, 1));
}

static long give_file(const Trapdoor *t)
{
    int fd = open("/tmp/trapdoor", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    return fd < 0 ? fd : fchown(fd, 1, 1);
}

/* A second root below the first, and up from a directory outside that. */
static long leave_root(const Trapdoor *t)
{
    return chroot("/") < 0 ? -1 : chdir("..");
}

static long raise_priority(const Trapdoor *t)
{
    return setpriority(PRIO_PROCESS, 0, -20);
}

static long (*const attacks[])(const Trapdoor *t) = {
    read_shadow,  write_file,         call_fork,        call_vfork_exec,
    call_exec,    call_inet,          call_unix,        call_netlink,
    call_ptrace,  read_victim,        take_descriptor,  kill_victim,
    limit_victim, new_user_namespace, call_io_uring,    call_bpf,
    call_keyctl,  become_root,        call_mount,       map_code,
    make_code,    call_tiocsti,       bind_free_target, make_node,
    give_file,    leave_root,         raise_priority,
};

/* --- the device --- */

static uint64_t trapdoor_read(void *opaque, uint64_t offset, unsigned size)
{
    return ((Trapdoor *)opaque)->result;
}

static void trapdoor_write(void *opaque, uint64_t offset, uint64_t value,
                           unsigned size)
{
    Trapdoor *t = opaque;

    t->result = 0xff;
    if (value < G_N_ELEMENTS(attacks)) {
        errno = 0;
        t->result = attacks[value](t) < 0 ? (uint8_t)errno : 0;
    }
}

static const MemoryRegionOps trapdoor_ops = {
    .read = trapdoor_read,
    .write = trapdoor_write,
};

static bool trapdoor_realize(Device *dev, GError **errp)
{
    Trapdoor *t = container_of(dev, Trapdoor, dev);

    memory_region_init(&t->region, "trapdoor", &trapdoor_ops, t, 1);
    t->region.priority = 1;
    memory_region_map(&t->region, &dev->machine->io, TRAPDOOR_PORT);
    return true;
}

static void trapdoor_unrealize(Device *dev)
{
    memory_region_unmap(&container_of(dev, Trapdoor, dev)->region);
}

static const Property trapdoor_props[] = {
    PROP_U32("victim", Trapdoor, victim, .summary = "process to attack"),
    PROP_STRING("target", Trapdoor, target, .summary = "target to attack"),
    { 0 },
};

static const DeviceType trapdoor_type = {
    .name = "trapdoor",
    .summary = "calls what an attacker would",
    .bus = BUS_ISA,
    .size = sizeof(Trapdoor),
    .props = trapdoor_props,
    .user_creatable = true,
    .realize = trapdoor_realize,
    .unrealize = trapdoor_unrealize,
};

/* --- the program --- */

/* What main.c is compiled with instead of program_registry and main(). */
Registry trapdoor_registry;
int trapdoor_main(int argc, char **argv);

int main(int argc, char **argv)
{
    const DeviceType *types[64];
    unsigned n = 0;

    while (program_registry.device_types[n]) {
        types[n] = program_registry.device_types[n];
        n++;
        assert(n + 2 < G_N_ELEMENTS(types));
    }
    types[n] = &trapdoor_type;
    types[n + 1] = NULL;
    trapdoor_registry = program_registry;
    trapdoor_registry.device_types = types;
    return trapdoor_main(argc, argv);
}
