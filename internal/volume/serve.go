package volume

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount"
	"infisicalfs/internal/options"
	"infisicalfs/secret"
)

// begin waits for the turn to do something about a volume. The caller calls done.
func (m *Manager) begin(ctx context.Context, name string) (v *volume, done func(), err error) {
	m.mu.Lock()
	v = m.volumes[name]
	m.mu.Unlock()
	if v == nil {
		return nil, nil, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	if done, err = v.take(ctx); err != nil {
		return nil, nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		err = ErrClosed
	case m.volumes[name] != v: // it was removed meanwhile
		err = fmt.Errorf("%w: %s", ErrNotFound, name)
	default:
		return v, done, nil
	}
	done()
	return nil, nil, err
}

func (v *volume) take(ctx context.Context) (done func(), err error) {
	select {
	case v.turn <- struct{}{}:
		return func() { <-v.turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for another mount or unmount of the volume %s: %w", v.name, context.Cause(ctx))
	}
}

// within is ctx, which ends with the Manager, too.
func (m *Manager) within(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(m.life, func() { cancel(ErrClosed) })
	return ctx, func() { stop(); cancel(nil) }
}

// mounted returns the mount of v, nil if it has ended or there is none.
func (m *Manager) mounted(v *volume) *mount.Mount {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v.mount == nil {
		return nil
	}
	select {
	case <-v.mount.Done():
		return nil
	default:
		return v.mount
	}
}

// seen returns the root of v, which the server lets its identity see. A volume that is
// mounted is believed, unless it was refused: that is what polling is for.
func (m *Manager) seen(ctx context.Context, v *volume, mounted *mount.Mount) (secret.Dir, error) {
	m.mu.Lock()
	root, refused := v.root, v.refused
	m.mu.Unlock()
	if mounted == nil {
		return m.find(ctx, v)
	}
	if refused == nil {
		return root, nil
	}
	err := mounted.MayRead(ctx)
	if err == nil {
		m.access(v, nil)
	}
	return root, err
}

// find asks the server which directory the words of v name.
func (m *Manager) find(ctx context.Context, v *volume) (secret.Dir, error) {
	who, err := m.identities.of(ctx, v)
	if err != nil {
		return secret.Dir{}, err
	}
	return rootOf(ctx, who.client, v.means)
}

func rootOf(ctx context.Context, c *client.Client, means *options.Volume) (secret.Dir, error) {
	if err := c.Login(ctx); err != nil {
		return secret.Dir{}, err
	}
	return means.Scope().Root(ctx, c)
}

// serve mounts v, whose turn the caller has. Unasked: without knowing whether the server
// lets its identity see the root.
func (m *Manager) serve(ctx context.Context, v *volume, root secret.Dir, unasked bool) error {
	who, err := m.identities.of(ctx, v)
	if err != nil {
		return err
	}
	cfg, err := v.means.MountConfig(v.point, who.client, root)
	if err != nil {
		return err
	}
	cfg.Hub, cfg.Volume, cfg.Version, cfg.Log = who.hub, v.name, m.cfg.Version, v.log
	cfg.Settings, cfg.Keeper = m.settings(v, who), m.cfg.Keeper
	cfg.Unasked, cfg.OnAccess = unasked, func(err error) { m.access(v, err) }
	cfg.Status = func() any { return who.client.Stats() }
	m.access(v, nil)
	mounted, err := m.mountOrGoOn(ctx, v, cfg)
	if err != nil {
		return err
	}
	m.mu.Lock()
	if v.root != root {
		v.kept = nil
	}
	v.mount, v.root = mounted, root
	m.counted[mounted] = true
	m.mu.Unlock()
	if who.another.Load() {
		mounted.KeepToItself()
	}
	m.work.Go(func() {
		select {
		case <-mounted.Done():
			m.forget(v, mounted, cmp.Or(mounted.Wait(), errors.New("somebody has unmounted it")))
			m.keepCounts(mounted)
		case <-m.life.Done(): // a container may hold on to it beyond that
		}
	})
	return nil
}

// forget takes a mount that has ended from v, if it still is v's. Why is for whoever asks.
func (m *Manager) forget(v *volume, mounted *mount.Mount, why error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v.mount == mounted {
		v.mount, v.failed = nil, why
	}
}

// access notes whether the server lets v's identity see the root. A refusal detaches this
// volume only: nothing of it is shown until the server lets the identity see it again.
func (m *Manager) access(v *volume, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v.refused = err
}

// makePoint makes the directory to mount on. One that a dead mount is on is there.
func makePoint(point string) error {
	err := os.Mkdir(point, 0o755)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return exitcode.Errorf(exitcode.Mountpoint, "", "the mountpoint cannot be made: %w", err)
}

// Secret returns the value of one secret: words say where, and as whom, in the words of a
// volume (project, env, path, identity), key what it is called there. Nothing is mounted. It is
// as new as it would be in a volume. The error is [secret.ErrNotFound] if the server says so.
func (m *Manager) Secret(ctx context.Context, words map[string]string, key string) (secret.Value, error) {
	means, err := m.parse(words, false)
	if err != nil {
		return secret.Value{}, err
	}
	if !means.Dir().IsFolder() {
		return secret.Value{}, exitcode.Errorf(exitcode.Config, "add env", "it is not said in which environment %q is", key)
	}
	ctx, end := m.within(ctx)
	defer end()
	who, err := m.identities.get(ctx, means.Identity)
	if err != nil {
		return secret.Value{}, err
	}
	dir, err := rootOf(ctx, who.client, means)
	if err != nil {
		return secret.Value{}, err
	}
	for _, need := range []secret.Need{secret.NeedEntry, secret.NeedProof} {
		folder, err := who.hub.Folder(ctx, dir, need)
		if err != nil {
			return secret.Value{}, err
		}
		if s, ok := folder.Secret(key); ok {
			return s.Value, s.Unreadable()
		}
	}
	return secret.Value{}, exitcode.Errorf(exitcode.NotFound, "", "%s has no secret %q: %w", dir, key, secret.ErrNotFound)
}
