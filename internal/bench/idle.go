//go:build linux

package main

import (
	"context"
	"os/exec"
	"time"
)

const (
	watchEvery     = 2 * time.Second // a minute, if not told otherwise
	watchIntervals = 5
)

// idle walks through 100 folders once and then counts the requests that nobody
// causes: per interval while the folders are watched, and in all if not.
func (c *cold) idle(ctx context.Context, watch string) (perInterval float64, err error) {
	m, err := c.mount("--watch="+watch, "--watch-interval="+watchEvery.String())
	if err != nil {
		return 0, err
	}
	defer m.stop()
	if err := exec.CommandContext(ctx, "grep", "-rq", "no such text", m.dir+"/"+walkDir).Run(); err != nil && ctx.Err() != nil {
		return 0, ctx.Err()
	}
	c.site.ResetRequests()
	select {
	case <-time.After(watchIntervals * watchEvery):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return float64(len(c.site.Requests())) / watchIntervals, nil
}
