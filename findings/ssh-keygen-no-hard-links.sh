#!/bin/sh
# ssh-keygen -R keeps the file that it edits under the name FILE.old by a hard
# link. Where there are none (FUSE file systems such as ours, vfat, exfat, many
# network shares) it ends with 255 and changes nothing, and leaves the edited copy
# beside it, under FILE. and ten random characters: each attempt leaves one more.
# Here strace answers link(2) as such a file system does.
# Needs apt (Debian 12) and dpkg-deb; installs nothing.
set -eu

version='1:9.2p1-2+deb12u10'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
chmod 755 .
for package in "openssh-client=$version" strace libunwind8; do
	apt-get download -qq "$package" >/dev/null 2>&1 || { echo "cannot download $package" >&2; exit 1; }
done
for package in ./*.deb; do dpkg-deb -x "$package" root; done
keygen=$work/root/usr/bin/ssh-keygen
library=$(dirname "$(find root -name 'libunwind-ptrace.so*' | head -n 1)")
echo "openssh-client $version, $(LD_LIBRARY_PATH=$work/$library root/usr/bin/strace --version | head -n 1)"

"$keygen" -q -t ed25519 -N '' -f key
for host in a.invalid b.invalid; do echo "$host $(cut -d' ' -f1,2 key.pub)"; done >known
cp known before

fail() { echo "changed: $1" >&2; exit 1; }
for attempt in 1 2; do
	code=0
	LD_LIBRARY_PATH=$work/$library root/usr/bin/strace -o /dev/null -e trace=link,linkat -e inject=link,linkat:error=EPERM \
		"$keygen" -R a.invalid -f known >said 2>&1 || code=$?
	[ "$code" = 255 ] || fail "it ends with $code"
	grep -q '^link known to known.old: Operation not permitted' said || fail "it says: $(cat said)"
	cmp -s known before || fail "it has edited the file"
	left=$(find . -maxdepth 1 -name 'known.??????????' | wc -l)
	[ "$left" = "$attempt" ] || fail "after $attempt attempts $left copies are left"
done
for copy in known.??????????; do
	! grep -q a.invalid "$copy" || fail "the copy is not the edited one"
	grep -q b.invalid "$copy" || fail "the copy lacks the other host"
done
echo "without hard links: exit 255, the file as it was, one copy more for each attempt"
