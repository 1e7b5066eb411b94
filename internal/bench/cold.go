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
)

// cold mounts anew each time: nothing is known of what is asked for. Requests are
// counted from when the mount answers: every one begins with a login and the
// project's environments.
type cold struct {
	site    *site
	program string
	work    string
	n       int
}

// mount mounts with flags; the mount has a directory of its own.
func (c *cold) mount(flags ...string) (*mounted, error) {
	c.n++
	return start(filepath.Join(c.work, fmt.Sprint("c", c.n)), c.site.environment(), c.program,
		append([]string{"mount", "--foreground", "--project=" + project}, flags...)...)
}

// walk has grep read all secrets of 100 folders: the time, and the requests.
func (c *cold) walk(ctx context.Context) (took time.Duration, asked int, err error) {
	m, err := c.mount()
	if err != nil {
		return 0, 0, err
	}
	defer m.stop()
	c.site.ResetRequests()
	began := time.Now()
	out, err := exec.CommandContext(ctx, "grep", "-rc", "not-a-secret", filepath.Join(m.dir, walkDir)).Output()
	if err != nil {
		return 0, 0, fmt.Errorf("grep -r: %w", err)
	}
	took = time.Since(began)
	if n := strings.Count(string(out), ":1\n"); n != walkFolders*walkSecrets {
		return 0, 0, fmt.Errorf("grep -r found %d secrets and not %d", n, walkFolders*walkSecrets)
	}
	return took, len(c.site.Requests()), nil
}

// cat reads one secret of a folder of 1,000: the requests, and
// the time from the server's last answer to the value.
func (c *cold) cat() (asked int, ready time.Duration, err error) {
	m, err := c.mount()
	if err != nil {
		return 0, 0, err
	}
	defer m.stop()
	c.site.ResetRequests()
	text, err := os.ReadFile(filepath.Join(m.dir, filesDir, fileName(7)))
	ended := time.Now()
	if err == nil && string(text) != fileValue(7) {
		err = errors.New("cat shows another value")
	}
	if err != nil {
		return 0, 0, err
	}
	asked = len(c.site.Requests())
	return asked, ended.Sub(time.Unix(0, c.site.lastAnswer.Load())), nil
}
