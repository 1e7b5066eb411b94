package cache

import (
	"context"
	"log/slog"

	"infisicalfs/secret"
)

// news is what is to be told to the outside once no lock is held: changes and
// log lines. [Cache.mu] guards it.
type news struct {
	queue      []func()
	delivering bool // somebody is at it and will find what is added
}

func (c *Cache) change(change secret.Change) {
	c.news.queue = append(c.news.queue, func() { c.cfg.OnChange(change) })
}

func (c *Cache) log(level slog.Level, text string, args ...any) {
	c.news.queue = append(c.news.queue, func() { c.cfg.Log.Log(context.Background(), level, text, args...) })
}

// deliver tells the news in order. Flights call it at their end, changes of our
// own have it called behind them, and nobody else calls it: a caller may be a
// request of the kernel's, and those must not be held up by news to the kernel.
func (c *Cache) deliver() {
	for queue := c.takeNews(true); queue != nil; queue = c.takeNews(false) {
		for _, tell := range queue {
			tell()
		}
	}
}

// takeNews returns what is to be told now: nil if there is nothing, or if the
// caller is only beginning and somebody else is at it.
func (c *Cache) takeNews(beginning bool) []func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if beginning && c.news.delivering {
		return nil
	}
	queue := c.news.queue
	c.news.queue, c.news.delivering = nil, len(queue) > 0
	return queue
}
