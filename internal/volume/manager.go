package volume

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"infisicalfs/internal/mount"
	"infisicalfs/internal/options"
	"infisicalfs/secret"
)

// ErrNotFound says that there is no volume of that name, ErrInUse that somebody has it
// mounted, ErrClosed that the Manager has been closed.
var (
	ErrNotFound = errors.New("there is no such volume")
	ErrInUse    = errors.New("the volume is in use")
	ErrClosed   = errors.New("the service is ending")
)

// Manager serves volumes. All methods are safe for concurrent use.
type Manager struct {
	cfg        Config
	log        *slog.Logger
	identities *identities
	release    func() // lets others use the state directory

	life context.Context // ends with Close
	end  context.CancelFunc
	work sync.WaitGroup // goroutines that end with life, or with a mount

	mu         sync.Mutex // guards all below and what volumes say it guards; nothing that waits happens under it
	volumes    map[string]*volume
	clearing   map[string]chan struct{} // targets at which no volume is and that somebody clears, by the names that volumes there would have; each is closed at the end of that
	counted    map[*mount.Mount]bool    // mounts whose counts are not among those of past ones yet
	past       FileCounts               // of mounts that have ended
	legacies   map[string]*mount.Legacy // by the names of volumes: what nobody serves yet
	supervised bool                     // a service manager was told of the volumes
	changes    uint64                   // counts what changed in the state
	closed     bool

	saving sync.Mutex // held while the state is written, so that an older one cannot replace it
	saved  uint64     // how many changes are on the disk; guarded by saving
}

// volume is one volume.
type volume struct {
	name    string
	words   map[string]string
	created time.Time
	point   string
	account *Account        // whose credentials come with the volume, which is at a path of the caller's; nil: it is one of those with names
	means   *options.Volume // the words; nil if they could not be understood
	log     *slog.Logger

	turn chan struct{} // semaphore of who mounts or unmounts it

	// Guarded by Manager.mu.
	users   map[string]bool
	root    secret.Dir
	mount   *mount.Mount // nil: not mounted
	kept    []byte       // its record as it is written into the state; nil: to be encoded again
	refused error        // the server does not let the identity see the root
	failed  error        // why it is not mounted although it has users
}

// Volume is what is told of a volume.
type Volume struct {
	Name       string
	Mountpoint string // also before it is mounted
	CreatedAt  time.Time
	// Status is fit for JSON and for people, and has no secret in it.
	Status map[string]any
}

// Get tells of one volume. It never asks a server. The error is [ErrNotFound].
func (m *Manager) Get(name string) (Volume, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.volumes[name]
	if v == nil {
		return Volume{}, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	return v.told(), nil
}

// List tells of all volumes, by name. It never asks a server.
func (m *Manager) List() []Volume {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]Volume, 0, len(m.volumes))
	for _, v := range m.volumes {
		list = append(list, v.told())
	}
	slices.SortFunc(list, func(a, b Volume) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// told is what is told of v. [Manager.mu] is held.
func (v *volume) told() Volume {
	status := map[string]any{"mounted": v.mount != nil, "users": len(v.users), "words": maps.Clone(v.words)}
	if v.root != (secret.Dir{}) {
		status["root"] = v.root.String()
	}
	if v.refused != nil {
		status["refused"] = oneLine(v.refused)
	}
	if v.failed != nil {
		status["failed"] = oneLine(v.failed)
	}
	return Volume{v.name, v.point, v.created, status}
}

// commit changes what is kept of v, and returns when that is on the disk. If it cannot be
// written there the change is taken back. Both functions are called with [Manager.mu] held; an
// error of change changes nothing.
func (m *Manager) commit(v *volume, change func() (undo func(), err error)) error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return ErrClosed
	}
	undo, err := change()
	v.kept = nil
	m.changes++
	mine := m.changes
	m.mu.Unlock()
	if err != nil {
		return err
	}
	err = m.save(mine)
	if err != nil && undo != nil {
		m.mu.Lock()
		undo()
		v.kept = nil
		m.mu.Unlock()
	}
	return err
}

// save writes the state with at least so many changes in it.
func (m *Manager) save(changes uint64) error {
	m.saving.Lock()
	defer m.saving.Unlock()
	if m.saved >= changes {
		return nil // somebody else wrote it meanwhile
	}
	m.mu.Lock()
	now := m.changes
	records, err := m.records()
	m.mu.Unlock()
	if err == nil {
		err = writeState(m.cfg.StateDir, records)
	}
	if err != nil {
		return err
	}
	m.saved = now
	return nil
}

// records are those of all volumes, by name. Only what has changed is encoded: of a thousand
// volumes that is one. [Manager.mu] is held.
func (m *Manager) records() (list [][]byte, err error) {
	for _, name := range slices.Sorted(maps.Keys(m.volumes)) {
		v := m.volumes[name]
		if v.kept == nil {
			if v.kept, err = v.record().encode(); err != nil {
				return nil, err
			}
		}
		list = append(list, v.kept)
	}
	return list, nil
}

// record is what is kept of v. [Manager.mu] is held.
func (v *volume) record() record {
	r := record{Name: v.name, Created: v.created, Words: v.words, Users: slices.Sorted(maps.Keys(v.users)), Root: v.root, Account: v.account}
	if v.account != nil {
		r.Target = v.point
	}
	return r
}

// oneLine is an error's text for where there is one line.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
