# SPDX-License-Identifier: GPL-2.0-or-later
# A thin cover over meson and the scripts: each target is one command.

BUILD = build
PREFIX = $(or $(prefix),/usr/local)

.PHONY: all install check check-long demo measure bench coverage fuzz clean

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD)

# DESTDIR is read by meson from the environment.
install: all
	meson configure $(BUILD) --prefix=$(PREFIX)
	DESTDIR=$(DESTDIR) meson install -C $(BUILD)

check:
	scripts/install-deps
	scripts/run-checks

# What takes too long for each change: hundreds of hotplugs, boots and updates of Debian by firmware.
check-long: all
	scripts/install-deps
	tests/lab/run --long

demo:
	scripts/install-deps
	$(MAKE) --no-print-directory all
	tests/lab/demo

measure: all
	tests/bench/measure
	tests/bench/monitor

# Beside make check it needs gnuplot, fio and iperf3.
bench: all
	scripts/install-deps gnuplot-nox fio iperf3
	status=0; tests/bench/workers --output docs/bench || status=1; tests/bench/measure || status=1; \
	    tests/bench/net || status=1; exit $$status

coverage:
	scripts/install-deps
	scripts/coverage

# As long as you like: make fuzz SECONDS=3600
SECONDS = 60
fuzz:
	scripts/install-deps
	tests/fuzz/run --seconds $(SECONDS)

clean:
	rm -rf $(BUILD) build-arm64 build-asan build-clang build-coverage build-fuzz build-tsan
