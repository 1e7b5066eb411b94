#!/bin/sh
# fswatch tells of reading as well: opening, reading and closing a file are events for
# its monitor with inotify, which it prints like changes, and -x calls them
# "PlatformSpecific". So who reads the file at each event, as in
#   fswatch FILE | while read -r f; do cat "$f"; done
# wakes himself by it, and after one change goes on for ever. With --event Updated
# (and the like) he hears of the change alone. inotifywait, entr, chokidar and others
# leave reading out.
# Needs apt (Debian 12) and dpkg-deb; installs nothing.
set -eu

version='1.14.0+repack-13.1+b1'
work=$(mktemp -d)
watcher=
trap 'if [ -n "$watcher" ]; then kill "$watcher" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
cd "$work"
chmod 755 .
apt-get download -qq "fswatch=$version" >/dev/null 2>&1 || { echo "cannot download fswatch" >&2; exit 1; }
dpkg-deb -x ./*.deb root
library=$(dirname "$(find root/usr/lib -name 'libfswatch.so*' | head -n 1)")
fswatch() { LD_LIBRARY_PATH="$work/$library" exec root/usr/bin/fswatch -m inotify_monitor -l 0.1 "$@"; }
(fswatch --version) | head -n 1

fail() { echo "changed: $1" >&2; exit 1; }
# await waits until a file of said lines has one that begins with a text.
await() {
	for _ in $(seq 100); do
		if grep -q "$2" "$1"; then return; fi
		sleep 0.1
	done
	fail "after ten seconds there is no $2 in $1"
}
# watches waits until the watcher has a watch of inotify.
watches() {
	for _ in $(seq 100); do
		if cat "/proc/$watcher/fdinfo/"* 2>/dev/null | grep -q '^inotify wd'; then return; fi
		sleep 0.1
	done
	fail "it watches nothing"
}
stop() { kill "$watcher"; wait "$watcher" 2>/dev/null || true; watcher=; }

echo value >file
: >all
fswatch -x file >all & watcher=$!
watches
cat file >/dev/null
await all 'file PlatformSpecific'
! grep -q Updated all || fail "reading counts as a change: $(cat all)"
stop

: >updates
fswatch -x --event Updated file >updates & watcher=$!
watches
cat file >/dev/null
echo other >>file
await updates 'file .*Updated'
! grep -q PlatformSpecific updates || fail "with --event there is more: $(cat updates)"
stop
echo "fswatch prints $(wc -l <all) events of one reading of a file, and none if it is told --event Updated"
