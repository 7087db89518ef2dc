/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of messages to standard error and of the log to its file (-D).
 *
 * Whoever writes a message may hold the machine lock, and whoever reads
 * standard error may have stopped: while the machine is served, a thread for
 * each of the two writes what waits in a queue. What finds the queue full, or
 * the disk, is lost, and how many lines that were is told once there is room.
 *
 * Before messages_begin() and after messages_end() the caller writes by itself
 * and waits for the reader, so that the reason of a failed start is complete
 * when the process ends.
 */
#ifndef UTIL_MESSAGE_H
#define UTIL_MESSAGE_H

#define MESSAGES_QUEUE_MAX MiB  /* bytes that wait for one reader */
#define MESSAGES_FLUSH_MS  1000 /* for what waits at the end, for each */

typedef enum MessageSink {
    MESSAGE_STDERR,
    MESSAGE_LOG, /* standard error as long as the log has no file */
    MESSAGE_SINKS_COUNT
} MessageSink;

/* Sends @line, @len bytes that end in a newline. One write(2) for each line, so
 * that those of several threads and processes do not mix. Any thread. */
void message_write(MessageSink sink, const char *line, size_t len);

/* The log goes to @fd from now on, which is taken. While there is one thread.
 */
void message_log_to(int fd);

/* Starts the threads; none of them before, so that -daemonize can fork.
 * Returns 0 or -errno. */
int messages_begin(void);
/* Waits until what was sent before is written, for whoever wants to find it
 * there; @timeout_ms at most, and not again before the reader takes something.
 * Without a lock that others need. */
void messages_flush(unsigned timeout_ms);
/* Waits until all is written, at most MESSAGES_FLUSH_MS for each of the two; the
 * rest is lost. */
void messages_end(void);

#endif
