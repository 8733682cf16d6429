# SPDX-License-Identifier: Apache-2.0
# A thin front for Meson: each target is one line of what one would type anyway.

BUILD ?= build
PREFIX ?= /usr/local

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

setup:
	@tools/setup.sh

# Debian and Ubuntu look for libraries in lib/x86_64-linux-gnu and the like, which Meson knows only where dpkg-dev is installed.
$(BUILD)/build.ninja:
	@tools/setup.sh
	@folder=$$(cc -print-multiarch 2>/dev/null); \
	meson setup $(BUILD) --prefix=$(PREFIX) --buildtype=release $${folder:+--libdir=lib/$$folder}

# From nothing to a report on a folder of drawn fruit photos.
demo: setup all
	@tools/demo.sh $(BUILD)

# Everything, as CI runs it.
test:
	@tools/setup.sh --tests
	@[ ! -e $(BUILD)/build.ninja ] || meson setup --reconfigure $(BUILD) >/dev/null # to see what was just installed
	@$(MAKE) --no-print-directory all
	@tests/run.sh $(BUILD)

# The quick suite, before each commit.
check: all
	@meson test -C $(BUILD) --suite quick --print-errorlogs

# Trains the embedded network in DIR: hours, and 9 GB of Python packages. With TINY=--tiny minutes, to see that it works.
orchard: all
	@[ -n "$(DIR)" ] || { echo "make orchard: DIR= is missing: where pictures, checkpoints and results go" >&2; exit 2; }
	@[ -x $(DIR)/venv/bin/python ] || python3 -m venv $(DIR)/venv
	@$(DIR)/venv/bin/pip install --quiet -r tools/orchard/requirements.txt
	@PYTHON=$(DIR)/venv/bin/python LIBRARY=$(BUILD)/src/libpomona.so tools/orchard/train.sh --out $(DIR) $(TINY)

install: all
	@meson install -C $(BUILD)

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	@rm -rf $(BUILD)

.PHONY: all setup demo test check orchard install format clean
