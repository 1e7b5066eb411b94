package mount

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"infisicalfs/fs"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/blocking"
	"infisicalfs/internal/mount/internal/handover"
	"infisicalfs/internal/mount/internal/journal"
	"infisicalfs/internal/mount/internal/kernelstate"
	"infisicalfs/internal/mounttable"
	"infisicalfs/internal/systemd"
)

// Legacy is a live mount that nobody serves: an earlier process of this process's unit
// has left it with the keeper, see [Mount.Finish], or was killed. Everybody who
// uses the mount waits, so it is to be gone on with, by [GoOn], before anything else is done, or given
// up. All methods may be called of a nil one, which is none.
type Legacy struct {
	legacy
	keeper  Keeper
	volume  string // what the mount is called
	device  int
	journal *journal.Journal
	kernel  *kernelstate.State // what the kernel holds
	known   int                // see package known; negative: nothing
	clean   bool               // the process before has come to an orderly end: what it read it has answered
	log     *slog.Logger

	limit *time.Timer
	over  sync.Once // it is gone on with, or given up
}

// waitFor is how long nobody serves a mount that was left before it is given up. Nobody
// who uses it waits longer.
const waitFor = 10 * time.Second

// How many processes in a row may come to nothing that try to go on with a mount, and how
// long one has to have served it to be another case.
const (
	maxTries = 20
	doesWell = 2 * time.Second
)

// blobTries is what the journal has as many bytes under as processes have tried.
const blobTries = "tries"

// ReceiveLegacy is [ReceiveLegacies] for a process with one mount, which has no name; nil if
// nothing was left of that. Mounts with names are given up.
func ReceiveLegacy(log *slog.Logger) *Legacy {
	all, others := ReceiveLegacies(ServiceManager{}, log)
	for _, d := range others {
		unix.Close(d.FD)
	}
	for volume, l := range all {
		if volume != "" {
			l.GiveUp(errors.New("this process has no mounts with names"))
		}
	}
	return all[""]
}

// ReceiveLegacies returns what an earlier process of the unit has left, by [Config.Volume],
// and what else the keeper has handed over, such as sockets, which is the caller's to close. Call it
// once, and before any other program is started. What nobody can go on with is given
// up here; each that is returned gives itself up after ten seconds.
func ReceiveLegacies(from Keeper, log *slog.Logger) (all map[string]*Legacy, others []systemd.Descriptor) {
	left := map[string]map[string]int{} // descriptors by mount and kind
	for _, d := range from.Received() {
		kind, volume := keptOf(d.Name)
		if kind == "" {
			others = append(others, d)
			continue
		}
		if _, twice := left[volume][kind]; twice || kind == keptDevice && attach.CheckDescriptor(d.FD) != nil {
			unix.Close(d.FD)
			continue
		}
		if left[volume] == nil {
			left[volume] = map[string]int{}
		}
		left[volume][kind] = d.FD
	}
	all = map[string]*Legacy{}
	for volume, descriptors := range left {
		if l := newLegacy(from, volume, descriptors, log); l != nil {
			all[volume] = l
		}
	}
	return all, others
}

// newLegacy takes over descriptors by kind; nil if they are given up.
func newLegacy(from Keeper, volume string, descriptors map[string]int, log *slog.Logger) *Legacy {
	take := func(kind string) int {
		if fd, ok := descriptors[kind]; ok {
			return fd
		}
		return -1
	}
	l := &Legacy{keeper: from, volume: volume, device: take(keptDevice), known: take(keptKnown), log: log}
	if err := l.read(take(keptState)); err != nil {
		l.GiveUp(err)
		return nil
	}
	l.limit = time.AfterFunc(waitFor, func() { l.GiveUp(errors.New("nobody served it for " + waitFor.String())) })
	return l
}

// read looks at what was left, without asking the mount anything. The descriptor is l's
// from now on.
func (l *Legacy) read(state int) error {
	if l.device < 0 || state < 0 {
		if state >= 0 {
			unix.Close(state)
		}
		return errors.New("a part of it is missing")
	}
	j, left, err := journal.Open(state)
	if err != nil {
		return err
	}
	l.journal, l.kernel, l.clean = j, left.State, left.Clean
	if err := json.Unmarshal(left.Blobs[blobLegacy], &l.legacy); err != nil {
		return fmt.Errorf("what was left of it cannot be read: %w", err)
	}
	if !slices.Contains(handover.Formats, l.Format) {
		return fmt.Errorf("it was left by version %s, in another format", l.Version)
	}
	if !l.clean { // what it says of the estate an earlier process has said
		if l.Estate, err = fs.Recollect(left.Blobs); err != nil {
			return err
		}
	}
	tries := len(left.Blobs[blobTries])
	if tries >= maxTries {
		return fmt.Errorf("%d processes have tried to go on with it", tries)
	}
	return j.Put(blobTries, make([]byte, tries+1))
}

// GiveUp ends the mount, if nobody goes on with it yet, because of an error that is
// logged. What remains in the tree is as if its process had been killed: dead, until a
// new mount takes its place.
func (l *Legacy) GiveUp(why error) {
	if l == nil {
		return
	}
	l.over.Do(func() {
		l.log.Warn("the mount of an earlier process is given up", "mountpoint", l.Point, "error", why)
		l.end()
	})
}

// end ends the connection.
func (l *Legacy) end() {
	if l.limit != nil {
		l.limit.Stop()
	}
	if err := forgetKept(l.keeper, l.volume); err != nil {
		l.log.Warn("what nobody needs any more stays kept", "error", err)
	}
	if l.Connection != 0 && l.ours() == nil {
		if err := attach.Sever(l.Point, l.Connection); err != nil {
			l.log.Warn("the connection ends when nobody has it any more", "mountpoint", l.Point, "error", err)
		}
	}
	if l.device >= 0 {
		unix.Close(l.device)
	}
	if l.known >= 0 {
		unix.Close(l.known)
	}
	if l.journal != nil {
		l.journal.Close()
	}
}

// remove takes the dead mount out of the tree, where no other will take its place.
func (l *Legacy) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), blocking.LookTimeout)
	defer cancel()
	if mounts, err := mounttable.Read(); err == nil && mounts.Has(l.Point, l.Connection) {
		if err := attach.Unmount(ctx, l.Point, attach.Forcibly); err != nil {
			l.log.Warn("a dead mount stays behind", "mountpoint", l.Point, "error", err)
		}
	}
}

// ours fails if the connection is not that of the mount which was left, or the mount is
// not where it was. Nobody is asked but the kernel.
func (l *Legacy) ours() error {
	mounts, err := mounttable.Read()
	if err != nil {
		return err
	}
	if !mounts.Has(l.Point, l.Connection) {
		return fmt.Errorf("it is not mounted on %s any more", l.Point)
	}
	return isConnection(l.device, l.Connection)
}

// Fits reports whether the mount is what cfg describes: then it can be gone on with.
// Otherwise it is given up, so that a new one can be made in its place; cfg.Root counts
// only for the latter.
func (l *Legacy) Fits(cfg Config) bool {
	if l == nil {
		return false
	}
	asked, err := attach.Absolute(cfg.Mountpoint)
	switch {
	case err == nil && asked == l.Asked && cfg.Volume == l.volume && cfg.Settings == l.Settings && cfg.outlivable():
		return true
	case err == nil && asked != l.Asked:
		l.over.Do(func() {
			l.log.Warn("the mount of an earlier process ends: another mountpoint was said", "mountpoint", l.Point, "now", asked)
			l.end()
			l.remove()
		})
	default:
		l.GiveUp(errors.New("other settings were said"))
	}
	return false
}
