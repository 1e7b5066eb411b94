package fs

import (
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/secret"
)

const (
	// staleFor is how long the kernel may remember what came from a snapshot
	// that the server could not confirm.
	staleFor = time.Second
	// absentFor is how long the kernel may remember that a name is absent: long
	// enough for a program that asks in a loop, short enough that nobody has to
	// wait for a name that has come to be.
	absentFor = time.Second
	// always is the time-out of what does not change during a mount.
	always = time.Hour
)

// remaining returns how long the kernel may remember what it is told from snap.
func (f *FS) remaining(snap *secret.Folder) time.Duration {
	left := max(0, f.cfg.TTL-time.Since(snap.Fetched))
	if snap.Stale {
		return min(left, staleFor)
	}
	return left
}

// absenceTimeout is how long the kernel may remember that a name is absent.
// go-fuse has one such time-out for all names, so it is short and is used for
// snapshots that have at least that long to go.
func (f *FS) absenceTimeout() time.Duration { return min(f.cfg.TTL, absentFor) }

// absent says that a name is not in snap, which d shows.
func (f *FS) absent(d *dir, name string, snap *secret.Folder, out *fuse.EntryOut) {
	remember := f.absenceTimeout()
	if snap.Stale || f.remaining(snap) < remember || remember > 0 && !f.absences.add(d, name, remember) {
		// Any time-out but zero keeps go-fuse from setting its own, and the
		// kernel then remembers nothing.
		out.SetEntryTimeout(1)
	}
}

// secretAttr describes the file that shows s, which is called name in dir.
func (f *FS) secretAttr(dir secret.Dir, name string, s *secret.Secret, out *fuse.Attr) {
	out.Nlink = 1 // with 0 a watcher would see a deletion
	if !s.Hidden {
		out.Size = uint64(s.Value.Len())
	}
	f.setRights(dir, name, s, out)
	f.setDate(s.Updated, out)
}

func (f *FS) dirAttr(updated time.Time, out *fuse.Attr) {
	out.Mode = f.cfg.DirMode
	out.Nlink = 2
	out.Uid, out.Gid = f.cfg.UID, f.cfg.GID
	f.setDate(updated, out)
}

// setDate sets all dates to t, or to that of the mount if t is zero.
func (f *FS) setDate(t time.Time, out *fuse.Attr) {
	if t.IsZero() {
		t = f.cfg.MountTime
	}
	out.SetTimes(&t, &t, &t)
}
