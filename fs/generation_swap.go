package fs

import (
	"context"
	"syscall"
	"time"
)

// swapLater tries a swap that failed again.
func (d *dir) swapLater() {
	s := &d.gens
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.again {
		return
	}
	s.again = true
	time.AfterFunc(swapsAgain, func() {
		s.mu.Lock()
		s.again = false
		s.mu.Unlock()
		d.fs.queue(outdated{dir: d.where()})
	})
}

// swapsAgain is when a swap that failed is tried again. Nothing else would: what
// polls bring is no news any longer, and who watches does not ask.
const swapsAgain = 30 * time.Second

// swap tells the kernel, and who watches, that ..data leads elsewhere.
func (d *dir) swap(ctx context.Context) {
	first := d.gens.latest() == nil
	if _, err := d.generation(ctx); err != nil {
		if errno := d.fs.failed("swap", d.where().String(), err); errno != syscall.EACCES && errno != syscall.ENOENT {
			d.swapLater()
		}
		return
	}
	before, now := d.gens.tell()
	if now == nil || before == now && !first {
		return
	}
	d.NotifyEntry(dataName)
	d.fs.poke(d.EmbeddedInode(), d.swapPoke(now))
	d.NotifyEntry(dataName) // what was moved there goes, or it would be in the way of the next
	old := d.GetChild(before.name)
	if old == nil || before == now {
		return
	}
	for name, child := range old.Children() {
		old.NotifyDelete(name, child) // its watchers hear that it is gone, and look again
	}
	d.NotifyEntry(before.name)
}
