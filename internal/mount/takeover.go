package mount

import (
	"context"
	"errors"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/blocking"
	"infisicalfs/internal/control"
	"infisicalfs/internal/exitcode"
)

// TakeOver looks for a process that still serves an earlier mount of mountpoint for
// somebody else, with the same settings, and has it serve mountpoint again: then
// there is one process, one cache and one login, and not two. It returns the
// process's number, and 0 if there is no such process or it cannot be done, which
// is no reason not to mount anew: a new mount is always right.
func TakeOver(ctx context.Context, mountpoint, settings string) (pid int) {
	if settings == "" {
		return 0
	}
	place, err := attach.Inspect(ctx, mountpoint)
	if err != nil || place.Stale {
		return 0
	}
	for _, h := range elsewhere(ctx, place.Point) {
		if h.Status.Settings != settings {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, 5*blocking.LookTimeout)
		_, err := control.Ask(ctx, h.target, callReturn, nil, nil)
		cancel()
		if err == nil {
			return h.Status.PID
		}
	}
	return 0
}

// comeBack puts the mount, which was taken out of the tree here and which somebody
// else has, back to its mountpoint.
func (m *Mount) comeBack(ctx context.Context, _ control.Peer, _ map[string]string) (any, error) {
	m.returning.Lock()
	defer m.returning.Unlock()
	p, err := attach.Inspect(ctx, m.point)
	if err == nil && p.Stale {
		err = errors.New("a dead mount is there")
	}
	if err != nil {
		return nil, err
	}
	release, err := attach.Claim(ctx, p)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := attach.PutBack(m.point, m.device, m.propagate); err != nil {
		return nil, &control.Error{Text: err.Error(), Code: exitcode.Mountpoint}
	}
	m.watch()
	m.log.Info("mounted here again", "mountpoint", m.point)
	return nil, nil
}
