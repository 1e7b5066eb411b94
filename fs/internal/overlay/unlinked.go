package overlay

import (
	"time"

	"infisicalfs/secret"
)

// unlinkedFor is how long a name is remembered that was unlinked here: whoever
// creates it again means the secret.
const unlinkedFor = time.Minute

// removal is that a secret has left its name here: it was deleted, renamed or moved.
type removal struct {
	at   time.Time
	made uint64 // how many scratch files had been made
}

// Unlinked says that the secret of that name was removed here, or has left the name.
// That is remembered for a minute, and for as long as the folder's scratch files that
// are older have a name anywhere.
func (o *Overlay) Unlinked(dir secret.Dir, name string) {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !now.Before(o.sweep) { // not each time: rm -r removes many
		o.sweep = now.Add(unlinkedFor)
		o.forget(now)
	}
	if o.gone == nil {
		o.gone = make(map[Name]removal)
	}
	o.gone[Name{dir, name}] = removal{now, o.made.Load()}
}

// forget forgets the removals that nobody asks for any more. [Overlay.mu] is held.
func (o *Overlay) forget(now time.Time) {
	eldest := make(map[secret.Dir]uint64) // by where they were made
	for f := range o.linked() {
		if number, ok := eldest[f.dir]; !ok || f.number < number {
			eldest[f.dir] = f.number
		}
	}
	for name, old := range o.gone {
		number, ok := eldest[name.Dir]
		if now.Sub(old.at) >= unlinkedFor && !(ok && number <= old.made) {
			delete(o.gone, name)
		}
	}
}

// MadeAgain says that there is a secret of that name, by what was done here. If that is
// removed as well, it is another removal.
func (o *Overlay) MadeAgain(dir secret.Dir, name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if removed, ok := o.gone[Name{dir, name}]; ok {
		removed.made = 0
		o.gone[Name{dir, name}] = removed
	}
}

// UnlinkedSince reports whether the secret of that name was removed here since f was
// made in its folder, however long ago that is, and not made again here.
func (o *Overlay) UnlinkedSince(f *File, dir secret.Dir, name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	removed, ok := o.gone[Name{dir, name}]
	return ok && f.number <= removed.made
}

// Removed is that a secret has left its name, for another process that is to go on with
// the mount and has no file that is older.
type Removed struct {
	Dir  secret.Dir `json:"dir"`
	Name []byte     `json:"name"` // bytes, which JSON would mend where they are no UTF-8
	At   time.Time  `json:"at"`
}

// Removals returns those of the last minute.
func (o *Overlay) Removals() (list []Removed) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for name, removed := range o.gone {
		if time.Since(removed.at) < unlinkedFor {
			list = append(list, Removed{name.Dir, []byte(name.Name), removed.at})
		}
	}
	return list
}

// Recall takes in what Removals of an earlier process has returned.
func (o *Overlay) Recall(list []Removed) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range list {
		if o.gone == nil {
			o.gone = make(map[Name]removal)
		}
		o.gone[Name{r.Dir, string(r.Name)}] = removal{at: r.At}
	}
}

// WasUnlinked reports whether the secret of that name was removed here within the
// last minute.
func (o *Overlay) WasUnlinked(dir secret.Dir, name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	removed, ok := o.gone[Name{dir, name}]
	return ok && time.Since(removed.at) < unlinkedFor
}

// NamesUnlinked returns the names that were removed in dir within the last
// minute, as the server had them.
func (o *Overlay) NamesUnlinked(dir secret.Dir) (names []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for name, removed := range o.gone {
		if name.Dir == dir && time.Since(removed.at) < unlinkedFor {
			names = append(names, name.Name)
		}
	}
	return names
}
