package volume

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"infisicalfs/internal/mount"
	"infisicalfs/secret"
)

// Reload has each identity that volumes have log in with what Config.Login says now, and the
// server asked for everything anew. One that cannot goes on as it was, and the error says
// why; so does one whose server is another now, which its credentials are not for.
func (m *Manager) Reload(ctx context.Context) error {
	ctx, end := m.within(ctx)
	defer end()
	var failed []error
	for _, name := range m.identities.names() {
		if err := m.reloadOne(ctx, name); err != nil {
			if name != "" {
				err = fmt.Errorf("the identity %s: %w", name, err)
			}
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (m *Manager) reloadOne(ctx context.Context, name string) error {
	done, err := m.identities.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	who := m.identities.lookup(name)
	now, err := m.cfg.Login(name)
	if err != nil || who == nil {
		return err
	}
	if now.URL != who.url || now.Organization != who.organization {
		return fmt.Errorf("its server or organisation is another one now, which takes a new start: %w", secret.ErrInvalid)
	}
	before := who.client.SetHeaders(now.Headers)
	if err := who.client.Become(ctx, now.Auth); err != nil {
		who.client.SetHeaders(before) // without which a gateway may let nothing through
		return err
	}
	if now.who() != who.who {
		who.another.Store(true) // and what is mounted later sees it
	}
	for _, mounted := range m.mountedAs(name) {
		if who.another.Load() {
			mounted.KeepToItself()
		}
		if err := mounted.Refresh(); err != nil {
			return err
		}
	}
	return nil
}

// mountedAs are the mounts of an identity's volumes.
func (m *Manager) mountedAs(name string) (mounts []*mount.Mount) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.volumes {
		if v.mount != nil && v.account == nil && v.means != nil && v.means.Identity == name {
			mounts = append(mounts, v.mount)
		}
	}
	return mounts
}

// names are those of the identities that are in use.
func (l *identities) names() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.known))
}
