/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the process gives up, so that one that is taken over holds little. */
#include "program/privileges.h"

#include <sys/prctl.h>

void privileges_never_gain(void)
{
    /* Linux 3.5; the argument list is fixed, so that it cannot fail. */
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
