package overlay

import (
	"time"

	"infisicalfs/secret"
)

// unlinkedFor is how long a name is remembered that was unlinked here: whoever
// creates it again means the secret.
const unlinkedFor = time.Minute

// Unlinked says that the secret of that name was removed here.
func (o *Overlay) Unlinked(dir secret.Dir, name string) {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !now.Before(o.sweep) { // not each time: rm -r removes many
		o.sweep = now.Add(unlinkedFor)
		for old, at := range o.gone {
			if now.Sub(at) >= unlinkedFor {
				delete(o.gone, old)
			}
		}
	}
	if o.gone == nil {
		o.gone = make(map[Name]time.Time)
	}
	o.gone[Name{dir, name}] = now
	if part := o.folders[dir]; part != nil {
		if part.removed == nil {
			part.removed = make(map[string]uint64)
		}
		part.removed[name] = o.made.Load()
	}
}

// UnlinkedSince reports whether the secret of that name was removed here since f was
// made, however long ago that is. It is remembered for as long as the folder has
// anything here.
func (o *Overlay) UnlinkedSince(f *File, dir secret.Dir, name string) (since bool) {
	o.look(dir, func(part *folder) {
		made, ok := part.removed[name]
		since = ok && f.number <= made
	})
	return since
}

// WasUnlinked reports whether the secret of that name was removed here within the
// last minute.
func (o *Overlay) WasUnlinked(dir secret.Dir, name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	at, ok := o.gone[Name{dir, name}]
	return ok && time.Since(at) < unlinkedFor
}

// NamesUnlinked returns the names that were removed in dir within the last
// minute, as the server had them.
func (o *Overlay) NamesUnlinked(dir secret.Dir) (names []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for name, at := range o.gone {
		if name.Dir == dir && time.Since(at) < unlinkedFor {
			names = append(names, name.Name)
		}
	}
	return names
}
