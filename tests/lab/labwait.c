/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * labwait [-p] FILE SECONDS COUNT REGEX [ENDFILE]: waits until COUNT lines of
 * a growing FILE match REGEX; with -p a last line that is not complete counts
 * too: a prompt.
 *
 * Exit status 0: seen; 1: time is up, or ENDFILE is there (the writer has
 * ended). A shell loop around grep would do, but each fork costs milliseconds
 * in software emulation, on the one processor the guest needs.
 */
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Counts matching complete lines from *from on; an unfinished last line is
 * left for the next time, and counts in *partial. */
static long matches(FILE *file, long *from, const regex_t *regex, long *partial)
{
    static char line[65536];
    long count = 0;

    *partial = 0;

    fseek(file, *from, SEEK_SET);
    while (fgets(line, sizeof(line), file)) {
        long at = ftell(file), length = at - *from;

        if (length <= 0 || line[length - 1] != '\n') {
            *partial = !regexec(regex, line, 0, NULL, 0);
            break;
        }
        *from = at;
        count += !regexec(regex, line, 0, NULL, 0);
    }
    return count;
}

int main(int argc, char **argv)
{
    double end;
    long want, from = 0, partial = 0;
    bool prompt = argc > 1 && !strcmp(argv[1], "-p");
    regex_t regex;
    FILE *file = NULL;

    argv += prompt;
    argc -= prompt;
    if (argc < 5 || regcomp(&regex, argv[4], REG_EXTENDED | REG_NOSUB)) {
        fprintf(stderr,
                "usage: labwait [-p] FILE SECONDS COUNT REGEX [ENDFILE]\n");
        return 2;
    }
    end = now() + atof(argv[2]);
    want = atol(argv[3]);
    for (;;) {
        struct stat st;
        bool over = now() >= end ||
                    (argc > 5 && !stat(argv[5], &st) && st.st_size > 0);

        /* The writer may not have opened it yet. */
        file = file ?: fopen(argv[1], "r");
        /* After looking at ENDFILE: the last lines count. */
        want -= file ? matches(file, &from, &regex, &partial) : 0;
        if (want <= (prompt ? partial : 0)) {
            return 0;
        }
        if (over) {
            return 1;
        }
        usleep(100000);
    }
}
