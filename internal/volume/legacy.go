package volume

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"

	"infisicalfs/internal/mount"
)

// Whoever keeps descriptors (Config.Keeper) is given those of each volume's connection, so
// that the volumes outlive their process: who uses them waits for the next one. This file says which
// of them the next one goes on with, and when there is one.

// takeLegacies has the volumes that are used go on with what was left of them. What was left of
// others ends: it would hang.
func (m *Manager) takeLegacies() {
	m.legacies = map[string]*mount.Legacy{}
	for name, l := range m.cfg.Legacies {
		if v := m.volumes[name]; v == nil || len(v.users) == 0 || v.means == nil {
			l.GiveUp(errors.New("nobody uses the volume any more"))
			continue
		}
		m.legacies[name] = l
	}
}

// legacy returns what was left of v, once; nil if nothing was.
func (m *Manager) legacy(v *volume) *mount.Legacy {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.legacies[v.name]
	delete(m.legacies, v.name)
	return l
}

// mountOrGoOn mounts v as cfg says, or goes on with what was left of it.
func (m *Manager) mountOrGoOn(ctx context.Context, v *volume, cfg mount.Config) (*mount.Mount, error) {
	left := m.legacy(v)
	if left.Fits(cfg) {
		mounted, err := mount.GoOn(cfg, left)
		if err == nil {
			m.work.Go(func() { mounted.Keep() }) // the manager has it, and others wait to be served
			return mounted, nil
		}
		v.log.Warn("a new mount is made", "error", err)
	}
	if err := makePoint(v.point); err != nil {
		return nil, err
	}
	mounted, err := mount.New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if mounted.Keep() && left == nil && len(m.cfg.Legacies) > 0 && cfg.Unasked {
		v.log.Warn("a new mount was made: nothing of the volume was kept; in a unit FileDescriptorStoreMax= is to be three for each")
	}
	return mounted, nil
}

// settings stand for all that makes a volume's mount what it is, and for who logs in. A process goes on only with what
// has the same. Where it is not known who that is they are empty, and nobody goes on.
func (m *Manager) settings(v *volume, who *identity) string {
	if who.who == "" {
		return ""
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %s %s %s\n", who.client.Server(), who.who, m.ttl(), m.maxStale())
	for _, word := range slices.Sorted(maps.Keys(v.words)) {
		fmt.Fprintf(sum, "%s=%q\n", word, v.words[word])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// followed reports whether the next process of the service is about to start.
func (m *Manager) followed() bool {
	if !m.cfg.Keeper.Present() {
		return false
	}
	followed, err := m.cfg.Keeper.Followed(context.Background(), 0) // what is not kept is dead, as without it
	if err != nil {
		m.log.Warn("whether the service is restarted is not known, so its volumes are dead until it starts", "error", err)
	}
	return followed
}
