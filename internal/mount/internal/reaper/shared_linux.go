package reaper

import "fmt"

// Watched is a connection that the other process ends if this one is killed and does not
// end. Its methods may be called of a nil one, which is none.
type Watched struct {
	by   *reaper
	id   uint32
	over bool // guarded by shared.turn
}

// shared is the other process as long as there is something for it to watch. The semaphore
// is held while that is changed, which takes as long as starting a process.
var shared = struct {
	turn  chan struct{} // guards what follows
	by    *reaper       // nil: there is none
	count int           // how many connections it watches
	last  uint32        // the last number of one
}{turn: make(chan struct{}, 1)}

// Watch has the other process know a connection of that number, which this process serves
// with device. The descriptor stays the caller's.
func Watch(device, connection int) (*Watched, error) {
	shared.turn <- struct{}{}
	defer func() { <-shared.turn }()
	if shared.by == nil {
		r, err := start()
		if err != nil {
			return nil, fmt.Errorf("starting a process to watch this one: %w", err)
		}
		shared.by = r
	}
	shared.last++
	w := &Watched{by: shared.by, id: shared.last}
	err := w.by.tell(message{id: w.id, connection: uint32(connection)}, device)
	if err == nil {
		shared.count++
	} else {
		err = fmt.Errorf("telling the process that watches this one: %w", err)
	}
	endUnused()
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Stop has the other process let go of the connection.
func (w *Watched) Stop() {
	if w == nil {
		return
	}
	shared.turn <- struct{}{}
	defer func() { <-shared.turn }()
	if w.over {
		return
	}
	w.over = true
	shared.count--
	if shared.count > 0 {
		_ = w.by.tell(message{id: w.id}, -1) // or it has a descriptor of what is over, to the end
	}
	endUnused()
}

// endUnused ends the other process if it has nothing to watch. The semaphore is held.
func endUnused() {
	if shared.count == 0 && shared.by != nil {
		shared.by.stop()
		shared.by = nil
	}
}
