#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every suite, as CI runs it: tests/run.sh BUILD
set -eu
build=${1:-build}
meson test -C "$build" --print-errorlogs
passed=$(grep -c '"result": "OK"' "$build/meson-logs/testlog.json" || true)
skipped=$(grep -c '"result": "SKIP"' "$build/meson-logs/testlog.json" || true)
echo "$passed passed, 0 failed, $skipped skipped"
