/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libfake-vhost.so: a stand-in for /dev/vhost-scsi, /dev/vhost-net and
 * /dev/vhost-vsock in any VMM.
 *
 * Preloaded into a process (LD_PRELOAD), it takes the place of the kernel's
 * drivers below open(), ioctl() and close(): opening one of these paths gives a
 * file descriptor that answers every ioctl of that driver as the kernel does,
 * with its order rules, limits and errno values; whose workers are real threads
 * of the process, named as the kernel names them; and whose queues are served
 * from the guest's rings. What it answers is held against a real kernel by
 * conform.c (lab scenarios conform and conform-old).
 *
 * The queues of vhost-scsi lead to a small SCSI target with RAM disks. Those of
 * vhost-net lead to the descriptor that NET_SET_BACKEND gave, a Unix socket that
 * keeps messages apart (SOCK_DGRAM or SOCK_SEQPACKET) in place of a tap: each
 * message is a virtio_net_hdr of 12 bytes and the packet. Such a socket answers
 * a tap's ioctls (TUNSETIFF and others), which are traced, counted and made to
 * fail as those of vhost are; opening /dev/net/tun gives one, too, whose packets
 * lead nowhere. Those of vhost-vsock
 * lead to a host that echoes what comes on stream port FAKE_VSOCK_PORT.
 *
 * access() finds the paths. The descriptor is a memfd called "fake-vhost-scsi"
 * and so on, so that close-on-exec, inheritance, SCM_RIGHTS and /proc/self/fd are the
 * real thing. A descriptor received from another process becomes a device with
 * its first ioctl; devices of two processes know nothing of each other (a
 * target in use by one is free in the other). A process made by fork() sees
 * its parent's device and gets EPERM for what belongs to the owner.
 *
 * What cannot be as in the kernel:
 * - kick, call and err eventfds of a queue and the workers' epoll descriptors
 *   are descriptors of the process, from 512 upward (where the limit allows).
 * - a kthread worker (kernel=6.1, kernel=kthread) is a thread of the process
 *   too; it is named "kthread-<pid>" so that nobody takes it for a task worker.
 * - the dirty log (SET_LOG_BASE, SET_LOG_FD, LOG_ALL) is taken and never
 *   written.
 * - a ring that is unmapped while its queue runs is a fault of the process.
 *
 * Environment, read once when the library is loaded. An unknown key or a value
 * that cannot be is reported on standard error and ends the process (status 2).
 *
 *   FAKE_VHOST_TRACE=PATH    appends one line per ioctl, see "Trace"
 *   FAKE_VHOST_CONTROL=PATH  Unix stream socket to listen on, see "Control";
 *                            a socket that is there is replaced (the program
 *                            that was executed last has it)
 *   FAKE_VHOST=KEY=VALUE,... with these keys; those marked + may be repeated:
 *
 *   kernel=6.12       6.1      no worker calls, no fork owner, kthread worker
 *                     6.5      worker calls, task workers, no fork owner
 *                     6.12     Debian's 6.12.117 (default): 6.5 + fork owner
 *                     6.17     as 6.12
 *                     kthread  as 6.17 with fork owner 0 as default
 *   max_io_vqs=128    request queues of a device, 1..1024
 *   max_mem_regions=64
 *   features=MASK     what GET_FEATURES of vhost-scsi offers, default 0x13d00000a
 *   net_features=MASK, vsock_features=MASK    the same of the others
 *   target=WWPN +     a target, default naa.5001405bd1f60000. All targets show
 *                     the same LUNs; each has one I_T nexus of its own.
 *   lun=SIZE +        a RAM disk (bytes, or with K, M, G), 512-byte blocks; LUN
 *                     numbers from 0 in order; default one of 64M
 *   get_worker_lies=1 GET_VRING_WORKER answers a worker that is not attached
 *   pid_namespace=1   workers are called after other numbers than those that
 *                     the process sees, as in a PID namespace
 *   fail=NAME:N:ERRNO[:COUNT] +   see the control command
 *   delay=NAME:MS +
 *   block=NAME +
 *   hold=1            start with the backstore hung
 *
 * A blocked or delayed ioctl holds the device, as a hung call in the kernel
 * does: other ioctls of the same device wait behind it, others do not.
 *
 * NAME is an ioctl as the headers call it, with or without "VHOST_"
 * (SET_VRING_NUM, SCSI_SET_ENDPOINT, NEW_WORKER, ...), or "any"; an ioctl the
 * driver does not know is called "unknown". ERRNO is a name (ENOMEM) or a
 * number.
 *
 * Control. One command per line. The reply is any number of data lines, each
 * beginning with "- ", and a last line beginning with "OK" or "ERR". Commands
 * never wait for an ioctl in progress.
 *
 *   fail NAME N ERRNO [COUNT]   The Nth ioctl of that name from now on (1 is
 *                     the next), and COUNT - 1 after it (default 1; 0: all),
 *                     fail with ERRNO and do nothing else.
 *   nofail            forgets every fail
 *   delay NAME MS     every ioctl of that name takes MS longer; 0 ends it
 *   block NAME        an ioctl of that name waits before it does anything ...
 *   pass              ... but not one that comes from now on ...
 *   release [NAME]    ... until released; without NAME: all of them
 *   blocked           OK <number of ioctls that wait now>
 *   hold              commands are taken from the rings but not completed
 *   unhold            ... completes what was held, and all after it at once
 *   held              OK <number of commands held>
 *   stall DEV QUEUE   the worker leaves that queue alone; DEV is 1 for the
 *   unstall DEV QUEUE first device that was opened, 2 for the second, ...
 *   target add WWPN   brings a target, or one that was dropped, to life
 *   target drop WWPN  SET_ENDPOINT answers ENODEV from now on, and commands of
 *                     a device that has it set answer BAD_TARGET
 *   lun add SIZE      OK <number>; hotplug event to every running device
 *   lun remove N      unplug event to every running device
 *   get_worker_lies 0|1
 *   trace [FROM]      data lines: the records from number FROM on (default 1)
 *   count NAME        OK <number of ioctls of that name so far>
 *   workers           data lines "dev=D id=I tid=T name=NAME queues=0,1,2"
 *                     (queues=none; queues nobody set up are listed as well)
 *   stats             data lines "dev=D queue=Q worker=I requests=R kicks=K
 *                     calls=C errors=E" for each queue that was used, and
 *                     "dev=D worker=I requests=R" for each worker
 *   devices           data lines "dev=D kind=scsi|net|vsock fd=FD owner=PID
 *                     endpoint=WWPN|none cid=CID features=0x..." for each open
 *                     device
 *   reset             counts, statistics and the trace in memory start anew;
 *                     forgets every fail
 *   wait NAME N       replies once count NAME is at least N
 *   wait blocked|held N   likewise for those two
 *   ping              OK
 *
 * Trace. One line per ioctl, in the order in which they ended:
 *
 *   NR NAME KEY=VALUE... tid=TID dev=D -> RESULT [ERRNO]
 *   12 VHOST_SET_VRING_NUM index=2 num=128 tid=4711 dev=1 -> 0
 *   13 VHOST_NEW_WORKER tid=4711 dev=1 -> -1 ENOMEM
 *   14 VHOST_NEW_WORKER tid=4711 dev=1 -> 0 worker_id=1
 *
 * What the kernel wrote stands after the result. open and close of a device
 * are traced as "open" and "close"; they can be blocked and not failed.
 */
#ifndef TESTS_FAKE_VHOST_H
#define TESTS_FAKE_VHOST_H

/* What the host of vhost-vsock listens at. */
#define FAKE_VSOCK_PORT 7

/* The target and its tag that exist if nothing else is said. */
#define FAKE_VHOST_WWPN "naa.5001405bd1f60000"
#define FAKE_VHOST_TPGT 1

/* What Linux 6.12 offers, by driver. */
#define FAKE_VHOST_FEATURES 0x13d00000aULL
#define FAKE_NET_FEATURES   0x1033d008000ULL
#define FAKE_VSOCK_FEATURES 0x33d000002ULL

#endif
