package cache

import (
	"context"
	"log/slog"
)

// lines is log lines on their way to Config.Log. They have a queue of their own,
// because nothing shall wait for a log that nobody reads: neither a caller, nor what
// OnChange is told, nor whoever holds [Cache.mu], which guards this.
type lines struct {
	queue
	dropped int // for which there was no room
}

// maxLines bounds the lines that wait for a log that is slow. Beyond that they are
// counted instead.
const maxLines = 1000

// log queues a line. What operators should know are the turns: the server does not
// answer, or answers again; something is no longer shown.
func (c *Cache) log(level slog.Level, text string, args ...any) {
	l := &c.lines
	if len(l.notices) >= maxLines {
		l.dropped++
		return
	}
	if l.dropped > 0 {
		args = append(args, "lines_dropped_before", l.dropped)
		l.dropped = 0
	}
	c.enqueue(&l.queue, &notice{deliver: func() { c.cfg.Log.Log(context.Background(), level, text, args...) }})
}
