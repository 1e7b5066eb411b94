package keeper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// link is a connection of the plugin to the keeper, by which it owns what is kept.
type link struct {
	*net.UnixConn
	answers chan message
	gone    chan struct{} // closed when the connection has ended
}

// dial connects to the keeper at path, and waits, if another process owns what is kept, for that to end, for patience
// at most; 0: as long as ctx. It returns what is kept, by name, which is the caller's.
func dial(ctx context.Context, path string, patience time.Duration) (*link, map[string]int, error) {
	var d net.Dialer
	d.Timeout = answerWithin
	conn, err := d.DialContext(ctx, "unixpacket", path)
	if err != nil {
		return nil, nil, err
	}
	c := conn.(*net.UnixConn)
	defer context.AfterFunc(ctx, func() { c.Close() })()
	left, err := own(c, patience)
	if err == nil && ctx.Err() == nil {
		err = c.SetDeadline(time.Time{})
	}
	if err = errors.Join(err, ctx.Err()); err != nil {
		closeAll(left)
		c.Close()
		return nil, nil, err
	}
	l := &link{c, make(chan message, 1), make(chan struct{})}
	go l.listen()
	return l, left, nil
}

// own asks for what is kept. What came is returned after an error, too.
func own(c *net.UnixConn, patience time.Duration) (left map[string]int, err error) {
	left = map[string]int{}
	if err := c.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return left, err
	}
	if err := send(c, -1, wordOwn); err != nil {
		return left, err
	}
	waits := false
	for {
		m, err := receive(c)
		if waits && errors.Is(err, os.ErrDeadlineExceeded) {
			err = ErrOwned
		}
		if err != nil {
			return left, err
		}
		switch {
		case m.words[wordReady]:
			m.close()
			return left, nil
		case m.words[wordWait]:
			m.close()
			waits = true
			until := time.Time{}
			if patience > 0 {
				until = time.Now().Add(patience)
			}
			err = c.SetDeadline(until)
		case m.name != "" && m.fd >= 0:
			if before, twice := left[m.name]; twice {
				unix.Close(before)
			}
			left[m.name] = m.fd
			waits = false
			err = c.SetDeadline(time.Now().Add(answerWithin))
		default:
			m.close()
			err = errMessage
		}
		if err != nil {
			return left, err
		}
	}
}

func closeAll(left map[string]int) {
	for _, fd := range left {
		unix.Close(fd)
	}
}

// listen takes answers in until the connection ends.
func (l *link) listen() {
	defer close(l.gone)
	defer l.Close()
	for {
		m, err := receive(l.UnixConn)
		m.close()
		if err != nil {
			return
		}
		select {
		case l.answers <- m:
		default: // nobody has asked
			return
		}
	}
}

// over reports whether the connection has ended.
func (l *link) over() bool {
	select {
	case <-l.gone:
		return true
	default:
		return false
	}
}

// ask tells the keeper something, and returns what it has against that.
func (l *link) ask(fd int, words ...string) (fault string, err error) {
	if err := l.SetWriteDeadline(time.Now().Add(answerWithin)); err != nil {
		return "", err
	}
	if err := send(l.UnixConn, fd, words...); err != nil {
		return "", err
	}
	late := time.NewTimer(answerWithin)
	defer late.Stop()
	select {
	case m := <-l.answers:
		if m.fault == "" && !m.words[wordOK] {
			return "", errMessage
		}
		return m.fault, nil
	case <-l.gone:
		return "", io.ErrUnexpectedEOF
	case <-late.C:
		return "", fmt.Errorf("no answer within %s", answerWithin)
	}
}
