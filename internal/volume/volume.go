package volume

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"time"

	"infisicalfs/internal/exitcode"
)

// Create makes a volume, which is mounted when somebody wants it. A volume that is there is
// no error if it was made with the same words. Nobody is asked whether there is what the
// words name. The error is an *exitcode.Error.
func (m *Manager) Create(name string, words map[string]string) error {
	if !validName(name) {
		return exitcode.Errorf(exitcode.Config, "use letters, digits, dots, dashes and underscores, 200 at most", "no volume can be called %q", name)
	}
	if m.cfg.BaseDir == "" {
		return exitcode.Errorf(exitcode.Config, "", "there is no base directory for the volume %s", name)
	}
	if _, err := m.parse(words, false); err != nil {
		return err
	}
	fresh := m.volume(record{Name: name, Created: time.Now().UTC().Truncate(time.Second), Words: maps.Clone(words)})
	return m.commit(fresh, func() (func(), error) {
		switch old := m.volumes[name]; {
		case old != nil && maps.Equal(old.words, words):
			return nil, nil
		case old != nil:
			return nil, exitcode.Errorf(exitcode.Config, "use another name, or remove it first", "there is a volume %s with other options", name)
		case len(m.volumes) >= m.cfg.MaxVolumes:
			return nil, exitcode.Errorf(exitcode.Config, "remove those that nobody uses", "there are %d volumes already", len(m.volumes))
		}
		m.volumes[name] = fresh
		return func() { delete(m.volumes, name) }, nil
	})
}

// removeWithin bounds the wait for a mount or unmount that is under way.
const removeWithin = 10 * time.Second

// Remove forgets a volume. The error is [ErrNotFound], or [ErrInUse] if somebody has it mounted.
func (m *Manager) Remove(name string) error {
	ctx, cancel := context.WithTimeout(m.life, removeWithin)
	defer cancel()
	v, done, err := m.begin(ctx, name)
	if err != nil {
		return err
	}
	defer done()
	err = m.commit(v, func() (func(), error) {
		if len(v.users) > 0 {
			return nil, fmt.Errorf("%w: %s", ErrInUse, name)
		}
		delete(m.volumes, name)
		return func() { m.volumes[name] = v }, nil
	})
	if err == nil {
		_ = os.Remove(v.point) // if it is empty; otherwise it is somebody else's
	}
	return err
}

// Mount notes that id uses the volume, and mounts it if it is not. It may be called
// again with the same id. It is an error if the server does not let the volume's identity see
// what the volume shows, or if that cannot be found out before ctx ends; after an error id does
// not use the volume, unless it did before.
func (m *Manager) Mount(ctx context.Context, name, id string) (mountpoint string, err error) {
	ctx, end := m.within(ctx)
	defer end()
	v, done, err := m.begin(ctx, name)
	if err != nil {
		return "", err
	}
	defer done()
	if err := v.understood(); err != nil {
		return "", err
	}
	mounted := m.mounted(v)
	root, err := m.seen(ctx, v, mounted)
	if err != nil {
		return "", fmt.Errorf("volume %s: %w", name, err)
	}
	fresh := false
	err = m.commit(v, func() (func(), error) {
		fresh = !v.users[id]
		v.users[id], v.root = true, root
		return func() { v.leave(id, fresh) }, nil
	})
	if err != nil || mounted != nil {
		return v.point, err
	}
	if err = m.note(v, m.serve(ctx, v, root, false)); err == nil {
		return v.point, nil
	}
	if again := m.commit(v, func() (func(), error) { v.leave(id, fresh); return nil, nil }); again != nil {
		v.log.Error("the next start will mount the volume for an id that was told that it is not mounted", "error", again)
	}
	return "", fmt.Errorf("volume %s: %w", name, err)
}

// leave takes an id that came just now from the users. [Manager.mu] is held.
func (v *volume) leave(id string, fresh bool) {
	if fresh {
		delete(v.users, id)
	}
}

// Unmount notes that id does not use the volume any more, and unmounts it if nobody does.
// An id that does not use it, and a volume that is not there, are no errors. The error is
// one that left the volume mounted, and id among its users.
func (m *Manager) Unmount(ctx context.Context, name, id string) error {
	v, done, err := m.begin(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer done()
	used, last := false, false
	err = m.commit(v, func() (func(), error) {
		used = v.users[id]
		delete(v.users, id)
		last = len(v.users) == 0
		return func() { v.users[id] = used || v.users[id] }, nil
	})
	mounted := m.mounted(v)
	if err != nil || !last || mounted == nil {
		return err
	}
	if err = mounted.Close(); err == nil {
		m.forget(v, mounted, nil)
		return nil
	}
	if again := m.commit(v, func() (func(), error) { v.users[id] = true; return nil, nil }); again != nil {
		v.log.Error("the next start will not mount the volume although it is mounted", "error", again)
	}
	return fmt.Errorf("volume %s: %w", name, err)
}
