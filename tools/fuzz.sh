#!/usr/bin/env bash
# Runs every fuzz target of the module for $1 each (a duration, or a count such as 1000x) and stops at the first that fails.
#
# Up to Go 1.26 the end of the duration itself can be told as a failure, "context deadline exceeded", by a race of Go's own
# coordinator that no input has a part in (https://go.dev/issue/75804). Such a target runs again, up to three times; whatever else
# fails, and what fails so three times, has failed.
#
# An input that reaches new code is made smaller for up to a minute unless that is bounded: one of some kilobytes, such as the state
# of a rule, then takes all of the time, and nothing else is tried.
set -euo pipefail
time=${1:?how long each target runs, such as 10s}

held=$(mktemp)
trap 'rm -f "$held"' EXIT

# ended_by_clock tells whether what is held of a target says nothing but that its time was over.
ended_by_clock() {
	[ "$(sed -n 2p "$held")" = '    context deadline exceeded' ] && ! grep -q 'Failing input written' "$held"
}

fuzz() {
	local pkg=$1 target=$2 try
	for try in 1 2 3; do
		echo "== $pkg $target"
		: >"$held"
		# What is said from a failure on is held back until it is known to be one.
		if go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 100x "$pkg" 2>&1 </dev/null |
			awk -v held="$held" '/^--- FAIL/ { hold = 1 } hold { print >held; next } { print; fflush() }'; then
			return 0
		fi
		if ! ended_by_clock || [ "$try" = 3 ]; then
			cat "$held"
			return 1
		fi
		echo "== $pkg $target: its time was over before Go noticed, which is no failure; once more"
	done
}

packages=$(go list -f '{{.Dir}} {{.ImportPath}}' ./...)
while read -r dir pkg; do
	for target in $(grep -hos '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | cut -c6- || true); do
		fuzz "$pkg" "$target" || exit 1
	done
done <<<"$packages"
