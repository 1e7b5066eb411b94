package mount

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
	"unicode"
	"unicode/utf16"

	"infisicalfs/cache"
	tree "infisicalfs/fs"
	"infisicalfs/internal/blocking"
	"infisicalfs/internal/control"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// statusSchema grows by one when a field changes its meaning or goes away; new
// fields do not count.
const statusSchema = 1

// maxStatus bounds what is read of a status document.
const maxStatus = 1 << 20

// Status is the document that a mount shows as .infisicalfs/status.
type Status struct {
	Schema     int             `json:"schema"`
	PID        int             `json:"pid"`
	Version    string          `json:"version"`
	Mountpoint string          `json:"mountpoint"`
	Volume     string          `json:"volume,omitempty"` // its name, where it has one
	InTree     bool            `json:"in_tree"`          // the mountpoint has it, in the mount namespace of the process
	Propagates Propagation     `json:"propagates"`
	Root       string          `json:"root"`
	Since      time.Time       `json:"since"`
	ReadOnly   bool            `json:"read_only"`
	Settings   string          `json:"settings,omitempty"` // the same for two mounts that are alike
	Hangup     string          `json:"hangup,omitempty"`   // what SIGHUP does to the process: end, reload or ignored
	Cache      cache.Stats     `json:"cache"`
	FS         tree.Counts     `json:"fs"`
	Unlocked   int64           `json:"unlocked_bytes"`   // memory for values that could be swapped (ulimit -l)
	Goroutines int             `json:"goroutines"`       // of the process: more and more of them would be a fault
	Server     json.RawMessage `json:"server,omitempty"` // what Config.Status returned
}

// Approval is the part of Status about a change that waits for an approval.
type Approval = tree.Approval

// NotifyCounts is the part of Status about watchers.
type NotifyCounts = tree.NotifyCounts

// status is the document in .infisicalfs/status, and what the control socket
// answers. It asks nobody.
func (r *rooms) status(cfg Config, point string, since time.Time) ([]byte, error) {
	s := Status{
		Schema:     statusSchema,
		PID:        os.Getpid(),
		Version:    cfg.Version,
		Mountpoint: point,
		Volume:     cfg.Volume,
		Since:      since,
		Root:       cfg.Root.String(),
		ReadOnly:   cfg.readOnly(),
		Settings:   cfg.Settings,
		InTree:     r.inTree(),
		Propagates: r.propagation,
		Cache:      r.cache.Stats(),
		FS:         r.tree.Counts(),
		Unlocked:   secret.Unlocked(),
		Goroutines: runtime.NumGoroutine(),
	}
	if cfg.Hangup != nil {
		s.Hangup = cfg.Hangup()
	}
	if cfg.Status != nil {
		server, err := json.Marshal(cfg.Status())
		if err != nil {
			return nil, fmt.Errorf("status of the server: %w", err)
		}
		s.Server = server
	}
	text, err := json.MarshalIndent(s, "", "  ")
	return append(PlainJSON(text), '\n'), err
}

// PlainJSON returns JSON that means the same and has nothing in it that a terminal
// would obey instead of showing it: names on the server may hold characters that
// turn the direction of writing. encoding/json escapes the control characters of
// ASCII only.
func PlainJSON(text []byte) []byte {
	obeyed := func(r rune) bool { return r >= 0x7f && !unicode.IsGraphic(r) }
	if bytes.IndexFunc(text, obeyed) < 0 {
		return text
	}
	var plain bytes.Buffer
	for _, r := range string(text) {
		switch {
		case !obeyed(r):
			plain.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&plain, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&plain, `\u%04x\u%04x`, high, low)
		}
	}
	return plain.Bytes()
}

// ReadStatus asks the process behind the mount at mountpoint, which may be another,
// how it is doing: by its control socket, or through the mount where that has none.
// It is an *exitcode.Error if that is not a mount of ours, if the mount is stale or hangs,
// and with code Denied if it belongs to another user.
func ReadStatus(mountpoint string) (Status, error) {
	ctx := context.Background()
	top, err := findOurs(ctx, mountpoint)
	if err != nil {
		return Status{}, err
	}
	point := top.Mountpoint
	s, _, err := askStatus(ctx, behind(top))
	switch {
	case errors.Is(err, control.ErrNoSocket):
		return readStatus(ctx, point)
	case errors.Is(err, context.DeadlineExceeded):
		return Status{}, notAnswering(point)
	case err != nil:
		return Status{}, exitcode.Errorf(exitcode.Mountpoint, "", "asking the process of %s: %w", point, err)
	}
	return s, s.readable(point)
}

// notAnswering is the error of whoever asks a process that is stopped, hangs, or has too much
// to do.
func notAnswering(point string) error {
	return exitcode.Errorf(exitcode.Mountpoint, "try again; if it stays so: infisicalfs unmount --discard "+point+", which gives up what was not sent, and mount again",
		"%s does not answer", point)
}

// readable fails if the status is of another version's shape.
func (s Status) readable(point string) error {
	if s.Schema != statusSchema {
		return exitcode.Errorf(exitcode.Mountpoint, "use the version that mounted it", "the status of %s has schema %d, this version reads %d", point, s.Schema, statusSchema)
	}
	return nil
}

// readStatus reads the document that the mount itself shows.
func readStatus(ctx context.Context, point string) (Status, error) {
	text, err := statusFile(ctx, point)
	switch {
	case errors.Is(err, syscall.ENOTCONN):
		return Status{}, exitcode.Errorf(exitcode.Mountpoint, "mount it again, or: infisicalfs unmount "+point, "%s is stale: its process is gone", point)
	case errors.Is(err, context.DeadlineExceeded):
		return Status{}, notAnswering(point)
	case errors.Is(err, syscall.ENOTSUP):
		return Status{}, exitcode.Errorf(exitcode.Mountpoint, "mount it with --kernel-cache=default to have one", "%s has no status: it is mounted with --kernel-cache=full", point)
	case errors.Is(err, fs.ErrPermission):
		return Status{}, &exitcode.Error{Err: errors.New(point + " belongs to another user"), Hint: "ask as the user who mounted it", Code: exitcode.Denied}
	case errors.Is(err, fs.ErrNotExist):
		return Status{}, exitcode.Errorf(exitcode.Mountpoint, "ask where its process runs: in the same container, with the same TMPDIR", "%s has no status: it is mounted with --control=off, and its process has no control socket here", point)
	case err != nil:
		return Status{}, exitcode.Errorf(exitcode.Mountpoint, "", "reading the status of %s: %w", point, err)
	}
	var s Status
	if err := json.Unmarshal(text, &s); err != nil {
		return Status{}, exitcode.Errorf(exitcode.Mountpoint, "", "the status of %s is not what this version reads: %w", point, err)
	}
	return s, s.readable(point)
}

func statusFile(ctx context.Context, point string) ([]byte, error) {
	return blocking.Within(ctx, func() ([]byte, error) { return readSome(filepath.Join(point, ".infisicalfs", "status")) })
}

func readSome(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxStatus))
}
