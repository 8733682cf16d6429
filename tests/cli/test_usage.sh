#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Wrong usage is told from wrong photos: exit code 2 and a sentence that says where to look.
. "$(dirname "$0")/lib.sh"

expect 2 "$pomona"
expect_stderr "pomona run SOURCE OUT"
expect 0 "$pomona" --help
expect_stdout "Exit codes"
expect 2 "$pomona" peel
expect_stderr "there is no verb peel"

for verb in run extract fit transform report network bench version s3-policy; do
    expect 0 "$pomona" $verb --help
    expect_stdout "usage: pomona $verb"
done

expect 2 "$pomona" run
expect_stderr "usage: pomona run SOURCE OUT"
expect 2 "$pomona" run a b c
expect_stderr "one argument too many: c"
expect 2 "$pomona" run a b --ripe
expect_stderr "there is no option --ripe (see pomona run --help)"
expect 2 "$pomona" run a b --netwrok orchard
expect_stderr "there is no option --netwrok; did you mean --network? (see pomona run --help)"
expect 2 "$pomona" extract a b -k 5
expect_stderr "there is no option -k; it belongs to run, fit (see pomona extract --help)"
expect 2 "$pomona" run a b -kx
expect_stderr "at least 1, not x"
expect 2 "$pomona" run a b -k5
expect_stderr "the source a is not there"
expect 2 "$pomona" extrakt a b
expect_stderr "there is no verb extrakt; did you mean extract?"
expect 2 "$pomona" run a b --threads
expect_stderr "a value is missing after --threads"
expect 2 "$pomona" run a b --threads 0
expect_stderr "at least 1, not 0"
expect 2 "$pomona" run a b --variance=1.5
expect_stderr "at most 1, not 1.5"
expect 2 "$pomona" run a b --filter mush
expect_stderr "nearest box bilinear hamming bicubic lanczos"
expect 2 "$pomona" run a b --resume=yes
expect_stderr "no value goes with --resume"
expect 2 "$pomona" fit a
expect_stderr "--out FILE is missing"
expect 2 "$pomona" transform a b
expect_stderr "--pca FILE is missing"
expect 2 "$pomona" network peel x
expect_stderr "there is no peel"

expect 2 "$pomona" run nowhere out
expect_stderr "the source nowhere is not there"
# Bytes that are no text, in a file name: JSON stays UTF-8, and a terminal gets nothing that steers it.
strange=$(printf 'a\377\302\233\303\251\033[2J.jpg')
expect 2 "$pomona" run "$strange" out --json
expect_stdout "$(printf 'a\\\\xff\\\\xc2\\\\x9b\303\251\\u001b[2J.jpg')"
expect_stderr "$(printf 'a\\xff\\xc2\\x9b\303\251\\x1b[2J.jpg')"
mkdir empty
expect 2 "$pomona" run empty out
expect_stderr "empty has no photo that matches"
expect 2 "$pomona" run empty out --glob ""
expect_stderr "--glob is empty"
expect 2 "$pomona" run empty out --label-from "regex:("
expect 2 "$pomona" run empty out --network nowhere
expect 2 env POMONA_CPU=abacus "$pomona" version --cpu
expect_stderr "abacus is not a kernel set: use one of scalar"

expect 0 "$pomona" version
expect_stdout "pomona 0."
expect 0 "$pomona" version --cpu --json
expect_stdout '"kernel_sets":["scalar"'
expect 0 env POMONA_CPU=scalar "$pomona" bench --network orchard --photos 1 --threads 2
for line in "packing the weights" "multiply-add units" "2 threads, batches of 16" "depthwise convolutions" "decode JPEG, 100x100" "scaling, 50 components"; do
    expect_stdout "$line"
done
expect 0 env POMONA_CPU=scalar "$pomona" bench --network orchard --photos 1 --threads 1 --json
expect_stdout '"section":"layers","name":"1x1 convolutions","kernel_set":"scalar","precision":"fp32","value":'
expect 2 "$pomona" documentation tcsh
expect_stderr "use man, bash, zsh or fish"
for shell in bash zsh fish man; do
    expect 0 "$pomona" documentation $shell
    expect_stdout retry
done

# What completions offer, as the shells see it; fish and zsh where they are installed.
completes() { # WANTED WORD...: bash offers WANTED for the last word
    wanted=$1
    shift
    offered=$(bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pomona; echo "${COMPREPLY[*]}"' - completion.bash "$@" |
        tr '\n' ' ')
    [ "$offered" = "$wanted " ] || fail "after \"$*\" bash offers \"$offered\", not \"$wanted\""
}
"$pomona" documentation bash >completion.bash
mkdir completed && cd completed && mv ../completion.bash .
completes "run report" pomona r
completes "int16 int8" pomona run --precision i
completes "int16 int8" pomona run --precision = i
completes "" pomona run --threads ""
completes "--no-sign-request" pomona fit --no
completes "pull" pomona network pu
completes "orchard" pomona bench -n orch
completes "completion.bash" pomona run comp
if command -v fish >/dev/null; then
    "$pomona" documentation fish >completion.fish
    for line in "int8" "int16"; do
        HOME=$PWD fish -c 'source completion.fish; complete -C "pomona extract --precision i"' | grep -q "^$line" ||
            fail "fish does not offer $line after --precision"
    done
    HOME=$PWD fish -c 'source completion.fish; complete -C "pomona run --res"' | grep -q "go on with an output" ||
        fail "fish does not say what --resume is"
fi
if command -v zsh >/dev/null; then
    "$pomona" documentation zsh >completion.zsh
    zsh -n completion.zsh || fail "zsh does not read its completion"
fi
cd ..

expect 0 "$pomona" documentation man
expect_stdout '\fB\-n\fR, \fB\-\-network\fR \fINAME|FILE\fR'
expect_stdout "one of: fp32 int16 int8"

# The kernel sets have their names from one list; the page that explains them names each.
sets=$("$pomona" documentation man | sed -n '/^.B POMONA_CPU$/,/^one of: /s/^one of: //p' | tr -d ,)
[ "${sets%% *}" = scalar ] || fail "the man page does not name the kernel sets"
for name in $sets; do
    grep -q "\`$name\`" "$POMONA_SOURCE/docs/command-line.md" || fail "docs/command-line.md does not name the kernel set $name"
done
