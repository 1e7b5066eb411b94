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

// Reload has each identity that volumes have log in with what Config.Login or Config.LoginAs says now, and
// the server asked for everything anew. One that cannot goes on as it was, and the error says
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
	for _, account := range m.identities.accounts() {
		if err := m.reloadAccount(ctx, account); err != nil {
			failed = append(failed, fmt.Errorf("the account %s: %w", account.Subject, err))
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
	return m.become(ctx, who, now, func(v *volume) bool {
		return v.account == nil && v.means != nil && v.means.Identity == name
	})
}

// reloadAccount is reloadOne for an account. Its credential stays the one that came with its
// volumes.
func (m *Manager) reloadAccount(ctx context.Context, account Account) error {
	done, err := m.identities.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	who := m.identities.lookupAccount(account)
	if who == nil { // its last volume is gone
		return nil
	}
	now, err := m.identities.loginAs(account)
	if err != nil {
		return err
	}
	return m.become(ctx, who, account.login(now), func(v *volume) bool { return v.account != nil && *v.account == account })
}

// become has who log in as now says, and what is mounted of it (is) asked for anew.
func (m *Manager) become(ctx context.Context, who *identity, now Login, is func(*volume) bool) error {
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
	for _, mounted := range m.mountsOf(is) {
		if who.another.Load() {
			mounted.KeepToItself()
		}
		if err := mounted.Refresh(); err != nil {
			return err
		}
	}
	return nil
}

// mountsOf are the mounts of the volumes that are meant. Is is called under the lock, and only looks at the volume.
func (m *Manager) mountsOf(is func(*volume) bool) (mounts []*mount.Mount) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.volumes {
		if v.mount != nil && is(v) {
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

// accounts are those that log in.
func (l *identities) accounts() (list []Account) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for account, over := range l.handed {
		if over.identity != nil {
			list = append(list, account)
		}
	}
	return list
}

// lookupAccount is the identity of an account, nil if it has none.
func (l *identities) lookupAccount(account Account) *identity {
	l.mu.Lock()
	defer l.mu.Unlock()
	if over := l.handed[account]; over != nil {
		return over.identity
	}
	return nil
}
