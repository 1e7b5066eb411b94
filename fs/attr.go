package fs

import (
	"fmt"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/internal/rights"
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
	setRights(out, f.fileRights(dir, name, s))
	f.setDate(s.Updated, out)
}

// draftAttr describes a secret that is created and not sent yet.
func (f *FS) draftAttr(dir secret.Dir, name string, out *fuse.Attr) {
	f.secretAttr(dir, name, &secret.Secret{Updated: time.Now()}, out)
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

// fileRights returns mode and owner of the file that shows s, which is called name in
// dir.
func (f *FS) fileRights(dir secret.Dir, name string, s *secret.Secret) rights.Attr {
	attr, refused := f.rights.File(s.Metadata, func() []string { return append(f.fileNames(dir), filename.Encode(name)) })
	if refused != nil && f.refusedRights.First(fmt.Sprintf("%s %q: %v", dir, name, refused)) {
		f.log.Warn("the secret's metadata asks for rights that it does not get; the mount's are in force",
			"path", path.Join(dir.String(), filename.Encode(name)), "error", refused)
	}
	return attr
}

// viewRights returns mode and owner of a view of snap, called shown.
func (f *FS) viewRights(snap *secret.Folder, shown string) rights.Attr {
	return f.rights.View(append(f.fileNames(snap.Dir), shown), func(yield func(rights.Attr) bool) {
		for i := range snap.Secrets {
			if !yield(f.fileRights(snap.Dir, snap.Secrets[i].Name, &snap.Secrets[i])) {
				return
			}
		}
	})
}

func setRights(out *fuse.Attr, attr rights.Attr) {
	out.Mode, out.Uid, out.Gid = attr.Mode, attr.UID, attr.GID
}

// fileNames returns the file names that lead from the root to dir.
func (f *FS) fileNames(dir secret.Dir) []string {
	var list []string
	for ; dir != f.cfg.Root && dir != (secret.Dir{}); dir = dir.Parent() {
		list = append(list, filename.Encode(dir.Name()))
	}
	slices.Reverse(list)
	return list
}

// rememberedAbsences is how many absent names the kernel may remember at a time.
const rememberedAbsences = 1024

// absences are the names that the kernel was told are absent and may still
// remember so: of them no node tells, unlike of what is there.
type absences struct {
	mu   sync.Mutex // guards list; nothing is called under it
	list []absence  // the eldest first, and so the first to run out
}

type absence struct {
	dir  *dir
	name string
	till time.Time
}

// add notes that the kernel is about to be told that a name is absent, for a
// while. False: it must not remember that, because there are too many.
func (a *absences) add(d *dir, name string, how time.Duration) bool {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	over := 0
	for over < len(a.list) && a.list[over].till.Before(now) {
		over++
	}
	a.list = slices.Delete(a.list, 0, over)
	if len(a.list) >= rememberedAbsences {
		return false
	}
	a.list = append(a.list, absence{d, name, now.Add(how)})
	return true
}

// all returns what the kernel may remember.
func (a *absences) all() []absence {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.list)
}

// forgetAbsences makes the kernel ask again for what it was told is absent in a
// directory, and below it if deep.
func (f *FS) forgetAbsences(out outdated) {
	for _, a := range f.absences.all() {
		if where := a.dir.where(); where == out.dir || out.deep && out.dir.Contains(where) {
			forgetName(a.dir.EmbeddedInode(), a.name)
		}
	}
}
