package fs

import (
	"slices"
	"sync"
	"time"
)

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
