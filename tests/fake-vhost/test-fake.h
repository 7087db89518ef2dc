/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of test-fake that stand in a file of their own: test-fake-kinds.c. */
#ifndef TESTS_FAKE_VHOST_TEST_FAKE_H
#define TESTS_FAKE_VHOST_TEST_FAKE_H

#include "fake-client.h"

extern FakeClient *ctl; /* to the stand-in in this process */

void test_net_sends(void);
void test_net_receives(void);
void test_net_merges_buffers(void);
void test_net_waits_for_the_other_end(void);
void test_tap_answers(void);
void test_vsock_echoes(void);
void test_vsock_refuses_other_ports(void);

#endif
