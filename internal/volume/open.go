package volume

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount"
	"infisicalfs/internal/options"
)

// restoredAtOnce is how many mounts are made side by side.
const restoredAtOnce = 8

// Open takes the state directory, prepares the base directory, and mounts what was mounted
// when the last Manager ended, in whatever way that was: a mount that was left to this process
// is gone on with, so that nobody notices, and a dead one is replaced in place.
// The server is not asked for that, so it may be away; what it says, readers hear. A volume
// that cannot be mounted is tried again in the background.
//
// The error is an *exitcode.Error: a state file that is damaged or of a later version, a directory
// that cannot be used, or another process that uses it. Then no mount was touched.
func Open(ctx context.Context, cfg Config) (*Manager, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	release, err := lockDir(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	records, err := readState(cfg.StateDir)
	if err == nil && cfg.BaseDir != "" {
		cfg.BaseDir, err = prepareBase(cfg.BaseDir, cfg.Log)
	}
	if err != nil {
		release()
		return nil, err
	}
	m := &Manager{cfg: cfg, log: cfg.Log, identities: newIdentities(cfg), release: release, volumes: map[string]*volume{}, clearing: map[string]chan struct{}{}, counted: map[*mount.Mount]bool{}}
	m.life, m.end = context.WithCancel(context.Background())
	for _, r := range records {
		m.volumes[r.Name] = m.volume(r)
	}
	m.takeLegacies()
	m.dropGone(ctx)
	if cfg.BaseDir != "" {
		clearLeftovers(ctx, cfg.BaseDir, func(name string) bool { v := m.volumes[name]; return v != nil && len(v.users) > 0 }, m.log)
	}
	m.restore(ctx)
	return m, nil
}

// volume makes a volume of what is kept of it.
func (m *Manager) volume(r record) *volume {
	v := &volume{
		name: r.Name, words: r.Words, created: r.Created, root: r.Root,
		point: filepath.Join(m.cfg.BaseDir, r.Name),
		log:   m.log.With("volume", r.Name),
		turn:  make(chan struct{}, 1), users: map[string]bool{},
	}
	if r.Account != nil {
		v.point, v.account, v.log = r.Target, r.Account, m.log.With("target", r.Target)
	}
	for _, id := range r.Users {
		v.users[id] = true
	}
	var err error
	if v.means, err = m.parse(r.Words, true); err != nil {
		v.failed = err
		v.log.Error("the options of the volume are not understood", "error", err)
	}
	return v
}

// parse says what words mean. Those of a volume that is there already may be from a time
// when longer times were allowed; they count as far as they are now.
func (m *Manager) parse(words map[string]string, known bool) (*options.Volume, error) {
	if known {
		words = options.TightenVolume(words, m.ttl(), m.maxStale())
	}
	return options.ParseVolume(words, m.ttl(), m.maxStale())
}

// A negative duration of a configuration means none at all.
func (m *Manager) ttl() time.Duration      { return max(m.cfg.Cache.TTL, 0) }
func (m *Manager) maxStale() time.Duration { return max(m.cfg.Cache.MaxStale, 0) }

// restore mounts all volumes that have users.
func (m *Manager) restore(ctx context.Context) {
	var group errgroup.Group
	group.SetLimit(restoredAtOnce)
	for _, v := range m.volumes {
		if len(v.users) == 0 || v.means == nil {
			continue
		}
		group.Go(func() error {
			if err := m.restoreOne(ctx, v); err != nil {
				v.log.Error("not mounted again", "error", err)
				m.work.Go(func() { m.keepRestoring(v) })
			}
			return nil
		})
	}
	group.Wait()
}

// restoreOne mounts a volume that has users, if it still has any and is not mounted.
func (m *Manager) restoreOne(ctx context.Context, v *volume) error {
	done, err := v.take(ctx)
	if err != nil {
		return err
	}
	defer done()
	m.mu.Lock()
	wanted, root := len(v.users) > 0 && v.mount == nil && m.volumes[v.name] == v, v.root
	m.mu.Unlock()
	if !wanted {
		return nil
	}
	if !root.IsFolder() && root.Project == "" { // it has never been mounted
		if root, err = m.find(ctx, v); err != nil {
			return m.note(v, err)
		}
	}
	return m.note(v, m.serve(ctx, v, root, true))
}

// note keeps, for who asks, why a volume is not mounted.
func (m *Manager) note(v *volume, err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	v.failed = err
	return err
}

// longestRest is between two tries to mount a volume again.
const longestRest = 30 * time.Second

func (m *Manager) keepRestoring(v *volume) {
	for rest := time.Second; ; rest = min(2*rest, longestRest) {
		select {
		case <-time.After(rest):
		case <-m.life.Done():
			return
		}
		ctx, cancel := context.WithTimeout(m.life, time.Minute)
		err := m.restoreOne(ctx, v)
		cancel()
		if err == nil {
			return
		}
		v.log.Warn("not mounted again", "error", err, slog.Duration("next_try_in", min(2*rest, longestRest)))
	}
}

// Close ends the service and leaves the mounts where they are. If the service manager is about
// to start the next process of the service, which goes on with them, whoever uses them waits for that.
// Otherwise they are dead, for the next Open to
// put live ones in their places: so what containers have bound goes on, which it would not
// after an unmount. It returns when nothing of the Manager is running any more.
func (m *Manager) Close() error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil
	}
	m.closed = true
	m.mu.Unlock()
	leave := (*mount.Mount).Leave
	if m.followed() {
		leave = (*mount.Mount).LeaveToNext
	}
	m.ends()
	m.end()
	var all sync.WaitGroup
	for _, v := range m.volumes { // nobody adds or removes any after closed
		all.Go(func() {
			v.turn <- struct{}{} // and nobody mounts it afterwards
			if mounted := m.mounted(v); mounted != nil {
				if err := leave(mounted); err != nil {
					v.log.Warn("the mount ends with the process", "error", err)
				}
			}
		})
	}
	all.Wait()
	m.work.Wait()
	m.identities.close()
	m.release()
	return nil
}

// errNotUnderstood is for volumes of another version.
func (v *volume) understood() error {
	if v.means != nil {
		return nil
	}
	return exitcode.Errorf(exitcode.Config, "remove the volume and create it anew", "the options of the volume %s are not understood", v.name)
}
