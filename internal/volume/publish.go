package volume

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"time"

	"infisicalfs/internal/exitcode"
)

// ErrConflict says that there is another volume at a target already, ErrTooMany that there are
// as many volumes as there may be.
var (
	ErrConflict = errors.New("another volume is there already")
	ErrTooMany  = errors.New("there are as many volumes as there may be")
)

// Publication is a volume at a path of the caller's, as a node of Kubernetes has them.
type Publication struct {
	Target string            // absolute; its parent exists, it is made and removed by the Manager
	ID     string            // what the caller calls the volume
	Words  map[string]string // as of [Manager.Create]
	Handed Handed            // as whom
}

// Publish mounts a volume at its target, unless it is mounted there, and takes in the credential
// that came with it, either way. It is an error if the server does not let the account see what
// the volume shows, or if that cannot be found out before ctx ends; then nothing is left behind.
//
// A volume that is mounted stays as it is, even if other words or another account come with it
// now, as after a change of what a cluster sends, and nobody is asked about it. So it may be
// published again as often as the caller likes: the only errors are those of words that cannot
// be meant, [ErrClosed], and the end of ctx. What has another ID is [ErrConflict].
func (m *Manager) Publish(ctx context.Context, p Publication) error {
	ctx, end := m.within(ctx)
	defer end()
	target, err := resolveTarget(ctx, p.Target)
	if err != nil {
		return err
	}
	v, done, err := m.place(ctx, target, p)
	if err != nil {
		return err
	}
	defer done()
	mounted := m.mounted(v)
	if mounted == nil || !isThere(v.point) { // somebody may still have what was taken out of the tree
		return m.publish(ctx, v, p)
	}
	if !p.Handed.Account.sameCredential(*v.account) {
		return nil
	}
	p.Handed.Account = *v.account
	if err := m.identities.prove(ctx, p.Handed); err != nil {
		v.log.Warn("a credential that is not let in is left out", "error", err)
		return nil
	}
	if first := m.hand(v.name, p.Handed); first { // readers have heard that nobody can log in
		if err := mounted.Refresh(); err != nil {
			v.log.Warn("what was not known before a credential came is asked for later", "error", err)
		}
	}
	return nil
}

// place returns the volume at target, and makes it if there is none. Its turn is the caller's,
// who calls done.
func (m *Manager) place(ctx context.Context, target string, p Publication) (v *volume, done func(), err error) {
	if m.cfg.LoginAs == nil {
		return nil, nil, exitcode.Errorf(exitcode.Config, "", "there is no log-in for the volume %s", p.ID)
	}
	if _, err := m.parse(p.Words, false); err != nil {
		return nil, nil, err
	}
	account, name := p.Handed.Account, targetName(target)
	fresh := m.volume(record{
		Name: name, Created: time.Now().UTC().Truncate(time.Second), Words: maps.Clone(p.Words), Target: target, Account: &account,
	})
	for {
		if err := m.add(ctx, fresh); err != nil {
			return nil, nil, err
		}
		v, done, err = m.begin(ctx, name)
		if errors.Is(err, ErrNotFound) { // it was removed meanwhile
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		m.mu.Lock()
		other := len(v.users) > 0 && !v.users[p.ID]
		m.mu.Unlock()
		same := maps.Equal(v.words, p.Words) && *v.account == account
		switch {
		case other:
			err = fmt.Errorf("%s: %w", target, ErrConflict)
		case same || m.mounted(v) != nil:
			return v, done, nil
		default:
			err = m.drop(v) // it could not be mounted as what it was
		}
		done()
		if err != nil {
			return nil, nil, err
		}
	}
}

// add has a volume be there, if there is none at its target. It is not on the disk yet. Who is
// clearing the target is waited for.
func (m *Manager) add(ctx context.Context, fresh *volume) error {
	for {
		m.mu.Lock()
		cleared := m.clearing[fresh.name]
		var err error
		switch {
		case m.closed:
			err = ErrClosed
		case cleared != nil || m.volumes[fresh.name] != nil:
		case len(m.volumes) >= m.cfg.MaxVolumes:
			err = fmt.Errorf("%w: %d", ErrTooMany, len(m.volumes))
		default:
			m.volumes[fresh.name] = fresh
		}
		m.mu.Unlock()
		if err != nil || cleared == nil {
			return err
		}
		if err := waitCleared(ctx, cleared); err != nil {
			return err
		}
	}
}

// publish mounts v, which is not mounted and whose turn the caller has. If that fails v is
// forgotten, unless it was there before.
func (m *Manager) publish(ctx context.Context, v *volume, p Publication) error {
	m.mu.Lock()
	fresh := len(v.users) == 0
	m.mu.Unlock()
	err := m.identities.prove(ctx, p.Handed)
	if err == nil {
		m.hand(v.name, p.Handed)
		err = m.mountAt(ctx, v, p.ID)
	}
	if err != nil && fresh {
		_ = os.Remove(v.point) // if it is empty, as it was made
		if err := m.drop(v); err != nil {
			v.log.Warn("the next start will look for a volume that is not there", "error", err)
		}
	}
	return err
}

// mountAt mounts v. What is to be there again after a crash is on the disk before.
func (m *Manager) mountAt(ctx context.Context, v *volume, id string) error {
	root, err := m.find(ctx, v)
	if err != nil {
		return err
	}
	err = m.commit(v, func() (func(), error) {
		known := v.users[id]
		v.users[id], v.root = true, root
		return func() { v.leave(id, !known) }, nil
	})
	if err != nil {
		return err
	}
	if err := makeTarget(v.point); err != nil {
		return err
	}
	return m.note(v, m.serve(ctx, v, root, false))
}

// drop takes v from the volumes, and ends the login of its account if that has no others.
func (m *Manager) drop(v *volume) error {
	err := m.commit(v, func() (func(), error) {
		delete(m.volumes, v.name)
		m.work.Add(1) // here, so that Close waits for it
		return func() { m.volumes[v.name] = v; m.work.Done() }, nil
	})
	if err != nil {
		return err
	}
	m.forgetHanded(v.name)
	end := m.identities.letGo(v.name, *v.account)
	go func() {
		defer m.work.Done()
		end()
	}()
	return nil
}

// Unpublish unmounts what is at target, and removes the directory. Nothing there is no
// error. After an error it may be called again.
func (m *Manager) Unpublish(ctx context.Context, target string) error {
	ctx, end := m.within(ctx)
	defer end()
	if resolved, err := resolveTarget(ctx, target); err == nil {
		target = resolved
	} else if exitcode.Of(err) != exitcode.Mountpoint {
		return err
	}
	for {
		v, done, err := m.begin(ctx, targetName(target))
		if err == nil {
			defer done()
			return m.unpublish(ctx, v)
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		// Not by this process, but one before may have left something.
		if done, err := m.vacate(ctx, target); done {
			return err
		}
	}
}

// unpublish takes v, whose turn the caller has, away from its target.
func (m *Manager) unpublish(ctx context.Context, v *volume) error {
	if mounted := m.mounted(v); mounted != nil {
		if err := mounted.Close(); err != nil {
			v.log.Warn("unmounting what lies on the volume", "error", err)
		}
	}
	if err := clearTarget(ctx, v.point); err != nil {
		return err
	}
	m.mu.Lock()
	v.mount = nil
	m.mu.Unlock()
	return m.drop(v)
}

// Published tells of the volume at target. It asks no server and touches no mount. The error is
// [ErrNotFound] if id has none there.
func (m *Manager) Published(ctx context.Context, target, id string) (Volume, error) {
	target, err := resolveTarget(ctx, target)
	if err != nil && ctx.Err() != nil { // else nothing can be published there
		return Volume{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.volumes[targetName(target)]
	if v == nil || !v.users[id] {
		return Volume{}, fmt.Errorf("%w: %s at %s", ErrNotFound, id, target)
	}
	return v.told(), nil
}

// targetName is what the volume at a path is called: the path is longer than a name may be.
func targetName(target string) string { return fmt.Sprintf("at-%x", sha256.Sum256([]byte(target))) }

// dropGone forgets volumes at paths where nothing of ours is mounted any more: the machine was
// started anew, or somebody has unmounted them. Whoever still wants such a volume
// publishes it again. The others have the credentials that were left of them. It is called before anybody else uses m.
func (m *Manager) dropGone(ctx context.Context) {
	left := m.receiveHanded(m.cfg.Left)
	for name, v := range m.volumes {
		if v.account == nil {
			continue
		}
		// One that was left is not asked: it waits for this process.
		if len(v.users) == 0 || m.legacies[name] == nil && !isDead(ctx, v.point) {
			delete(m.volumes, name)
			m.log.Info("a volume is not there any more", "target", v.point)
			continue
		}
		m.identities.put(name, *v.account, left[name])
		delete(left, name)
	}
	for name := range left { // nobody reads as these any more
		m.forgetHanded(name)
	}
}
