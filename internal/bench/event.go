//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

// notifies reports whether the program can tell watchers of changes.
func notifies(program string) bool {
	out, _ := exec.Command(program, "mount", "--help").Output()
	return strings.Contains(string(out), "--notify")
}

const eventPolls = time.Second // between two polls while events are timed

// events changes a secret on the server and waits for inotify to tell: the time
// from the change, and from the answer that brought it.
func (c *cold) events(ctx context.Context, changes int) (fromChange, fromAnswer sample, err error) {
	m, err := c.mount("--watch-interval=" + eventPolls.String())
	if err != nil {
		return nil, nil, err
	}
	defer m.stop()
	path := filepath.Join(m.dir, walkDir, "service-000", fileName(0))
	if _, err := os.ReadFile(path); err != nil {
		return nil, nil, err
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return nil, nil, err
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_MODIFY); err != nil {
		return nil, nil, fmt.Errorf("watching %s: %w", path, err)
	}
	for i := range changes {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		value := fileValue(i + 100)
		began := time.Now()
		err := c.site.Edit(func(e *devserver.Editor) error {
			return e.Set(project, walkDir, "/service-000", fileName(0), value)
		})
		if err != nil {
			return nil, nil, err
		}
		if err := waitEvent(fd, 30*time.Second); err != nil {
			return nil, nil, err
		}
		ended := time.Now()
		answered := time.Unix(0, c.site.lastAnswer.Load())
		if text, err := os.ReadFile(path); err != nil || string(text) != value {
			return nil, nil, errors.Join(errors.New("after the event the file does not show the new value"), err)
		}
		fromChange = append(fromChange, ended.Sub(began).Seconds()*1000)
		fromAnswer = append(fromAnswer, ended.Sub(answered).Seconds()*1000)
	}
	return fromChange, fromAnswer, nil
}

// waitEvent waits for an event and takes all that are there.
func waitEvent(fd int, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(time.Until(deadline).Milliseconds()))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case n == 0:
			return fmt.Errorf("no event within %s", limit)
		}
		_, err = unix.Read(fd, make([]byte, 4096))
		return err
	}
}
