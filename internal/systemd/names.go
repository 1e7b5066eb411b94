package systemd

import (
	"errors"
	"sync"
)

// ErrTooMany means that the names of what the manager keeps would be too long together.
var ErrTooMany = errors.New("the service manager keeps as many descriptors as it can name to one process")

// maxNames is how long all names may be, with what stands between them. The manager
// starts a process with all of them in one variable, and Linux starts no program that has
// one of 128 KiB: with a descriptor too many there would be no next process at all.
const maxNames = 120 << 10

// names are those of what the manager keeps, as far as this process has been handed it or
// has left it there.
type names struct {
	mu     sync.Mutex // guards what follows
	count  map[string]int
	length int
}

var kept = names{count: map[string]int{}}

// add reports whether there is room for a name, and counts it then.
func (n *names) add(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.length+len(name)+1 > maxNames {
		return false
	}
	n.put(name)
	return true
}

// handed counts a name that the manager has told this process.
func (n *names) handed(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.put(name)
}

// put is called with the lock held.
func (n *names) put(name string) {
	n.count[name]++
	n.length += len(name) + 1
}

// removeOne undoes add.
func (n *names) removeOne(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.count[name]--
	n.length -= len(name) + 1
}

// remove forgets all of a name.
func (n *names) remove(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.length -= n.count[name] * (len(name) + 1)
	delete(n.count, name)
}
