/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/readline.h"

#define UTF8_MAX         4    /* bytes of one character */
#define ESCAPE_PARAM_MAX 1000 /* greater ones mean nothing to us */
#define TERMINAL_COLUMNS 80   /* for the list of completions */

/* How a key can be told from the bytes before it. */
typedef enum KeyState {
    KEY_PLAIN,
    KEY_ESCAPE,  /* ESC */
    KEY_CONTROL, /* ESC [ (ECMA-48, 5.4): parameters, then a final byte */
    KEY_SINGLE,  /* ESC O: one byte follows (SS3) */
} KeyState;

#define CTRL(_letter) ((_letter)&0x1f)
#define KEY_ESC       0x1b
#define KEY_RUBOUT    0x7f

struct Readline {
    const ReadlineOps *ops;
    void *opaque;
    char *prompt;
    GString *line;  /* what is being edited; valid UTF-8 */
    size_t cursor;  /* byte in line, at a character */
    bool overflow;  /* something did not fit into line */
    GString *out;   /* for print() */
    GString *input; /* bytes that wait for the prompt */
    bool busy;      /* no prompt: a line is carried out */
    bool feeding;   /* readline_feed() or show_prompt() goes through input */
    KeyState state;
    unsigned param;  /* of KEY_CONTROL: the first number */
    bool param_done; /* a second one has begun */
    char utf8[UTF8_MAX];
    unsigned utf8_len;  /* bytes of a character that has begun */
    bool after_cr;      /* a newline now belongs to the last line's end */
    bool after_tab;     /* the last key was Tab and there were more than one */
    GPtrArray *history; /* char *, owned */
    unsigned recall;    /* index in history; its length: the edited line */
    char *edited;       /* owned; the line that is left while recalling */
};

/* --- Output --- */

static void print_text(Readline *r, const char *text)
{
    g_string_append(r->out, text);
}

static void flush_output(Readline *r)
{
    if (r->out->len) {
        r->ops->print(r->opaque, r->out->str, r->out->len);
        g_string_truncate(r->out, 0);
    }
}

/* Columns of bytes @from to @to of the line. */
static unsigned columns_of(const Readline *r, size_t from, size_t to)
{
    unsigned n = 0;

    for (const char *p = r->line->str + from; p < r->line->str + to;
         p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        n += g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
    }
    return n;
}

static void out_move(Readline *r, unsigned n, char direction)
{
    if (n) {
        g_string_append_printf(r->out, "\x1b[%u%c", n, direction);
    }
}

/* Draws what stands from the cursor on, wipes what was behind it, and goes
 * back. */
static void out_tail(Readline *r)
{
    print_text(r, r->line->str + r->cursor);
    print_text(r, "\x1b[K");
    out_move(r, columns_of(r, r->cursor, r->line->len), 'D');
}

static void out_prompt(Readline *r)
{
    print_text(r, r->prompt);
    print_text(r, r->line->str);
    out_move(r, columns_of(r, r->cursor, r->line->len), 'D');
}

/* --- Editing --- */

static size_t char_before(const Readline *r, size_t pos)
{
    const char *s = r->line->str;

    return pos ? (size_t)(g_utf8_prev_char(s + pos) - s) : 0;
}

static size_t char_behind(const Readline *r, size_t pos)
{
    const char *s = r->line->str;

    return pos < r->line->len ? (size_t)(g_utf8_next_char(s + pos) - s) : pos;
}

static void move_to(Readline *r, size_t pos)
{
    if (pos < r->cursor) {
        out_move(r, columns_of(r, pos, r->cursor), 'D');
    } else {
        out_move(r, columns_of(r, r->cursor, pos), 'C');
    }
    r->cursor = pos;
}

static void insert_text(Readline *r, const char *text, size_t len)
{
    if (r->line->len + len > READLINE_LENGTH_MAX) {
        r->overflow = true;
        print_text(r, "\a");
        return;
    }
    g_string_insert_len(r->line, (gssize)r->cursor, text, (gssize)len);
    r->cursor += len;
    g_string_append_len(r->out, text, (gssize)len);
    if (r->cursor < r->line->len) {
        out_tail(r);
    }
}

/* Removes bytes @from to @to; the cursor is at one of both. */
static void erase_text(Readline *r, size_t from, size_t to)
{
    if (from == to) {
        return;
    }
    move_to(r, from);
    g_string_erase(r->line, (gssize)from, (gssize)(to - from));
    r->overflow = false;
    out_tail(r);
}

/* Begin of the word before the cursor. */
static size_t word_start(const Readline *r)
{
    size_t pos = r->cursor;

    while (pos && r->line->str[pos - 1] == ' ') {
        pos--;
    }
    while (pos && r->line->str[pos - 1] != ' ') {
        pos--;
    }
    return pos;
}

static void set_line(Readline *r, const char *text)
{
    g_string_assign(r->line, text);
    r->cursor = r->line->len;
    r->overflow = false;
}

static void replace_line(Readline *r, const char *text)
{
    move_to(r, 0);
    set_line(r, text);
    print_text(r, text);
    print_text(r, "\x1b[K");
}

/* --- History --- */

/* Shows line @index of the history, or at its end the edited one. */
static void recall_line(Readline *r, unsigned index)
{
    if (index > r->history->len) { /* which one before the oldest is too */
        return;
    }
    if (r->recall == r->history->len) {
        g_free(r->edited);
        r->edited = g_strdup(r->line->str);
    }
    r->recall = index;
    replace_line(r, index < r->history->len
                        ? g_ptr_array_index(r->history, index)
                        : r->edited);
}

static void remember_line(Readline *r, const char *line)
{
    GPtrArray *h = r->history;

    if (line[strspn(line, " ")] &&
        !(h->len && g_str_equal(g_ptr_array_index(h, h->len - 1), line))) {
        g_ptr_array_add(h, g_strdup(line));
        if (h->len > READLINE_HISTORY_MAX) {
            g_ptr_array_remove_index(h, 0);
        }
    }
}

static void clear_line(Readline *r)
{
    set_line(r, "");
    r->recall = r->history->len;
}

/* --- Completion --- */

/* Bytes that all of @words begin with, not cutting a character. */
static size_t common_length(const GPtrArray *words)
{
    const char *first = g_ptr_array_index(words, 0);
    size_t len = strlen(first);

    for (unsigned i = 1; i < words->len; i++) {
        const char *word = g_ptr_array_index(words, i);
        size_t n = 0;

        while (n < len && word[n] == first[n]) {
            n++;
        }
        len = n;
    }
    while (len && (first[len] & 0xc0) == 0x80) {
        len--;
    }
    return len;
}

static void list_words(Readline *r, const GPtrArray *words)
{
    size_t width = 0, per_row;

    for (unsigned i = 0; i < words->len; i++) {
        width = MAX(width, strlen(g_ptr_array_index(words, i)) + 2);
    }
    per_row = MAX(TERMINAL_COLUMNS / width, 1);
    for (unsigned i = 0; i < words->len; i++) {
        bool last = i + 1 == words->len || (i + 1) % per_row == 0;

        g_string_append_printf(r->out, "%s%-*s", i % per_row ? "" : "\r\n",
                               last ? 0 : (int)width,
                               (char *)g_ptr_array_index(words, i));
    }
    print_text(r, "\r\n");
    out_prompt(r);
}

/* Goes as far as @words agree. @len bytes of them stand in the line. */
static void take_words(Readline *r, const GPtrArray *words, size_t len,
                       bool list)
{
    const char *first = g_ptr_array_index(words, 0);
    size_t common = common_length(words);

    if (common > len) {
        insert_text(r, first + len, common - len);
    } else if (words->len > 1 && list) {
        list_words(r, words);
    }
    if (words->len == 1) {
        /* After these another part of the same word follows. */
        if (!common || !strchr("=/,", first[common - 1])) {
            insert_text(r, " ", 1);
        }
        return;
    }
    r->after_tab = true;
}

static bool is_candidate(const char *s, const char *word)
{
    if (!g_str_has_prefix(s, word) || !g_utf8_validate(s, -1, NULL)) {
        return false;
    }
    while (*s && !g_ascii_iscntrl(*s)) {
        s++;
    }
    return !*s;
}

static void complete_word(Readline *r, bool list)
{
    g_autofree char *line = g_strndup(r->line->str, r->cursor);
    const char *blank = strrchr(line, ' ');
    const char *word = blank ? blank + 1 : line;
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    g_auto(GStrv) candidates = NULL;

    flush_output(r);
    candidates = r->ops->complete(r->opaque, line);
    for (char **c = candidates; c && *c; c++) {
        if (is_candidate(*c, word)) {
            g_ptr_array_add(words, *c);
        }
    }
    if (words->len) {
        take_words(r, words, strlen(word), list);
    }
}

/* --- Keys --- */

static void enter_line(Readline *r)
{
    g_autofree char *line = g_strdup(r->line->str);
    bool overflow = r->overflow;

    print_text(r, "\r\n");
    if (overflow) { /* half a line may mean something else */
        g_string_append_printf(r->out,
                               "The line is longer than %d bytes and is "
                               "ignored\r\n",
                               READLINE_LENGTH_MAX);
        clear_line(r);
        out_prompt(r);
        return;
    }
    remember_line(r, line);
    clear_line(r);
    flush_output(r);
    r->busy = true;
    r->ops->line(r->opaque, line);
}

static void interrupt_line(Readline *r)
{
    print_text(r, "^C\r\n");
    clear_line(r);
    out_prompt(r);
}

/* Keys that move the cursor or change the line. */
static void edit_key(Readline *r, unsigned char c)
{
    switch (c) {
    case CTRL('A'):
        move_to(r, 0);
        break;
    case CTRL('B'):
        move_to(r, char_before(r, r->cursor));
        break;
    case CTRL('D'):
        erase_text(r, r->cursor, char_behind(r, r->cursor));
        break;
    case CTRL('E'):
        move_to(r, r->line->len);
        break;
    case CTRL('F'):
        move_to(r, char_behind(r, r->cursor));
        break;
    case CTRL('H'):
    case KEY_RUBOUT:
        erase_text(r, char_before(r, r->cursor), r->cursor);
        break;
    case CTRL('K'):
        erase_text(r, r->cursor, r->line->len);
        break;
    case CTRL('N'):
        recall_line(r, r->recall + 1);
        break;
    case CTRL('P'):
        recall_line(r, r->recall - 1);
        break;
    case CTRL('U'):
        erase_text(r, 0, r->cursor);
        break;
    case CTRL('W'):
        erase_text(r, word_start(r), r->cursor);
        break;
    default:
        break;
    }
}

static void control_key(Readline *r, unsigned char c)
{
    bool list = r->after_tab;

    r->after_tab = false;
    switch (c) {
    case CTRL('C'):
        interrupt_line(r);
        break;
    case '\t':
        complete_word(r, list);
        break;
    case '\r':
        r->after_cr = true;
        enter_line(r);
        break;
    case '\n':
        enter_line(r);
        break;
    case CTRL('L'):
        print_text(r, "\x1b[2J\x1b[H");
        out_prompt(r);
        break;
    case KEY_ESC:
        r->state = KEY_ESCAPE;
        break;
    default:
        edit_key(r, c);
        break;
    }
}

/* The final byte of ESC [ or ESC O, as the key of Ctrl that does the same. */
static unsigned char escape_key(const Readline *r, unsigned char final)
{
    switch (final) {
    case 'A':
        return CTRL('P');
    case 'B':
        return CTRL('N');
    case 'C':
        return CTRL('F');
    case 'D':
        return CTRL('B');
    case 'H':
        return CTRL('A');
    case 'F':
        return CTRL('E');
    case '~':
        break;
    default:
        return 0;
    }
    switch (r->param) {
    case 1:
    case 7:
        return CTRL('A');
    case 4:
    case 8:
        return CTRL('E');
    case 3:
        return CTRL('D');
    default:
        return 0;
    }
}

/* A byte behind ESC [. */
static void control_byte(Readline *r, unsigned char c)
{
    if (c >= '0' && c <= '9' && !r->param_done) {
        r->param = MIN(r->param * 10 + c - '0', ESCAPE_PARAM_MAX);
    } else if (c >= 0x20 && c < 0x40) {
        r->param_done = true;
    } else {
        r->state = KEY_PLAIN;
        control_key(r, escape_key(r, c));
    }
}

/* A byte of a character beyond ASCII. */
static void utf8_byte(Readline *r, unsigned char c)
{
    gunichar u;

    r->utf8[r->utf8_len++] = (char)c;
    u = g_utf8_get_char_validated(r->utf8, (gssize)r->utf8_len);
    if (u == (gunichar)-2 && r->utf8_len < UTF8_MAX) {
        return;
    }
    if (u != (gunichar)-1 && u != (gunichar)-2 && g_unichar_isprint(u)) {
        insert_text(r, r->utf8, r->utf8_len);
    }
    r->utf8_len = 0;
}

static void plain_byte(Readline *r, unsigned char c)
{
    if (c < 0x20 || c == KEY_RUBOUT) {
        control_key(r, c);
        return;
    }
    r->after_tab = false;
    if (c >= 0x80) {
        utf8_byte(r, c);
    } else {
        insert_text(r, (char *)&c, 1);
    }
}

static void feed_byte(Readline *r, unsigned char c)
{
    bool after_cr = r->after_cr;

    r->after_cr = false;
    if (after_cr && c == '\n') {
        return;
    }
    if ((c & 0xc0) != 0x80) {
        r->utf8_len = 0; /* a character that did not go on */
    }
    if (c < 0x20 || c >= KEY_RUBOUT) {
        r->state = KEY_PLAIN; /* nothing of these is part of a sequence */
    }
    switch (r->state) {
    case KEY_PLAIN:
        plain_byte(r, c);
        break;
    case KEY_ESCAPE:
        r->state = c == '[' ? KEY_CONTROL : c == 'O' ? KEY_SINGLE : KEY_PLAIN;
        r->param = 0;
        r->param_done = false;
        break;
    case KEY_CONTROL:
        control_byte(r, c);
        break;
    case KEY_SINGLE:
        r->state = KEY_PLAIN;
        r->param = 0;
        control_key(r, c == '~' ? 0 : escape_key(r, c));
        break;
    }
}

/* --- Life --- */

/* Goes through what waits, as far as prompts come. */
static void drain_input(Readline *r)
{
    size_t done = 0;

    if (r->feeding) {
        return;
    }
    r->feeding = true;
    while (!r->busy && done < r->input->len) {
        feed_byte(r, (unsigned char)r->input->str[done++]);
    }
    r->feeding = false;
    g_string_erase(r->input, 0, (gssize)done);
    flush_output(r);
}

Readline *readline_new(const ReadlineOps *ops, void *opaque, const char *prompt)
{
    Readline *r = g_new0(Readline, 1);

    r->ops = ops;
    r->opaque = opaque;
    r->prompt = g_strdup(prompt);
    r->line = g_string_new(NULL);
    r->out = g_string_new(NULL);
    r->input = g_string_new(NULL);
    r->history = g_ptr_array_new_with_free_func(g_free);
    r->busy = true;
    return r;
}

void readline_free(Readline *r)
{
    if (!r) {
        return;
    }
    assert(!r->feeding);
    g_free(r->prompt);
    g_string_free(r->line, TRUE);
    g_string_free(r->out, TRUE);
    g_string_free(r->input, TRUE);
    g_ptr_array_unref(r->history);
    g_free(r->edited);
    g_free(r);
}

void readline_show_prompt(Readline *r)
{
    r->busy = false;
    out_prompt(r);
    flush_output(r);
    drain_input(r);
}

size_t readline_can_feed(const Readline *r)
{
    return r->busy ? 0 : READLINE_INPUT_MAX;
}

void readline_feed(Readline *r, const char *bytes, size_t len)
{
    g_string_append_len(r->input, bytes, (gssize)len);
    drain_input(r);
}

void readline_restart(Readline *r)
{
    assert(!r->feeding);
    clear_line(r);
    g_string_truncate(r->input, 0);
    r->state = KEY_PLAIN;
    r->utf8_len = 0;
    r->after_cr = r->after_tab = false;
}

const GPtrArray *readline_history(const Readline *r)
{
    return r->history;
}
