/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line editor, seen as a user sees it: a terminal of one row shows what it
 * prints, and the lines it reports are compared. */
#include "monitor/readline.h"

#define PROMPT "(qemu) "

typedef struct Session {
    Readline *r;
    GString *printed;
    GPtrArray *lines; /* entered; owned strings */
    bool hold;        /* no prompt after a line */
    const char *const *candidates;
    char *completed; /* what complete() was asked last */
} Session;

static void on_print(void *opaque, const char *text, size_t len)
{
    Session *s = opaque;

    g_string_append_len(s->printed, text, (gssize)len);
}

static void on_line(void *opaque, const char *line)
{
    Session *s = opaque;

    g_ptr_array_add(s->lines, g_strdup(line));
    if (!s->hold) {
        readline_show_prompt(s->r);
    }
}

static char **on_complete(void *opaque, const char *line)
{
    Session *s = opaque;

    g_free(s->completed);
    s->completed = g_strdup(line);
    return g_strdupv((char **)s->candidates);
}

static const ReadlineOps ops = { on_print, on_line, on_complete };

static void session_init(Session *s)
{
    *s = (Session){
        .printed = g_string_new(NULL),
        .lines = g_ptr_array_new_with_free_func(g_free),
    };
    s->r = readline_new(&ops, s, PROMPT);
    readline_show_prompt(s->r);
}

static void session_finish(Session *s)
{
    readline_free(s->r);
    g_string_free(s->printed, TRUE);
    g_ptr_array_unref(s->lines);
    g_free(s->completed);
}

static void type(Session *s, const char *keys)
{
    readline_feed(s->r, keys, strlen(keys));
}

/* The second cell of a wide character holds 0. */
static void put_cell(GArray *row, unsigned col, gunichar c)
{
    if (col == row->len) {
        g_array_append_val(row, c);
    }
    g_array_index(row, gunichar, col) = c;
}

/* What a terminal shows in the row of the cursor, with "|" where the cursor
 * is. Knows what the editor may print, and nothing else. */
static char *screen(const Session *s)
{
    g_autoptr(GArray) row = g_array_new(FALSE, FALSE, sizeof(gunichar));
    const char *p = s->printed->str;
    GString *shown = g_string_new(NULL);
    unsigned col = 0;

    while (*p) {
        gunichar c = g_utf8_get_char(p);

        if (c == '\r') {
            col = 0;
        } else if (c == '\n') {
            g_array_set_size(row, 0);
        } else if (c == 0x1b) {
            char *end;
            unsigned n = (unsigned)strtoul(p + 2, &end, 10);

            g_assert_cmpint(p[1], ==, '[');
            switch (*end) {
            case 'K':
                g_array_set_size(row, col);
                break;
            case 'D':
                g_assert_cmpuint(n, <=, col);
                col -= n;
                break;
            case 'C':
                col += n;
                g_assert_cmpuint(col, <=, row->len);
                break;
            case 'H':
                col = 0;
                break;
            case 'J':
                g_array_set_size(row, 0);
                break;
            default:
                g_assert_not_reached();
            }
            p = end;
        } else if (c != '\a' && !g_unichar_iszerowidth(c)) {
            put_cell(row, col++, c);
            if (g_unichar_iswide(c)) {
                put_cell(row, col++, 0);
            }
        }
        p = g_utf8_next_char(p);
    }
    for (unsigned i = 0; i <= row->len; i++) {
        if (i == col) {
            g_string_append_c(shown, '|');
        }
        if (i < row->len && g_array_index(row, gunichar, i)) {
            g_string_append_unichar(shown, g_array_index(row, gunichar, i));
        }
    }
    return g_string_free(shown, FALSE);
}

static void check_screen(const Session *s, const char *expected)
{
    g_autofree char *shown = screen(s);

    g_assert_cmpstr(shown, ==, expected);
}

/* Types @keys and Enter in a fresh editor: one line, @line. */
static void check_line(const char *keys, const char *line)
{
    Session s;

    session_init(&s);
    type(&s, keys);
    type(&s, "\r");
    g_assert_cmpuint(s.lines->len, ==, 1);
    g_assert_cmpstr(g_ptr_array_index(s.lines, 0), ==, line);
    check_screen(&s, PROMPT "|");
    session_finish(&s);
}

static void check_edit(const char *keys, const char *shown)
{
    g_autofree char *expected = g_strconcat(PROMPT, shown, NULL);
    g_autofree char *line = g_strdup(shown);
    char *cursor = strchr(line, '|');
    Session s;

    session_init(&s);
    type(&s, keys);
    check_screen(&s, expected);
    session_finish(&s);
    /* What is shown is what is entered. */
    memmove(cursor, cursor + 1, strlen(cursor));
    check_line(keys, line);
}

static void keys_edit_the_line(void)
{
    check_edit("", "|");
    check_edit("info", "info|");
    check_edit("info\x01", "|info");
    check_edit("info\x01\x05", "info|");
    check_edit("info\x02\x02", "in|fo");
    check_edit("info\x02\x02X", "inX|fo");
    check_edit("info\x02\x02\x06", "inf|o");
    check_edit("info\x02\x02\x7f", "i|fo");
    check_edit("info\x02\x02\x08", "i|fo");
    check_edit("info\x02\x02\x04", "in|o");
    check_edit("info\x02\x02\x0b", "in|");
    check_edit("info\x02\x02\x15", "|fo");
    check_edit("info status\x17", "info |");
    check_edit("info status  \x17", "info |");
    check_edit("info status\x17\x17\x17", "|");
    check_edit("info status\x02\x02\x17", "info |us");
}

static void escape_sequences_are_keys(void)
{
    check_edit("info\x1b[D", "inf|o");
    check_edit("info\x1b[D\x1b[C", "info|");
    check_edit("info\x1bOD\x1bOD\x1bOC", "inf|o");
    check_edit("info\x1b[H", "|info");
    check_edit("info\x1b[1~", "|info");
    check_edit("info\x1b[7~", "|info");
    check_edit("info\x1bOH", "|info");
    check_edit("info\x1b[H\x1b[F", "info|");
    check_edit("info\x1b[H\x1b[4~", "info|");
    check_edit("info\x1b[H\x1b[8~", "info|");
    check_edit("info\x1b[H\x1bOF", "info|");
    check_edit("info\x1b[H\x1b[3~", "|nfo");
    check_edit("info\x1b[1;5D", "inf|o"); /* with Ctrl */
}

static void other_sequences_leave_nothing(void)
{
    check_edit("a\x1b[99999999999999999999~b", "ab|");
    check_edit("a\x1b[5~\x1b[6~\x1b[2~b", "ab|");
    check_edit("a\x1b[?1;2cb", "ab|");
    check_edit("a\x1bxb", "ab|");
    check_edit("a\x1b\x1b[Db", "b|a");
    check_edit("a\x1b[1\x01"
               "b",
               "b|a");
    check_edit("a\x1bOb\x1bO~b", "ab|");
    check_edit("a\x1b[200~b", "ab|"); /* bracketed paste */
    check_edit("a\x1b[\x7f"
               "b",
               "b|");
}

static void edges_of_the_line_hold(void)
{
    check_edit("\x7f\x02\x04\x06\x0b\x15\x17\x01\x05", "|");
    check_edit("a\x01\x7f\x02", "|a");
    check_edit("a\x04\x06\x0b", "a|");
}

static void utf8_characters_are_whole(void)
{
    check_edit("a\xc3\xa4z\x02\x02", "a|\xc3\xa4z");
    check_edit("a\xc3\xa4z\x02\x7f", "a|z");
    check_edit("a\xc3\xa4z\x01\x06\x04", "a|z");
    check_edit("\xf0\x9d\x84\x9e\x02", "|\xf0\x9d\x84\x9e");
}

static void wide_characters_take_two_columns(void)
{
    Session s;

    session_init(&s);
    type(&s, "\xe6\xbc\xa2x\x01");
    g_assert_nonnull(strstr(s.printed->str, "\x1b[3D"));
    session_finish(&s);
    check_edit("\xe6\xbc\xa2x\x02\x7fy", "y|x");
}

static void broken_utf8_is_dropped(void)
{
    check_edit("a\xc3z", "az|");
    check_edit("a\xc3\xc3\xa4z", "a\xc3\xa4z|");
    check_edit("a\x80\xbf\xff\xfe\xc0\x80z", "az|");
    check_edit("a\xf0\x9d\x84z", "az|");
    check_edit("a\xf4\x90\x80\x80z", "az|");
    check_edit("a\xed\xa0\x80z", "az|");
    check_edit("a\xe0\x80\x80z", "az|");
    check_edit("a\xc2\x85z", "az|"); /* a control character */
    check_edit("a\xc3\x1b[Dz", "z|a");
}

static void every_end_of_line_ends_one(void)
{
    Session s;

    session_init(&s);
    type(&s, "a\rb\nc\r\nd\r\r\ne\n\n");
    g_assert_cmpuint(s.lines->len, ==, 7);
    g_assert_cmpstr(g_ptr_array_index(s.lines, 0), ==, "a");
    g_assert_cmpstr(g_ptr_array_index(s.lines, 1), ==, "b");
    g_assert_cmpstr(g_ptr_array_index(s.lines, 2), ==, "c");
    g_assert_cmpstr(g_ptr_array_index(s.lines, 3), ==, "d");
    g_assert_cmpstr(g_ptr_array_index(s.lines, 4), ==, "");
    g_assert_cmpstr(g_ptr_array_index(s.lines, 5), ==, "e");
    g_assert_cmpstr(g_ptr_array_index(s.lines, 6), ==, "");
    session_finish(&s);
}

static void plain_line_is_echoed_plainly(void)
{
    Session s;

    session_init(&s);
    type(&s, "info status\n");
    g_assert_cmpstr(s.printed->str, ==, PROMPT "info status\r\n" PROMPT);
    session_finish(&s);
}

static void input_waits_while_a_line_is_carried_out(void)
{
    Session s;

    session_init(&s);
    s.hold = true;
    g_assert_cmpuint(readline_can_feed(s.r), ==, READLINE_INPUT_MAX);
    type(&s, "stop\ncont\nx");
    g_assert_cmpuint(s.lines->len, ==, 1);
    g_assert_cmpuint(readline_can_feed(s.r), ==, 0);
    type(&s, "y");
    check_screen(&s, "|");
    readline_show_prompt(s.r);
    g_assert_cmpuint(s.lines->len, ==, 2);
    g_assert_cmpstr(g_ptr_array_index(s.lines, 1), ==, "cont");
    readline_show_prompt(s.r);
    check_screen(&s, PROMPT "xy|");
    session_finish(&s);
}

static void nothing_is_taken_before_the_first_prompt(void)
{
    Session s = { .printed = g_string_new(NULL),
                  .lines = g_ptr_array_new_with_free_func(g_free) };

    s.r = readline_new(&ops, &s, PROMPT);
    g_assert_cmpuint(readline_can_feed(s.r), ==, 0);
    type(&s, "a\n");
    g_assert_cmpuint(s.printed->len, ==, 0);
    readline_show_prompt(s.r);
    g_assert_cmpuint(s.lines->len, ==, 1);
    session_finish(&s);
}

static void ctrl_c_clears_the_line(void)
{
    Session s;

    session_init(&s);
    type(&s, "quit\x02\x03");
    check_screen(&s, PROMPT "|");
    type(&s, "\r");
    g_assert_cmpstr(g_ptr_array_index(s.lines, 0), ==, "");
    session_finish(&s);
}

static void ctrl_l_draws_the_line_again(void)
{
    Session s;

    session_init(&s);
    type(&s, "info\x02\x0c");
    g_assert_nonnull(strstr(s.printed->str, "\x1b[2J"));
    check_screen(&s, PROMPT "inf|o");
    session_finish(&s);
}

static void prompt_shows_the_line_that_was_begun(void)
{
    Session s;

    session_init(&s);
    type(&s, "info\x02");
    on_print(&s, "\r\n", 2);
    readline_show_prompt(s.r);
    check_screen(&s, PROMPT "inf|o");
    session_finish(&s);
}

static void history_is_recalled(void)
{
    Session s;

    session_init(&s);
    type(&s, "a\rb\rc\rnew");
    type(&s, "\x10");
    check_screen(&s, PROMPT "c|");
    type(&s, "\x1b[A\x1bOA\x1b[A");
    check_screen(&s, PROMPT "a|");
    type(&s, "\x0e");
    check_screen(&s, PROMPT "b|");
    type(&s, "\x1b[B\x1b[B\x1b[B");
    check_screen(&s, PROMPT "new|");
    type(&s, "\x10\x10X\r");
    g_assert_cmpstr(g_ptr_array_index(s.lines, 3), ==, "bX");
    type(&s, "\x10\x10");
    check_screen(&s, PROMPT "c|");
    session_finish(&s);
}

static void history_has_no_line_twice_in_a_row(void)
{
    const GPtrArray *h;
    Session s;

    session_init(&s);
    type(&s, "a\ra\r\r  \rb\ra\r");
    h = readline_history(s.r);
    g_assert_cmpuint(h->len, ==, 3);
    g_assert_cmpstr(g_ptr_array_index(h, 0), ==, "a");
    g_assert_cmpstr(g_ptr_array_index(h, 1), ==, "b");
    g_assert_cmpstr(g_ptr_array_index(h, 2), ==, "a");
    session_finish(&s);
}

static void history_forgets_the_oldest(void)
{
    const GPtrArray *h;
    Session s;

    session_init(&s);
    for (int i = 0; i <= READLINE_HISTORY_MAX; i++) {
        g_autofree char *line = g_strdup_printf("%d\r", i);

        type(&s, line);
    }
    h = readline_history(s.r);
    g_assert_cmpuint(h->len, ==, READLINE_HISTORY_MAX);
    g_assert_cmpstr(g_ptr_array_index(h, 0), ==, "1");
    type(&s, "\x10");
    check_screen(&s, PROMPT "64|");
    session_finish(&s);
}

static void line_of_the_greatest_length_is_taken(void)
{
    g_autofree char *line = g_strnfill(READLINE_LENGTH_MAX, 'x');
    Session s;

    session_init(&s);
    type(&s, line);
    type(&s, "\r");
    g_assert_cmpuint(s.lines->len, ==, 1);
    g_assert_cmpstr(g_ptr_array_index(s.lines, 0), ==, line);
    session_finish(&s);
}

static void longer_line_is_ignored_whole(void)
{
    g_autofree char *line = g_strnfill(READLINE_LENGTH_MAX + 1, 'x');
    Session s;

    session_init(&s);
    type(&s, line);
    type(&s, "\rstop\r");
    g_assert_cmpuint(s.lines->len, ==, 1);
    g_assert_cmpstr(g_ptr_array_index(s.lines, 0), ==, "stop");
    g_assert_nonnull(strstr(s.printed->str, "longer than 4096 bytes"));
    g_assert_cmpuint(readline_history(s.r)->len, ==, 1);
    /* Whoever sees it and shortens it gets what is shown. */
    type(&s, line);
    type(&s, "\x7f\r");
    g_assert_cmpuint(s.lines->len, ==, 2);
    g_assert_cmpuint(strlen(g_ptr_array_index(s.lines, 1)), ==,
                     READLINE_LENGTH_MAX - 1);
    session_finish(&s);
}

/* Types @keys with @candidates at hand. */
static void complete(Session *s, const char *const *candidates,
                     const char *keys)
{
    s->candidates = candidates;
    type(s, keys);
}

static void only_candidate_is_taken(void)
{
    static const char *const one[] = { "status", NULL };
    Session s;

    session_init(&s);
    complete(&s, one, "info st\t");
    g_assert_cmpstr(s.completed, ==, "info st");
    check_screen(&s, PROMPT "info status |");
    session_finish(&s);
}

static void candidate_completes_within_the_line(void)
{
    static const char *const one[] = { "status", NULL };
    Session s;

    session_init(&s);
    complete(&s, one, "info st x\x02\x02\t");
    g_assert_cmpstr(s.completed, ==, "info st");
    check_screen(&s, PROMPT "info status | x");
    session_finish(&s);
}

static void part_of_a_word_gets_no_blank(void)
{
    static const char *const one[] = { "dev,wwpn=", NULL };
    Session s;

    session_init(&s);
    complete(&s, one, "device_add dev,w\t");
    check_screen(&s, PROMPT "device_add dev,wwpn=|");
    session_finish(&s);
}

static void common_beginning_is_taken_and_second_tab_lists(void)
{
    static const char *const three[] = { "stats", "status", "stap\xc3\xa4",
                                         NULL };
    Session s;

    session_init(&s);
    complete(&s, three, "info s\t");
    check_screen(&s, PROMPT "info sta|");
    g_assert_null(strstr(s.printed->str, "stats"));
    type(&s, "\t");
    g_assert_nonnull(
        strstr(s.printed->str, "\r\nstats   status  stap\xc3\xa4\r\n"));
    check_screen(&s, PROMPT "info sta|");
    session_finish(&s);
}

static void another_key_between_two_tabs_lists_nothing(void)
{
    static const char *const two[] = { "stats", "status", NULL };
    Session s;

    session_init(&s);
    complete(&s, two, "info stat\tx\x7f\t");
    g_assert_null(strstr(s.printed->str, "stats"));
    type(&s, "\x02\x06\t");
    g_assert_null(strstr(s.printed->str, "stats"));
    type(&s, "\t");
    g_assert_nonnull(strstr(s.printed->str, "stats"));
    session_finish(&s);
}

static void list_has_rows(void)
{
    static const char *const many[] = {
        "a-candidate-of-thirty-letters1",
        "a-candidate-of-thirty-letters2",
        "a-candidate-of-thirty-letters3",
        NULL,
    };
    Session s;

    session_init(&s);
    complete(&s, many, "a\t\t");
    g_assert_nonnull(strstr(s.printed->str,
                            "\r\na-candidate-of-thirty-letters1  "
                            "a-candidate-of-thirty-letters2"
                            "\r\na-candidate-of-thirty-letters3\r\n"));
    session_finish(&s);
}

static void common_beginning_cuts_no_character(void)
{
    static const char *const two[] = { "x\xc3\xa4", "x\xc3\xb6", NULL };
    Session s;

    session_init(&s);
    complete(&s, two, "\t");
    check_screen(&s, PROMPT "x|");
    session_finish(&s);
}

static void unusable_candidates_are_passed_over(void)
{
    static const char *const odd[] = { "other", "st\n", "st\xff",
                                       "",      "stop", NULL };
    Session s;

    session_init(&s);
    complete(&s, odd, "st\t");
    check_screen(&s, PROMPT "stop |");
    session_finish(&s);
    session_init(&s);
    complete(&s, NULL, "st\t\t");
    check_screen(&s, PROMPT "st|");
    session_finish(&s);
}

static void restart_forgets_what_was_begun(void)
{
    Session s;

    session_init(&s);
    type(&s, "old\rhalf\x1b[");
    readline_restart(s.r);
    g_string_truncate(s.printed, 0);
    readline_show_prompt(s.r);
    type(&s, "D\x02\x10");
    check_screen(&s, PROMPT "old|");
    s.hold = true;
    type(&s, "\rrest");
    readline_restart(s.r);
    readline_show_prompt(s.r);
    check_screen(&s, PROMPT "|");
    session_finish(&s);
}

/* Any bytes: the screen stays consistent (screen() asserts it), lines are
 * valid and within the limit. */
static void any_bytes_are_fine(void)
{
    static const char *const words[] = { "info", "inform", NULL };
    static const char keys[] = "\x01\x02\x05\x06\x04\x0b\x15\x17\x10\x0e\t\t"
                               "\x1b[D\x1b[A\x1b[3~\x7f\r\ni n\xc3\xa4";
    Session s;

    session_init(&s);
    s.candidates = words;
    for (int i = 0; i < 20000; i++) {
        char c = g_test_rand_bit()
                     ? keys[g_test_rand_int_range(0, sizeof(keys) - 1)]
                     : (char)g_test_rand_int_range(0, 256);

        readline_feed(s.r, &c, 1);
        if (s.printed->len > 4096) {
            g_autofree char *shown = screen(&s);

            g_assert_true(g_utf8_validate(shown, -1, NULL));
            g_string_truncate(s.printed, 0);
            type(&s, "\x03");
        }
    }
    for (unsigned i = 0; i < s.lines->len; i++) {
        const char *line = g_ptr_array_index(s.lines, i);

        g_assert_true(g_utf8_validate(line, -1, NULL));
        g_assert_cmpuint(strlen(line), <=, READLINE_LENGTH_MAX);
    }
    session_finish(&s);
}

static void free_takes_null(void)
{
    readline_free(NULL);
}

#define TEST(_name) g_test_add_func("/readline/" #_name, _name)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST(keys_edit_the_line);
    TEST(escape_sequences_are_keys);
    TEST(other_sequences_leave_nothing);
    TEST(edges_of_the_line_hold);
    TEST(utf8_characters_are_whole);
    TEST(wide_characters_take_two_columns);
    TEST(broken_utf8_is_dropped);
    TEST(every_end_of_line_ends_one);
    TEST(plain_line_is_echoed_plainly);
    TEST(input_waits_while_a_line_is_carried_out);
    TEST(nothing_is_taken_before_the_first_prompt);
    TEST(ctrl_c_clears_the_line);
    TEST(ctrl_l_draws_the_line_again);
    TEST(prompt_shows_the_line_that_was_begun);
    TEST(history_is_recalled);
    TEST(history_has_no_line_twice_in_a_row);
    TEST(history_forgets_the_oldest);
    TEST(line_of_the_greatest_length_is_taken);
    TEST(longer_line_is_ignored_whole);
    TEST(only_candidate_is_taken);
    TEST(candidate_completes_within_the_line);
    TEST(part_of_a_word_gets_no_blank);
    TEST(common_beginning_is_taken_and_second_tab_lists);
    TEST(another_key_between_two_tabs_lists_nothing);
    TEST(list_has_rows);
    TEST(common_beginning_cuts_no_character);
    TEST(unusable_candidates_are_passed_over);
    TEST(restart_forgets_what_was_begun);
    TEST(any_bytes_are_fine);
    TEST(free_takes_null);
    return g_test_run();
}
