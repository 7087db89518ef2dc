/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's qtest protocol, line by line and independent of what carries it. Each
 * request is one line and gets one line as its answer: "OK", "OK VALUE" or
 * "FAIL REASON". Lines "IRQ raise N" and "IRQ lower N" may come before it.
 * Words are separated by one space; numbers are decimal, 0x or 0 octal.
 *
 *   clock_step [NS]            moves the virtual clock by NS, or to the next
 *                              timer; OK and the new time
 *   clock_set NS               moves it to NS, never back; OK and the new time
 *   outb|outw|outl PORT VALUE  inb|inw|inl PORT
 *   writeb|w|l|q ADDR VALUE    readb|w|l|q ADDR
 *   write ADDR SIZE 0xHEX      short data is filled up with zeroes
 *   read ADDR SIZE             OK and 0xHEX
 *   b64write ADDR SIZE BASE64  b64read ADDR SIZE
 *   memset ADDR SIZE BYTE
 *   endianness                 OK little
 *   irq_intercept_in NAME      the target's name (target/target.h) of its
 *                              inputs; or that of its messages, each of which
 *                              is raise and lower of its vector
 *   irq_intercept_out PATH     the INTx pin of a PCI device (id or tree path),
 *                              as number 0
 *   set_irq_in NAME unnamed-gpio-in N LEVEL
 *   module_load PREFIX NAME    FAIL: there are no modules
 *
 * Whatever a line holds, the answer is one line: nothing ends the process. All
 * functions need the machine lock.
 */
#ifndef ACCEL_QTEST_SERVER_H
#define ACCEL_QTEST_SERVER_H

typedef struct Machine Machine;

#define QTEST_TRANSFER_MAX (16 * MiB) /* bytes of one read, write or memset */
#define QTEST_LINE_MAX     (2 * QTEST_TRANSFER_MAX + 256) /* without newline */
/* The latest time that the clock shows: as far ahead again devices can still
 * count. It is 146 years. */
#define QTEST_CLOCK_MAX    (INT64_MAX / 2)
/* Timers that one clock_step or clock_set fires; a periodic one would keep the
 * main loop for years. */
#define QTEST_TIMERS_MAX   1000000

typedef struct QtestServer {
    Machine *machine;
    GString *out; /* owned; what waits to be sent, whole lines */
} QtestServer;

/* @machine is on the qtest accelerator, which is open. */
void qtest_server_init(QtestServer *s, Machine *machine);
void qtest_server_finish(QtestServer *s); /* fine without an init */

/* Carries out one request (without its newline; the text is modified) and
 * appends its answer to s->out, after the IRQ lines that came up to then. */
void qtest_server_line(QtestServer *s, char *line);

/* Appends the answer to a line that never was one. */
void qtest_server_fail(QtestServer *s, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);

/* Appends the IRQ lines that came since the last answer. */
void qtest_server_collect(QtestServer *s);

#endif
