#!/bin/sh
# A FUSE connection can outlive its server: somebody keeps one more descriptor of it, and the
# next server has the kernel send again what was not answered (FUSE_NOTIFY_RESEND). Callers
# only wait, also over a kill. But where the server is killed just as it reads a
# request into memory that has no page yet (a buffer that is new), the caller gets EIO at once:
# the kernel copies with get_user_pages, which makes no page for a process that is being
# killed, and it ends the request. With buffers that were written to before that never happens.
# Programs with a pool of read buffers are concerned each time that the pool makes one.
# Needs root, /dev/fuse, Linux 6.9 or newer, and the Go toolchain named below.
set -eu

toolchain=go1.26.8
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >go.mod <<'END'
module killed

go 1.24
END
cat >main.go <<'END'
package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	runFor  = 20 * time.Second
	bufSize = 128<<10 + 4096
)

var native = binary.NativeEndian

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		serve(3, os.Args[2] == "new")
	case len(os.Args) == 3 && os.Args[1] == "call":
		call(os.Args[2])
	default:
		kills, calls := outlive(os.Args[1])
		fmt.Printf("%s %d %s", os.Args[1], kills, calls)
	}
}

// serve answers what is asked about the root until it is killed.
func serve(device int, newBuffers bool) {
	request := make([]byte, bufSize)
	for {
		if newBuffers {
			var err error
			if request, err = syscall.Mmap(-1, 0, bufSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON); err != nil {
				panic(err)
			}
		}
		_, err := syscall.Read(device, request)
		if err == nil {
			if reply := answer(request); reply != nil {
				syscall.Write(device, reply)
			}
		}
		if newBuffers {
			syscall.Munmap(request)
		}
		if err != nil && err != syscall.ENOENT && err != syscall.EINTR {
			return
		}
	}
}

// answer makes the reply to INIT and GETATTR, ENOSYS to others.
func answer(request []byte) []byte {
	reply := make([]byte, 16)
	native.PutUint64(reply[8:], native.Uint64(request[8:]))
	body := make([]byte, 104)
	switch native.Uint32(request[4:]) {
	case 2, 42: // FORGET
		return nil
	case 26: // INIT: version 7.41, the bits INIT_EXT and HAS_RESEND
		body = body[:64]
		native.PutUint32(body[0:], 7)
		native.PutUint32(body[4:], 41)
		native.PutUint32(body[8:], 128<<10)
		native.PutUint32(body[12:], 1<<30)
		native.PutUint16(body[16:], 100)
		native.PutUint16(body[18:], 75)
		native.PutUint32(body[20:], 128<<10)
		native.PutUint32(body[24:], 1)
		native.PutUint32(body[32:], 1<<7)
	case 3: // GETATTR: a directory, for no time
		native.PutUint64(body[16:], 1)
		native.PutUint32(body[76:], 0o40755)
		native.PutUint32(body[80:], 2)
	default:
		body = nil
		refusal := -int32(syscall.ENOSYS)
		native.PutUint32(reply[4:], uint32(refusal))
	}
	reply = append(reply, body...)
	native.PutUint32(reply, uint32(len(reply)))
	return reply
}

// call asks for the attributes of the root all the time, and prints what came of it.
func call(root string) {
	end := time.Now().Add(runFor)
	var mu sync.Mutex
	var calls, eio, other int
	var callers sync.WaitGroup
	for range 4 {
		callers.Add(1)
		go func() {
			defer callers.Done()
			for time.Now().Before(end) {
				var st syscall.Stat_t
				err := syscall.Stat(root, &st)
				mu.Lock()
				calls++
				if err == syscall.EIO {
					eio++
				} else if err != nil {
					other++
				}
				mu.Unlock()
			}
		}()
	}
	callers.Wait()
	fmt.Println(calls, eio, other)
}

// outlive mounts, and kills a server every few milliseconds while its mount is used.
func outlive(buffers string) (kills int, calls []byte) {
	device, err := syscall.Open("/dev/fuse", syscall.O_RDWR, 0)
	must(err)
	root := "mnt-" + buffers
	must(os.Mkdir(root, 0o755))
	must(syscall.Mount("killed", root, "fuse", 0, "fd="+strconv.Itoa(device)+",rootmode=40000,user_id=0,group_id=0"))
	defer syscall.Unmount(root, syscall.MNT_DETACH)
	server := start(device, buffers)
	defer func() { server.Process.Kill(); server.Wait() }()
	caller := exec.Command("/proc/self/exe", "call", root)
	var said collected
	caller.Stdout = &said
	must(caller.Start())
	for began := time.Now(); time.Since(began) < runFor-2*time.Second; kills++ {
		time.Sleep(time.Duration(5000+rand.IntN(5000)) * time.Microsecond)
		must(server.Process.Kill())
		server.Wait()
		resend := make([]byte, 16)
		native.PutUint32(resend, 16)
		native.PutUint32(resend[4:], 7)
		_, err := syscall.Write(device, resend)
		must(err)
		server = start(device, buffers)
	}
	must(caller.Wait())
	return kills, said
}

func start(device int, buffers string) *exec.Cmd {
	next, err := syscall.Dup(device)
	must(err)
	kept := os.NewFile(uintptr(next), "fuse")
	defer kept.Close()
	server := exec.Command("/proc/self/exe", "serve", buffers)
	server.ExtraFiles = []*os.File{kept}
	must(server.Start())
	return server
}

type collected []byte

func (c *collected) Write(p []byte) (int, error) { *c = append(*c, p...); return len(p), nil }

func must(err error) {
	if err != nil {
		panic(err)
	}
}
END
GOTOOLCHAIN=$toolchain GOFLAGS=-mod=mod go build -o killed .
echo "Linux $(uname -r), $toolchain"
fail() { echo "changed: $1" >&2; exit 1; }
for buffers in new used; do
	said=$(unshare --mount --propagation private ./killed "$buffers")
	# shellcheck disable=SC2086 # five words
	set -- $said
	echo "$1 buffers: $2 kills, $3 calls, $4 of them EIO, $5 another error"
	[ "$5" = 0 ] || fail "there are other errors"
	case $1 in
	new) [ "$4" -gt 0 ] || fail "no call fails" ;;
	used) [ "$4" = 0 ] || fail "calls fail" ;;
	esac
done
