package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/systemd"
)

// Client is the plugin's side. It is a mount.Keeper. What is left with it stays left while the keeper is away: it is
// left anew as soon as there is one again.
type Client struct {
	path     string
	log      *slog.Logger
	received []systemd.Descriptor
	end      context.CancelFunc
	ended    chan struct{} // closed when nothing of it runs any more

	turn chan struct{} // semaphore of who talks to the keeper, or changes what is below

	kept map[string]int // with turn: copies of all that is left with the keeper; nil after Close

	mu   sync.Mutex // guards what follows
	link *link      // nil: the keeper is away
}

// How long the client waits.
const (
	answerWithin = 5 * time.Second // for a keeper
	turnWithin   = time.Minute     // for another plugin, to end
	shortestRest = 50 * time.Millisecond
	longestRest  = 5 * time.Second // between two tries to reach a keeper
)

// ErrOwned says that another plugin owns what is kept.
var ErrOwned = errors.New("another node plugin serves the volumes of this node, and does not end")

// Dial owns what the keeper at path has kept, from when it returns until Close or the end of the process. Another
// process that owns it is waited for, for a minute, and then is [ErrOwned], the only error besides the end of ctx. Where
// no keeper answers, that is logged, once, and the first that does later is left all that there is by then.
func Dial(ctx context.Context, path string, log *slog.Logger) (*Client, error) {
	c := &Client{path: path, log: log, ended: make(chan struct{}), turn: make(chan struct{}, 1), kept: map[string]int{}}
	l, left, err := dial(ctx, path, turnWithin)
	switch {
	case errors.Is(err, ErrOwned), err != nil && ctx.Err() != nil:
		return nil, err
	case err != nil:
		log.Warn("there is no keeper: until there is one, whoever reads has an error when this process is killed or replaced", "socket", path, "error", err)
	default:
		c.link = l
		for name, fd := range left {
			copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil { // it is left for who comes after this process, if that is before another keeper
				log.Warn("something that was kept may be lost", "name", name, "error", err)
			} else {
				c.kept[name] = copied
			}
			c.received = append(c.received, systemd.Descriptor{Name: name, FD: fd})
		}
	}
	life, end := context.WithCancel(context.Background())
	c.end = end
	go c.stay(life)
	return c, nil
}

// Close ends the ownership: the next process may have what is kept. What is kept stays with the keeper.
func (c *Client) Close() {
	c.end()
	<-c.ended
}

// Present is true: what is left with an absent keeper is left with it later.
func (c *Client) Present() bool { return true }

// Received returns what an earlier process has left, once. The descriptors are the caller's.
func (c *Client) Received() []systemd.Descriptor {
	list := c.received
	c.received = nil
	return list
}

// Store leaves a descriptor under a name, in the place of another of that name. It stays the caller's. An error is
// the keeper's, which does not take it.
func (c *Client) Store(name string, fd int) error {
	if err := checkName(name); err != nil {
		return err
	}
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	if c.kept == nil {
		err = net.ErrClosed
	} else {
		err = c.exchange(c.now(), copied, wordStore, keyName+name)
	}
	if err != nil {
		unix.Close(copied)
		return err
	}
	c.put(name, copied)
	return nil
}

// Replace is Store.
func (c *Client) Replace(name string, fd int) error { return c.Store(name, fd) }

// Forget lets go of what is kept under a name.
func (c *Client) Forget(name string) error {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	c.put(name, -1)
	return c.exchange(c.now(), -1, wordRemove, keyName+name)
}

// put has a copy in the place of the one before; negative: none.
func (c *Client) put(name string, fd int) {
	if before, known := c.kept[name]; known {
		unix.Close(before)
	}
	if fd < 0 {
		delete(c.kept, name)
		return
	}
	c.kept[name] = fd
}

// Followed reports whether somebody keeps what the next process needs. Whether there will be one nobody knows: the
// keeper waits for it, and lets go in the end.
func (c *Client) Followed(context.Context, int) (bool, error) { return c.now() != nil, nil }

// now is the connection to the keeper.
func (c *Client) now() *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil || c.link.over() {
		return nil
	}
	return c.link
}

// exchange tells the keeper something. The error is the keeper's. A keeper that does not answer is away: all
// that is kept is left with the next one. The caller has the turn.
func (c *Client) exchange(l *link, fd int, words ...string) error {
	if l == nil {
		return nil
	}
	fault, err := l.ask(fd, words...)
	if err != nil {
		l.Close() // answers would be taken for those of other questions
		return nil
	}
	if fault != "" {
		return fmt.Errorf("the keeper: %s", fault)
	}
	return nil
}

// stay reaches a keeper again whenever there is none, until life ends.
func (c *Client) stay(life context.Context) {
	defer close(c.ended)
	for c.untilAway(life) {
		c.reach(life)
	}
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	if l := c.now(); l != nil {
		l.Close()
		<-l.gone
	}
	closeAll(c.kept)
	c.kept = nil
}

// untilAway waits until there is no keeper, and reports false when life has ended.
func (c *Client) untilAway(life context.Context) bool {
	if l := c.now(); l != nil {
		select {
		case <-l.gone:
			c.log.Warn("the keeper is away: until it is back, whoever reads has an error when this process is killed or replaced", "socket", c.path)
		case <-life.Done():
		}
	}
	return life.Err() == nil
}

// reach connects to a keeper, however long that takes, and leaves everything with it. It returns when that is done, or
// life has ended.
func (c *Client) reach(life context.Context) {
	for rest := shortestRest; ; rest = min(2*rest, longestRest) {
		pause(life, rest)
		if life.Err() != nil {
			return
		}
		l, left, err := dial(life, c.path, 0)
		if err != nil {
			continue
		}
		if c.leaveAll(l, left) {
			c.log.Warn("there is a keeper now, which has what the next process needs", "socket", c.path) // as the absence was a warning
			return
		}
	}
}

// leaveAll leaves everything with a keeper, and has it let go of what an earlier process has left: this one did not go on
// with that, or has it itself. It reports whether the keeper stayed for that.
func (c *Client) leaveAll(l *link, left map[string]int) bool {
	closeAll(left)
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	var refused error
	for name := range left {
		if _, ours := c.kept[name]; !ours {
			refused = errors.Join(refused, c.exchange(l, -1, wordRemove, keyName+name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.kept)) {
		refused = errors.Join(refused, c.exchange(l, c.kept[name], wordStore, keyName+name))
	}
	if refused != nil {
		c.log.Warn("the keeper does not take all that the next process needs", "socket", c.path, "error", refused)
	}
	if l.over() {
		return false
	}
	c.mu.Lock()
	c.link = l // before anybody else has the turn
	c.mu.Unlock()
	return true
}
