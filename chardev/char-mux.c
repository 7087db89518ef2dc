/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mux=on: the escapes of Ctrl-A, and two front ends that share a device, as a
 * serial port and a monitor share the terminal of -nographic. */
#include "chardev/char-int.h"
#include "system/machine.h"

#define CTRL_A 0x01

static const char help[] = "\r\n"
                           "C-a h    print this help\r\n"
                           "C-a x    exit emulator\r\n"
                           "C-a b    send break (magic sysrq)\r\n"
                           "C-a c    switch between console and monitor\r\n"
                           "C-a C-a  sends C-a\r\n";

static void mux_print(Chardev *chr, const char *text)
{
    chardev_write(chr, (const uint8_t *)text, strlen(text));
}

/* The other front end gets the input from now on. */
static void switch_focus(Chardev *chr)
{
    unsigned other = !chr->focus;

    if (!chr->front[other].fe) {
        mux_print(chr, "\r\nThere is no monitor here.\r\n");
        return;
    }
    /* What the old one has no room for would confuse the new one. */
    chardev_deliver_input(chr);
    chr->in_len = 0;
    chr->focus = other;
    chardev_send_event(chr, CHARDEV_FOCUS);
}

static void escape_command(Chardev *chr, uint8_t c)
{
    switch (c) {
    case 'x':
        mux_print(chr, "QEMU: Terminated\r\n");
        system_shutdown_request(chr->machine, SHUTDOWN_CAUSE_HOST_UI);
        break;
    case 'b':
        chardev_send_event(chr, CHARDEV_BREAK);
        break;
    case 'c':
        switch_focus(chr);
        break;
    case 'h':
    case '?':
        mux_print(chr, help);
        break;
    case CTRL_A:
        chardev_keep_input(chr, &c, 1);
        break;
    default:
        break;
    }
}

void chardev_mux_input(Chardev *chr, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (chr->mux == MUX_ESCAPE) {
            chr->mux = MUX_PLAIN;
            escape_command(chr, buf[i]);
        } else if (buf[i] == CTRL_A) {
            chr->mux = MUX_ESCAPE;
        } else {
            chardev_keep_input(chr, buf + i, 1);
        }
    }
}
