//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// memory lists a folder of 10,000 secrets and reads one: how much memory the
// process has then, and when nobody used the folder for as long as it is kept.
func (c *cold) memory(ctx context.Context) (used, idle int64, err error) {
	m, err := c.mount("--env="+manyDir, "--watch=off", "--ttl=5s", "--max-stale=5s")
	if err != nil {
		return 0, 0, err
	}
	defer m.stop()
	pid := m.cmd.Process.Pid
	out, err := exec.CommandContext(ctx, "sh", "-c", `ls -l "$1" | wc -l; cat "$1"/`+fileName(7), "sh", m.dir).Output()
	if err != nil {
		return 0, 0, err
	}
	if want := fmt.Sprintf("%d\n%s", manyCount+1, fileValue(7)); strings.TrimSpace(string(out)) != want {
		return 0, 0, errors.New("ls and cat do not show 10,000 secrets")
	}
	if used, _, err = resident(pid); err != nil {
		return 0, 0, err
	}
	if err := m.forgotten(ctx); err != nil {
		return 0, 0, err
	}
	pause(ctx, time.Second) // for the system to get it back
	idle, _, err = resident(pid)
	return used, idle, err
}

// forgotten waits until the mount keeps nothing any more.
func (m *mounted) forgotten(ctx context.Context) error {
	for tick := time.NewTicker(200 * time.Millisecond); ; {
		s, err := m.status()
		if err != nil || s.Cache.Bytes == 0 {
			tick.Stop()
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			return ctx.Err()
		case <-m.gone:
			return errors.New("the mount ended")
		}
	}
}
