package emit

import (
	"sync/atomic"
	"syscall"
	"time"
)

// What says what a request of the thread is answered with.
type What uint8

const (
	// Unforeseen is what no event asks for: an error. Going on as for others could
	// wait, or change something on the server.
	Unforeseen What = iota
	Passing         // a directory on the way
	Absent          // there is no such name, which the kernel is not to remember
	Subject         // what the event is about
	SwapLink        // the link that is swapped
	Generation      // the generation that has ended
	Done            // success, without anything
)

// Answer is what a request of the thread is answered with.
type Answer struct {
	What     What
	Step     int    // of the way, if Passing
	Identity string // of the node, if SwapLink
}

// Place is where a node lies: in a directory, under the server's name. The zero Place
// is none's.
type Place[D comparable] struct {
	In   D
	Name string
}

// Attempt is one try to emit an event: it says how requests of the thread are
// answered meanwhile. The directories are those of the way.
type Attempt[D comparable] struct {
	*Event
	Way Way[D]

	thread    uint32      // that makes the system calls
	datesOnly bool        // they set dates and do nothing else
	dirDate   time.Time   // the date that it is shown of a directory
	linked    atomic.Bool // the link that is swapped has been made, under its temporary name
}

// concerns reports whether the name in dir is the one that the event is about.
func (a *Attempt[D]) concerns(dir D, name string) bool { return dir == a.Way.end() && name == a.Shown }

// is reports whether a node that lies there is what the event is about.
func (a *Attempt[D]) is(at Place[D]) bool { return at == Place[D]{a.Way.end(), a.Name} }

// Lookup leads the thread to the directory, and there shows it what was before: a
// name that vanished is still to be removed, one that appeared to be created.
func (a *Attempt[D]) Lookup(dir D, name string) Answer {
	for i, next := range a.Way[1:] {
		if a.Way[i].Dir == dir && next.Name == name {
			return Answer{What: Passing, Step: i + 1}
		}
	}
	switch {
	case a.Kind == Swapped:
		return a.lookupSwapped(dir, name)
	case !a.concerns(dir, name):
		return Answer{}
	case a.Kind == Appeared:
		return Answer{What: Absent}
	case a.Kind == Ended:
		return Answer{What: Generation}
	}
	return Answer{What: Subject}
}

// lookupSwapped finds the link, and that under its temporary name once it has been
// made. What is moved into its place must be another node than what is there, or the
// kernel would leave everything as it is: so each has an identity of its own.
func (a *Attempt[D]) lookupSwapped(dir D, name string) Answer {
	switch {
	case dir != a.Way.end():
	case name == a.Shown:
		return Answer{What: SwapLink, Identity: a.Shown}
	case name == a.temporary() && a.linked.Load():
		return Answer{What: SwapLink, Identity: a.Link}
	case name == a.temporary():
		return Answer{What: Absent}
	}
	return Answer{}
}

// GetattrDir is for the directory dir, which lies at a place.
func (a *Attempt[D]) GetattrDir(dir D, at Place[D]) Answer {
	for i, step := range a.Way {
		if step.Dir == dir {
			return Answer{What: Passing, Step: i}
		}
	}
	if a.Folder && a.is(at) {
		return Answer{What: Subject}
	}
	return Answer{}
}

// GetattrFile is for a secret's file.
func (a *Attempt[D]) GetattrFile(at Place[D]) Answer {
	if a.Folder || !a.is(at) {
		return Answer{}
	}
	return Answer{What: Subject}
}

// SetattrFile is for a secret's file. sets reports whether the request sets a date,
// to the nanosecond, and nothing else: whoever sets the one that a file has changes
// nothing.
func (a *Attempt[D]) SetattrFile(at Place[D], sets func(date time.Time) bool) Answer {
	if !sets(a.Date) {
		return Answer{}
	}
	return a.GetattrFile(at)
}

// SetattrDir is likewise for the directory dir.
func (a *Attempt[D]) SetattrDir(dir D, sets func(date time.Time) bool) Answer {
	if dir != a.Way.end() || !sets(a.dirDate) {
		return Answer{}
	}
	return Answer{What: Passing, Step: len(a.Way) - 1}
}

// Open is for a secret's file. Nobody reads or writes by it.
func (a *Attempt[D]) Open(at Place[D], flags uint32) Answer {
	if a.Kind != Changed || flags&syscall.O_ACCMODE != syscall.O_WRONLY || flags&syscall.O_TRUNC != 0 || a.Folder || !a.is(at) {
		return Answer{}
	}
	return Answer{What: Done}
}

// Create makes the secret's file that has appeared.
func (a *Attempt[D]) Create(dir D, name string) Answer {
	return a.made(dir, name, !a.Folder && a.Link == "")
}

// Mkdir makes the folder that has appeared.
func (a *Attempt[D]) Mkdir(dir D, name string) Answer { return a.made(dir, name, a.Folder) }

// made is what has appeared, if that is such a thing.
func (a *Attempt[D]) made(dir D, name string, such bool) Answer {
	if a.Kind != Appeared || !such || !a.concerns(dir, name) {
		return Answer{}
	}
	return Answer{What: Subject}
}

// Remove removes the name that vanished.
func (a *Attempt[D]) Remove(dir D, name string, folder bool) Answer {
	if a.Kind != Vanished || a.Folder != folder || !a.concerns(dir, name) {
		return Answer{}
	}
	return Answer{What: Done}
}

// SetattrEnded is for a file of the generation of that name, which has ended. sets is as for
// SetattrFile.
func (a *Attempt[D]) SetattrEnded(generation string, sets func(date time.Time) bool) Answer {
	if a.Kind != Ended || generation != a.Shown || !sets(a.Date) {
		return Answer{}
	}
	return Answer{What: Done}
}

// Symlink makes the link that is swapped, under its temporary name, or a secret's that
// has appeared.
func (a *Attempt[D]) Symlink(dir D, name, target string) Answer {
	switch {
	case dir != a.Way.end() || target != a.Link:
	case a.Kind == Swapped && name == a.temporary():
		a.linked.Store(true)
		return Answer{What: SwapLink, Identity: a.Link}
	case a.Kind == Appeared && name == a.Shown:
		return Answer{What: Subject}
	}
	return Answer{}
}

// Rename moves the link that is swapped into its place.
func (a *Attempt[D]) Rename(from D, name string, to D, newName string, flags uint32) Answer {
	end := a.Way.end()
	if a.Kind != Swapped || from != end || to != end || name != a.temporary() || newName != a.Shown || flags != 0 {
		return Answer{}
	}
	return Answer{What: Done}
}
