/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A line editor: bytes of a terminal in, bytes for the terminal out, and each
 * line that was entered. It does no input or output itself and knows no
 * commands. Any sequence of bytes is fine.
 *
 *     readline_new() -> readline_show_prompt()
 *     readline_feed() -> line() -> readline_show_prompt() -> ...
 *
 * Lines are UTF-8; what is no printable character and no key is dropped. Keys
 * are listed in docs/system/monitor.rst. The width of a line is counted in
 * columns; a line longer than the terminal is wide is not redrawn well.
 *
 * One thread at a time. No callback may free the object.
 */
#ifndef MONITOR_READLINE_H
#define MONITOR_READLINE_H

#define READLINE_LENGTH_MAX  4096 /* bytes of a line */
#define READLINE_HISTORY_MAX 64   /* lines */
#define READLINE_INPUT_MAX   4096 /* bytes that readline_feed() takes at once */

typedef struct Readline Readline;

typedef struct ReadlineOps {
    /* Bytes for the terminal, with "\r\n" as the end of a line: whoever sends
     * them on changes nothing. */
    void (*print)(void *opaque, const char *text, size_t len);
    /* A line, perhaps empty, without its end; borrowed. Input waits until
     * readline_show_prompt(), which may be called from here. */
    void (*line)(void *opaque, const char *line);
    /* What the last word (behind the last blank) of @line may become: a
     * NULL-terminated array that the line editor frees with g_strfreev(); or
     * NULL. @line ends at the cursor. Entries that do not begin with the word
     * are passed over. */
    char **(*complete)(void *opaque, const char *line);
} ReadlineOps;

/* @ops is const data, borrowed; @prompt is copied. Nothing is printed yet. */
Readline *readline_new(const ReadlineOps *ops, void *opaque,
                       const char *prompt);
void readline_free(Readline *r); /* takes NULL */

/* Prints the prompt and the line as it stands: at the beginning, when the last
 * line was carried out, and after foreign output. */
void readline_show_prompt(Readline *r);

/* How many bytes readline_feed() is to be given now: none before the first
 * prompt and while a line is carried out. */
size_t readline_can_feed(const Readline *r);

/* Takes @len bytes. What stands behind a line waits until the next prompt. */
void readline_feed(Readline *r, const char *bytes, size_t len);

/* Forgets a line that was begun and bytes that wait, not the history: a new
 * client has come. A line that is being carried out still is. */
void readline_restart(Readline *r);

/* The lines that were entered, the oldest first, as char *; borrowed. */
const GPtrArray *readline_history(const Readline *r);

#endif
