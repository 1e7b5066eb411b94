package secret

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
)

// Folder is an immutable snapshot of one [Dir]. Nobody changes a Folder, its
// slices or its secrets after it was handed out; who needs a variation makes a
// copy with [Folder.With].
type Folder struct {
	Dir     Dir
	Secrets []Secret    // sorted by Name, each name once; imports are merged in
	Folders []Subfolder // sorted by Name; projects and environments too

	// Imports: the folder imports others, whether or not anything of theirs is seen.
	Imports bool

	// Fetched is when the server last vouched for this content, Answered when
	// it last sent it in full. They differ after "not modified" answers.
	Fetched, Answered time.Time

	// Denied is why the folder may not be listed, nil if it may. It wraps ErrDenied.
	// Secrets and Folders then have what is known all the same: one of them, from a
	// server, as what it refuses is the list of the other. What is in neither may exist,
	// and a right further down must not be cut off by its absence above.
	Denied error

	// Partial: the snapshot was cut out of an answer about many folders. What
	// it has is true, but a name that it lacks may exist all the same.
	Partial bool

	// NeverHadSecrets: the server says of this folder that none was ever in it, so that
	// Secrets is empty is no refusal, although the snapshot is Partial.
	NeverHadSecrets bool

	// NoSubfolders: Folders has not been asked for yet (servers of 2024 list
	// secrets recursively but not folders). Upstream.Fetch fills it in.
	NoSubfolders bool

	// NoSecrets: Secrets has not been asked for yet. Such a snapshot is Partial, and is shown
	// only to who has asked with [NeedFolder].
	NoSecrets bool

	// Stale: the server could not be reached after the snapshot's time was up.
	Stale bool

	// Revision belongs to the Upstream that made the snapshot: it is what a
	// conditional request needs. Empty: cannot be asked conditionally.
	Revision string
}

// Subfolder is a directory listed in a Folder.
type Subfolder struct {
	Name    string
	ID      string
	Updated time.Time // zero when the server does not tell
}

// Secret is one secret as the server describes it.
type Secret struct {
	Name    string
	ID      string
	Version int
	Value   Value
	// Hidden: the caller may know of the secret but not its value, or the
	// value's references cannot be resolved. Reason says which.
	Hidden bool
	// Garbled: it is hidden because the server's answer does not tell a true name
	// or value: something in it is not UTF-8, or cannot be. That is a failure, and
	// nobody's refusal.
	Garbled bool

	Personal bool // a user's override of the shared value
	Rotated  bool // managed by a rotation: the server refuses changes

	Reason   string // why it is Hidden, in words without any value
	Comment  string
	Tags     []string // slugs
	Metadata []Metadata

	// Import is where the secret really lives, nil for the folder's own.
	Import *Dir

	// Origin is where the server has the secret and what it calls it, nil where
	// that is Folder.Dir and Name.
	Origin *Origin

	Created, Updated time.Time // zero for imports on most servers
}

// Origin is the folder that has a secret on the server, and its name there.
type Origin struct {
	Dir  Dir
	Name string
}

// Metadata is a key and a value that people attach to a secret.
type Metadata struct{ Key, Value string }

// Denied reports whether the server keeps the value from the caller.
func (s *Secret) Denied() bool { return s.Hidden && !s.Garbled }

// Unreadable returns why there is no value, nil if there is one. It wraps
// [ErrDenied], or [ErrUnavailable] if the server's answer is at fault.
func (s *Secret) Unreadable() error {
	switch {
	case s.Garbled:
		return fmt.Errorf("the server's answer is damaged: %s: %w", s.Reason, ErrUnavailable)
	case s.Hidden:
		return fmt.Errorf("%w: the value is hidden: %s", ErrDenied, s.Reason)
	}
	return nil
}

// Secret returns the secret of that exact name.
func (f *Folder) Secret(name string) (Secret, bool) {
	i, ok := f.FindSecret(name)
	if !ok {
		return Secret{}, false
	}
	return f.Secrets[i], true
}

// Subfolder returns the directory of that exact name.
func (f *Folder) Subfolder(name string) (Subfolder, bool) {
	i, ok := f.FindSubfolder(name)
	if !ok {
		return Subfolder{}, false
	}
	return f.Folders[i], true
}

// FindSecret returns where in Secrets that exact name is.
func (f *Folder) FindSecret(name string) (int, bool) {
	return sort.Find(len(f.Secrets), func(i int) int { return strings.Compare(name, f.Secrets[i].Name) })
}

// FindSubfolder returns where in Folders that exact name is.
func (f *Folder) FindSubfolder(name string) (int, bool) {
	return sort.Find(len(f.Folders), func(i int) int { return strings.Compare(name, f.Folders[i].Name) })
}

// With returns a shallow copy of f to which change was applied. The slices are
// shared: change must replace them, not write into them.
func (f *Folder) With(change func(*Folder)) *Folder {
	next := *f
	change(&next)
	return &next
}

// Sort puts secrets and folders in the order that a Folder promises. It is for
// those who build one.
func (f *Folder) Sort() {
	slices.SortFunc(f.Secrets, func(a, b Secret) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(f.Folders, func(a, b Subfolder) int { return strings.Compare(a.Name, b.Name) })
}
