/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starts a virtual machine whose processor does nothing, and does to its
 * devices what a guest would:
 *
 *     QTestState *s = qtest_init("-device vhost-scsi-pci,wwpn=naa.0123...");
 *
 *     qtest_outl(s, 0xcf8, 0x80000000);
 *     g_assert_cmphex(qtest_inl(s, 0xcfc), ==, 0x29c08086);
 *     qtest_quit(s);
 *
 * The program is $QTEST_QEMU_BINARY, started as a user would start it; the text
 * goes behind "-machine q35 -nodefaults -display none" and the accelerator.
 * That is qtest, or, for a build of QEMU without it (Debian's), tcg with a
 * firmware that halts the processor; qtest_has_clock() tells them apart.
 *
 * For debugging: $QTEST_ARGS is appended to every command line, and with
 * $QTEST_PATIENCE set (to anything) waits have no bound worth mentioning, so
 * that the program may be a script which starts a debugger.
 *
 * Nothing here waits without a bound (QTEST_TIMEOUT_MS for each wait): a
 * machine that hangs or dies fails the test with a message and what it printed
 * to stderr. It never outlives the test.
 *
 * A call that cannot do what it says fails the test, so that a test has no
 * error handling; what is meant to fail goes through qtest_send_line() or
 * qtest_init_expect_failure().
 */
#ifndef TESTS_QTEST_LIBQTEST_H
#define TESTS_QTEST_LIBQTEST_H

#define QTEST_TIMEOUT_MS 120000
#define QTEST_IRQS_MAX   256
#define QTEST_BULK_MAX   (16 * KiB) /* bytes of memory a line moves */

typedef struct QTestState QTestState;

/* --- life --- */

/* Starts the program with @args, split as a shell would, and waits until it
 * answers. Freed by qtest_quit(). */
QTestState *qtest_init(const char *args);

/* The same with more environment for the program: @env is a NULL-terminated
 * list of "NAME=VALUE", or NULL. */
QTestState *qtest_init_env(const char *args, const char *const *env);

/* The next program that is started inherits a copy of @fd, which stays the
 * caller's, as descriptor @number. */
#define QTEST_INHERITED_MAX 16
void qtest_inherit(int fd, int number);

/* Sends SIGTERM and expects exit status 0 and no report of a sanitizer. */
void qtest_quit(QTestState *s);

/* Waits until the program ends by itself, and returns its wait status. After
 * it only qtest_stderr() and qtest_quit(), which then checks no status. */
int qtest_wait_exit(QTestState *s);

typedef struct QTestExit {
    int status;   /* exit status, 0-255, or -1: ended by a signal */
    char *stderr; /* all that it printed there */
} QTestExit;

/* Starts the program and expects that it ends by itself with a failure. The
 * caller frees the result by qtest_exit_free(). */
QTestExit *qtest_init_expect_failure(const char *args, const char *const *env);
void qtest_exit_free(QTestExit *e);

/* What the program has printed to stderr up to now; valid until the next
 * call. */
const char *qtest_stderr(QTestState *s);

/* Waits until stderr has @text. */
void qtest_wait_stderr(QTestState *s, const char *text);

pid_t qtest_pid(const QTestState *s);

/* Whether virtual time stands still but for qtest_clock_step(). */
bool qtest_has_clock(const QTestState *s);

/* For tests of this file: the bound of each wait from now on. */
void qtest_set_timeout(QTestState *s, unsigned ms);

/* A bound for a loop that polls the machine: begins with zero, and each
 * qtest_poll() makes a round trip, which lets the machine work, and fails the
 * test once QTEST_TIMEOUT_MS have gone by; @what names what is missing. */
typedef struct QTestPoll {
    gint64 deadline; /* g_get_monotonic_time(), 0: not begun */
} QTestPoll;

void qtest_poll(QTestState *s, QTestPoll *poll, const char *what);

/* Ends the machine and the test. */
G_NORETURN void qtest_fail(QTestState *s, const char *format, ...)
    G_GNUC_PRINTF(2, 3);

/* --- the protocol --- */

/* Sends @line and a newline and returns the whole answer, "OK ...", "FAIL ..."
 * or "ERR ...", without its newline. The caller frees it. */
char *qtest_send_line(QTestState *s, const char *line);

/* Sends bytes as they are; answers are read by qtest_recv_line(). */
void qtest_send_raw(QTestState *s, const void *data, size_t len);
char *qtest_recv_line(QTestState *s);

uint8_t qtest_inb(QTestState *s, uint16_t port);
uint16_t qtest_inw(QTestState *s, uint16_t port);
uint32_t qtest_inl(QTestState *s, uint16_t port);
void qtest_outb(QTestState *s, uint16_t port, uint8_t value);
void qtest_outw(QTestState *s, uint16_t port, uint16_t value);
void qtest_outl(QTestState *s, uint16_t port, uint32_t value);

/* One access of that width at a physical address; values are numbers, which
 * the machine stores little-endian. */
uint8_t qtest_readb(QTestState *s, uint64_t addr);
uint16_t qtest_readw(QTestState *s, uint64_t addr);
uint32_t qtest_readl(QTestState *s, uint64_t addr);
uint64_t qtest_readq(QTestState *s, uint64_t addr);
void qtest_writeb(QTestState *s, uint64_t addr, uint8_t value);
void qtest_writew(QTestState *s, uint64_t addr, uint16_t value);
void qtest_writel(QTestState *s, uint64_t addr, uint32_t value);
void qtest_writeq(QTestState *s, uint64_t addr, uint64_t value);

/* Bytes of RAM, any number. */
void qtest_memread(QTestState *s, uint64_t addr, void *data, size_t len);
void qtest_memwrite(QTestState *s, uint64_t addr, const void *data, size_t len);
void qtest_memset(QTestState *s, uint64_t addr, uint8_t value, size_t len);

/* Virtual time in ns after the step; only with qtest_has_clock(). */
int64_t qtest_clock_step(QTestState *s, int64_t ns);
int64_t qtest_clock_step_next(QTestState *s);
int64_t qtest_clock_set(QTestState *s, int64_t ns);

/* From now on the input lines of the interrupt controller @path ("ioapic")
 * end here; _out: the output lines. Once for a machine. */
void qtest_irq_intercept_in(QTestState *s, const char *path);
void qtest_irq_intercept_out(QTestState *s, const char *path);

/* The level of line @n, and how often it has risen since the interception.
 * Both make a round trip first, so that what a command before has caused is
 * seen. */
bool qtest_get_irq(QTestState *s, unsigned n);
unsigned qtest_irq_raised(QTestState *s, unsigned n);

#endif
