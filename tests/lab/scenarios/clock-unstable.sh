# SPDX-License-Identifier: GPL-2.0-or-later
# about: the same as clock, on a host whose TSC its kernel distrusts
# long: long
# lane: unstable
# limit: 300
# words: tsc=unstable
# only: ours

SHORT_PAUSES=8  # KVM is right by chance most of the time
EXTRA_APPEND=tsc=reliable  # the guest would find out
. /lab/scenarios/clock.sh
