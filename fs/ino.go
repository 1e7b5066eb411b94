package fs

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"infisicalfs/secret"
)

// An inode number is made from what the inode is, so that it survives both a
// new value and a new mount: backup programs and watchers recognise files by
// it. go-fuse takes two nodes of equal number and generation for one, so both
// are filled from a hash that nobody can steer: names are chosen by people, and
// nobody shall be able to make one secret show another.
//
// Each is derived from the directory's own, so that what is below a renamed
// directory and below its successor cannot be mistaken for each other.

func dirID(d secret.Dir) fusefs.StableAttr {
	if d == (secret.Dir{}) {
		return identify(syscall.S_IFDIR, "root")
	}
	return childID(dirID(d.Parent()), syscall.S_IFDIR, d.Name())
}

func secretID(d secret.Dir, name string) fusefs.StableAttr {
	return childID(dirID(d), syscall.S_IFREG, name)
}

// childID identifies a directory (S_IFDIR) or secret (S_IFREG) in parent.
func childID(parent fusefs.StableAttr, mode uint32, name string) fusefs.StableAttr {
	return identify(mode, "child", number(parent.Ino), number(parent.Gen), number(uint64(mode)), name)
}

func controlID(mode uint32, name string) fusefs.StableAttr {
	return identify(mode, "control", name)
}

// scratchID identifies the n-th scratch file of a mount.
func scratchID(n uint64) fusefs.StableAttr {
	return identify(syscall.S_IFREG, "scratch", number(n))
}

// scratchDirID is scratchID for a scratch directory.
func scratchDirID(n uint64) fusefs.StableAttr {
	return identify(syscall.S_IFDIR, "scratch", number(n))
}

func identify(mode uint32, parts ...string) fusefs.StableAttr {
	h := sha256.New()
	for _, part := range parts {
		// The length in front keeps ("a", "bc") and ("ab", "c") apart.
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	sum := h.Sum(nil)
	id := fusefs.StableAttr{
		Mode: mode,
		Ino:  binary.BigEndian.Uint64(sum[0:8]),
		Gen:  binary.BigEndian.Uint64(sum[8:16]),
	}
	if id.Ino <= 1 || id.Reserved() { // 0 means none, 1 the root, and go-fuse keeps one for itself
		id.Ino ^= 1 << 62
	}
	return id
}

func number(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }

// reborn counts how often the node of a place went elsewhere: the next node
// there must be another one, as the old may still be in use. And it knows what
// came to a place from elsewhere: that keeps its number, also if the kernel lets
// go of it. It holds one entry for each place that something was renamed from or
// to during the mount.
type reborn struct {
	mu    sync.Mutex // guards what follows
	times map[fusefs.StableAttr]uint64
	came  map[fusefs.StableAttr]fusefs.StableAttr
}

// arrived says that the node with identity id is at place now.
func (r *reborn) arrived(place, id fusefs.StableAttr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.came == nil {
		r.came = make(map[fusefs.StableAttr]fusefs.StableAttr)
	}
	r.came[place] = id
}

// left says that the node of that identity went elsewhere.
func (r *reborn) left(id fusefs.StableAttr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.times == nil {
		r.times = make(map[fusefs.StableAttr]uint64)
	}
	r.times[id]++
	delete(r.came, id)
}

// fresh returns the identity of the place's present node.
func (r *reborn) fresh(id fusefs.StableAttr) fusefs.StableAttr {
	r.mu.Lock()
	n := r.times[id]
	came, ok := r.came[id]
	r.mu.Unlock()
	switch {
	case ok:
		return came
	case n == 0:
		return id
	}
	return identify(id.Mode, "again", number(id.Ino), number(id.Gen), number(n))
}
