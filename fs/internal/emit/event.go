package emit

import (
	"cmp"
	"slices"
	"syscall"
	"time"

	"infisicalfs/fs/internal/diff"
	"infisicalfs/fs/internal/filename"
	"infisicalfs/secret"
)

// Kind is what happened to a name.
type Kind uint8

const (
	Changed   Kind = iota // it has another value
	Annotated             // it has the same value, and other dates or rights
	Appeared
	Vanished
	Swapped // it is a link that leads elsewhere
	Ended   // it is a generation that no link leads to any more
)

func (k Kind) String() string {
	return [...]string{"telling of a new value", "telling of a new date", "telling of a new name", "telling of a name that went", "telling of a new generation", "telling of the end of a generation"}[k]
}

// Event is one name that has changed.
type Event struct {
	Kind   Kind
	Dir    secret.Dir
	Shown  string         // the file name
	Name   string         // the server's; empty for a link that was swapped
	Folder bool           // it is a directory
	View   bool           // it is a file made of all secrets of a folder
	Secret *secret.Secret // as it is now; of a name that vanished, as it was; nil for a folder
	Mode   uint32         // the permission bits, likewise
	Date   time.Time      // likewise
	Link   string         // where it leads, if it is a link; what it has led to since the swap
	Files  []string       // what is in a generation that has ended, as far as the kernel knows it
}

// Events returns the events of what differs between two snapshots of a folder, in the
// order in which they are to be emitted. Mode is the caller's to fill in, and so are
// Date, which is zero where the server knows none, and Link.
//
// That a name has gone is told only if it is certain: one that a partial snapshot lacks
// may exist, unless it is among gone, the server's names. New is what was not shown before, be it that it could not be known. With
// links a secret is a link, which stays as it is whatever it leads to.
func Events(before, after *secret.Folder, differences []diff.Difference, gone []string, links bool) (list []Event) {
	add := func(k Kind, shown string, entry filename.Entry) {
		list = append(list, newEvent(k, after.Dir, shown, entry))
	}
	for _, d := range differences {
		was, is := d.Before, d.After
		switch {
		case d.Vanished():
			if (!after.Partial || slices.Contains(gone, serverName(was))) && (was.Folder == nil || !after.NoSubfolders) {
				add(Vanished, d.Shown, was)
			}
		case d.Appeared():
			if is.Folder == nil || !before.NoSubfolders {
				add(Appeared, d.Shown, is)
			}
		case d.Replaced():
			add(Vanished, d.Shown, was)
			add(Appeared, d.Shown, is)
		case is.Folder != nil || links:
		case was.Secret.Value.Equal(is.Secret.Value) || is.Secret.Hidden:
			add(Annotated, d.Shown, is)
		default:
			add(Changed, d.Shown, is)
		}
	}
	// By name, and what goes before what comes in its place.
	slices.SortFunc(list, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.Shown, b.Shown), cmp.Compare(b.Kind, a.Kind))
	})
	return list
}

// ChangeViews reports whether the differences between two snapshots of a folder change what is
// made of all its secrets' names and values. As with Events, what a partial snapshot lacks
// counts only if it is among gone.
func ChangeViews(after *secret.Folder, differences []diff.Difference, gone []string) bool {
	return slices.ContainsFunc(differences, func(d diff.Difference) bool {
		was, is := d.Before.Secret, d.After.Secret
		switch {
		case was == nil:
			return is != nil
		case is == nil:
			return !after.Partial || slices.Contains(gone, was.Name)
		}
		return !was.Value.Equal(is.Value) || was.Hidden != is.Hidden
	})
}

// serverName is what the server calls an entry.
func serverName(entry filename.Entry) string {
	if entry.Folder != nil {
		return entry.Folder.Name
	}
	return entry.Secret.Name
}

func newEvent(k Kind, dir secret.Dir, shown string, entry filename.Entry) Event {
	e := Event{Kind: k, Dir: dir, Shown: shown}
	if entry.Folder != nil {
		e.Folder, e.Name, e.Date = true, entry.Folder.Name, entry.Folder.Updated
	} else {
		e.Name, e.Secret, e.Date = entry.Secret.Name, entry.Secret, entry.Secret.Updated
	}
	return e
}

// inDirectory reports whether the directory is different, not a file in it.
func (e *Event) inDirectory() bool { return e.Kind >= Appeared }

// contradicts reports whether errno comes from what the kernel believes of the
// name.
func (e *Event) contradicts(errno syscall.Errno) bool {
	switch e.Kind {
	case Appeared:
		return errno == syscall.EEXIST
	case Swapped:
		return errno == syscall.EEXIST || errno == syscall.ENOENT || errno == syscall.ESTALE
	}
	return errno == syscall.ENOENT || errno == syscall.ESTALE
}

// temporary is what a link that is swapped is called until it is in its place: as
// volumes of Kubernetes do it, it is made under this name and renamed.
func (e *Event) temporary() string { return e.Shown + "_tmp" }

// Step is a directory on a way: what the one before it has under that name.
type Step[D comparable] struct {
	Name string
	Dir  D
}

// Way leads from the mount's root, which has no name, to a directory. It is never
// empty.
type Way[D comparable] []Step[D]

// end is the directory that the way leads to.
func (w Way[D]) end() D { return w[len(w)-1].Dir }
