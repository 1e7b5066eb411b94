package mount

import (
	"context"
	"fmt"
	"slices"

	"github.com/moby/sys/mountinfo"

	"infisicalfs/internal/blocking"
	"infisicalfs/internal/control"
	"infisicalfs/internal/mounttable"
)

// behind is whom to ask about a mount of ours.
func behind(m *mountinfo.Info) control.Target {
	return control.Target{Connection: m.Minor, UID: mounttable.Describe(m).UID}
}

// askStatus asks the process behind a mount how it is doing. The error is
// [control.ErrNoSocket] if the tree is the only way to find out.
func askStatus(ctx context.Context, of control.Target) (s Status, from control.Peer, err error) {
	ctx, cancel := context.WithTimeout(ctx, blocking.LookTimeout)
	defer cancel()
	from, err = control.Ask(ctx, of, callStatus, nil, &s)
	return s, from, err
}

// Hidden is a process that serves a mount which is not in the mount table: it was
// unmounted here, and somebody else still has it, such as a container; or it was
// made in another mount namespace (Status.InTree), such as that of a command.
type Hidden struct {
	Status  Status              `json:"status"`
	Holders []mounttable.Holder `json:"holders"` // those that this process may see

	target control.Target
}

// HiddenMounts finds them: this user's, as root everybody's.
func HiddenMounts(ctx context.Context) ([]Hidden, error) {
	found, err := goingOn(ctx, func(mounts mounttable.Table, connection int) bool { return !mounts.Connected(connection) })
	return withHolders(found), err
}

// elsewhere finds the processes whose mount was at point and is there no longer. It
// may be bound to another place here.
func elsewhere(ctx context.Context, point string) []Hidden {
	found, err := goingOn(ctx, func(mounts mounttable.Table, connection int) bool { return !mounts.Has(point, connection) })
	if err != nil {
		return nil
	}
	return withHolders(slices.DeleteFunc(found, func(h Hidden) bool { return h.Status.Mountpoint != point || h.Status.InTree }))
}

// goingOn asks the processes that the mount table says this of. It does not say who
// holds their mounts.
func goingOn(ctx context.Context, is func(mounts mounttable.Table, connection int) bool) ([]Hidden, error) {
	mounts, err := mounttable.Read()
	if err != nil {
		return nil, err
	}
	var found []Hidden
	for _, target := range control.List() {
		if !is(mounts, target.Connection) {
			continue
		}
		s, _, err := askStatus(ctx, target)
		if err != nil {
			continue // it has ended, or is about to
		}
		found = append(found, Hidden{Status: s, target: target})
	}
	return found, nil
}

// withHolders says who has each.
func withHolders(found []Hidden) []Hidden {
	var connections []int
	for _, h := range found {
		connections = append(connections, h.target.Connection)
	}
	holders := mounttable.Holders(connections...)
	for i, connection := range connections {
		found[i].Holders = holders[connection]
	}
	return found
}

// stillServed notes the processes that serve an earlier mount of point, which
// somebody else has. They are left alone: what they show those is theirs to end.
func stillServed(ctx context.Context, point string) (notes []string) {
	for _, h := range elsewhere(ctx, point) {
		note := fmt.Sprintf("process %d still serves an earlier mount of %s", h.Status.PID, point)
		if who := mounttable.HeldBy(h.Holders); who != "" {
			note += ", held by " + who
		}
		notes = append(notes, note)
	}
	return notes
}

// UsedBy finds who has something of the mount of ours at mountpoint, or another
// instance of it, as far as this process may see. The mount is asked nothing.
func UsedBy(ctx context.Context, mountpoint string) ([]mounttable.Holder, error) {
	m, err := findOurs(ctx, mountpoint)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(mounttable.Holders(m.Minor)[m.Minor], func(h mounttable.Holder) bool {
		return h.PID == 0 && h.Mountpoint == m.Mountpoint
	}), nil
}
