# SPDX-License-Identifier: GPL-2.0-or-later
# A thin cover over meson and the scripts: each target is one command.

BUILD = build
PREFIX = $(or $(prefix),/usr/local)

.PHONY: all install check demo measure clean

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

demo:
	scripts/install-deps
	$(MAKE) --no-print-directory all
	tests/lab/demo

measure: all
	tests/bench/measure

clean:
	rm -rf $(BUILD) build-asan build-clang
