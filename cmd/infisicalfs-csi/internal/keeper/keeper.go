package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Keeper keeps what a plugin leaves with it.
type Keeper struct {
	Hold  time.Duration // how long what no process owns is kept; 0: [DefaultHold]
	Limit int           // how many descriptors there may be; 0: as many as the process may have, and 65,536 at most
	Log   *slog.Logger  // nil: nothing is logged

	peers chan struct{} // semaphore of connections
	turn  chan struct{} // semaphore of who owns what is kept

	mu    sync.Mutex // guards what follows
	owned bool
	kept  map[string]int
	over  *time.Timer // lets go of all that is kept; nil: nobody has owned it yet

	greetWithin time.Duration // how long a process may take to say what it wants; 0: five seconds
	endWithin   time.Duration // how long one is waited for whose connection has ended; 0: five seconds
}

// DefaultHold is how long who reads waits for the next plugin: until its image was fetched, but no longer than people wait.
const DefaultHold = 2 * time.Minute

// What a peer may do.
const (
	maxPeers   = 16
	readWithin = 5 * time.Second // takes a message in
)

// Listen makes the keeper's socket, which only its user can get to: the directory that it is in is made his alone. It
// changes the umask for a moment: call it before anything else runs. What an earlier keeper has left at path is replaced.
func Listen(path string) (*net.UnixListener, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: path, Net: "unixpacket"})
	if err == nil {
		l.SetUnlinkOnClose(false) // by then it may be the next keeper's
	}
	return l, err
}

// Serve keeps descriptors until ctx ends, and lets go of them. The listener is closed. It is called once.
func (k *Keeper) Serve(ctx context.Context, l *net.UnixListener) error {
	k.Hold = cmp.Or(k.Hold, DefaultHold)
	k.greetWithin, k.endWithin = cmp.Or(k.greetWithin, 5*time.Second), cmp.Or(k.endWithin, 5*time.Second)
	k.Limit = min(cmp.Or(k.Limit, 1<<16), mayHave())
	if k.Log == nil {
		k.Log = slog.New(slog.DiscardHandler)
	}
	k.peers, k.turn, k.kept = make(chan struct{}, maxPeers), make(chan struct{}, 1), map[string]int{}
	defer context.AfterFunc(ctx, func() { l.Close() })()
	var all sync.WaitGroup
	defer func() {
		l.Close()
		all.Wait()
		k.drop("the keeper ends")
	}()
	for {
		c, err := l.AcceptUnix()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				c.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil: // such as too many descriptors
			k.Log.Warn("nobody can be listened to for a moment", "error", err)
			pause(ctx, time.Second)
			continue
		}
		select {
		case k.peers <- struct{}{}:
			all.Go(func() {
				defer func() { <-k.peers }()
				k.serve(ctx, c)
			})
		default:
			k.Log.Warn("a process is sent away: there are too many")
			c.Close()
		}
	}
}

// reserved descriptors are for other things than what is kept.
const reserved = 64

// mayHave is how many descriptors the process may keep.
func mayHave() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 - reserved
	}
	return max(0, int(min(limit.Cur, 1<<20))-reserved)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// serve does what one process wants.
func (k *Keeper) serve(ctx context.Context, c *net.UnixConn) {
	defer context.AfterFunc(ctx, func() { c.Close() })()
	defer c.Close()
	process, err := identify(c)
	if err != nil {
		k.Log.Warn("a process is sent away", "error", err)
		return
	}
	if process >= 0 {
		defer unix.Close(process)
	}
	if err := k.admit(c); err != nil {
		k.Log.Warn("a process does not get what is kept", "error", err)
		return
	}
	defer k.leave(ctx, process)
	if err := k.handOver(c); err != nil {
		k.Log.Warn("a process does not take what is kept", "error", err)
		return
	}
	for {
		m, err := receive(c)
		if err != nil && !errors.Is(err, errMessage) {
			if !errors.Is(err, io.EOF) && ctx.Err() == nil {
				k.Log.Info("the connection to the plugin ended", "error", err)
			}
			return
		}
		answer := wordOK
		if err == nil {
			err = k.do(m)
		}
		if err != nil {
			answer = keyError + err.Error()
		}
		if err := c.SetWriteDeadline(time.Now().Add(readWithin)); err != nil {
			return
		}
		if err := send(c, -1, answer); err != nil {
			return
		}
	}
}

// admit waits until the process owns what is kept. After an error it does not.
func (k *Keeper) admit(c *net.UnixConn) error {
	if err := c.SetDeadline(time.Now().Add(k.greetWithin)); err != nil {
		return err
	}
	m, err := receive(c)
	m.close()
	if err != nil {
		return err
	}
	if !m.words[wordOwn] {
		return errMessage
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		return err
	}
	select {
	case k.turn <- struct{}{}:
	default:
		if err := k.await(c); err != nil {
			return err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.owned = true
	if k.over != nil {
		k.over.Stop()
	}
	return nil
}

// await waits for the turn as long as the process is there, which has nothing to say meanwhile.
func (k *Keeper) await(c *net.UnixConn) error {
	if err := send(c, -1, wordWait); err != nil {
		return err
	}
	gone := make(chan error, 1)
	go func() {
		m, err := receive(c)
		m.close()
		gone <- err
	}()
	select {
	case err := <-gone:
		return cmp.Or(err, errMessage)
	case k.turn <- struct{}{}:
	}
	// Nobody else reads from here on.
	err := c.SetReadDeadline(time.Unix(1, 0))
	if err == nil {
		if err = <-gone; errors.Is(err, os.ErrDeadlineExceeded) {
			err = c.SetReadDeadline(time.Time{})
		}
	}
	if err != nil {
		<-k.turn
	}
	return err
}

// handOver tells the process of all that is kept.
func (k *Keeper) handOver(c *net.UnixConn) error {
	k.mu.Lock()
	kept := maps.Clone(k.kept) // nobody closes any of them but who owns them
	k.mu.Unlock()
	for name, fd := range kept {
		if err := c.SetWriteDeadline(time.Now().Add(readWithin)); err != nil {
			return err
		}
		if err := send(c, fd, keyName+name); err != nil {
			return err
		}
	}
	k.Log.Info("a plugin owns what is kept", "descriptors", len(kept))
	return send(c, -1, wordReady)
}

// do does what a message says.
func (k *Keeper) do(m message) error {
	if err := checkName(m.name); err != nil {
		m.close()
		return err
	}
	before, err := k.change(m)
	if before >= 0 {
		unix.Close(before)
	}
	return err
}

// change puts what came with a message in the place of what was there, or into none, and returns what is to be closed.
func (k *Keeper) change(m message) (spare int, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	before, known := k.kept[m.name]
	if !known {
		before = -1
	}
	switch {
	case m.words[wordRemove] && m.fd < 0:
		delete(k.kept, m.name)
		return before, nil
	case !m.words[wordStore] || m.fd < 0:
		return m.fd, errMessage
	case !known && len(k.kept) >= k.Limit:
		return m.fd, fmt.Errorf("there are %d descriptors, and no room for more", len(k.kept))
	default:
		k.kept[m.name] = m.fd
		return before, nil
	}
}

// leave is the end of a process that owned what is kept. Who has ended its connection, and not ended yet, is
// waited for: whoever it is that answers for it must not do so beside the next process.
func (k *Keeper) leave(ctx context.Context, process int) {
	if process >= 0 && ctx.Err() == nil {
		ended := []unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}
		began := time.Now()
		for left := k.endWithin; left > 0; left = k.endWithin - time.Since(began) {
			if _, err := unix.Poll(ended, int(left.Milliseconds())); err != unix.EINTR {
				break
			}
		}
	}
	k.mu.Lock()
	k.owned = false
	k.over = time.AfterFunc(k.Hold, func() { k.drop("no plugin came") })
	k.Log.Info("no plugin owns what is kept", "descriptors", len(k.kept), "for_at_most", k.Hold)
	k.mu.Unlock()
	<-k.turn
}

// drop lets go of all that is kept, unless somebody owns it.
func (k *Keeper) drop(why string) {
	k.mu.Lock()
	dropped := map[string]int{}
	if !k.owned {
		k.kept, dropped = dropped, k.kept
		if k.over != nil {
			k.over.Stop()
		}
	}
	k.mu.Unlock()
	if len(dropped) == 0 {
		return
	}
	k.Log.Warn("what was kept is let go of: who reads has an error now", "why", why, "descriptors", len(dropped))
	for _, fd := range dropped {
		unix.Close(fd)
	}
}
