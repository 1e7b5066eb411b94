package fs

import (
	"crypto/sha256"
	"encoding/binary"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"infisicalfs/secret"
)

// An inode number is made from what the inode is, so that it survives both a
// new value and a new mount: backup programs and watchers recognise files by
// it. go-fuse takes two nodes of equal number and generation for one, so both
// are filled from a hash that nobody can steer: names are chosen by people, and
// nobody shall be able to make one secret show another.

func dirID(d secret.Dir) fusefs.StableAttr {
	return identify(syscall.S_IFDIR, "dir", d.Project, d.Env, d.Path)
}

func secretID(d secret.Dir, name string) fusefs.StableAttr {
	return identify(syscall.S_IFREG, "secret", d.Project, d.Env, d.Path, name)
}

func controlID(mode uint32, name string) fusefs.StableAttr {
	return identify(mode, "control", name)
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
