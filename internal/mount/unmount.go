package mount

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/moby/sys/mountinfo"

	"infisicalfs/internal/attach"
	"infisicalfs/internal/blocking"
	"infisicalfs/internal/control"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mounttable"
)

// Unmounted is what became of a mount that was taken out of the tree.
type Unmounted struct {
	Mountpoint string
	PID        int                 // of the process behind it, 0 if that is not known
	Goes       bool                // the process goes on: somebody else has the mount
	Holders    []mounttable.Holder // who, as far as this process may see
}

// Unmount removes the mount of ours at mountpoint, of whatever process, live or
// stale, and waits for the end of that process. Before it does, what exists nowhere
// else is sent; while some of that is left the mount stays, and the error names it,
// unless it is to be discarded. One that is in use stays too: after a second of
// trying again, the error says so. It is an *exitcode.Error with code Mountpoint, Denied for
// a mount of another user, or FUSE without fusermount3.
//
// A mount that is also in another mount namespace, or bound to another place, is
// taken out of the tree and goes on there.
func Unmount(ctx context.Context, mountpoint string, discard bool) (Unmounted, error) {
	top, err := findOurs(ctx, mountpoint)
	if err != nil {
		return Unmounted{}, err
	}
	if err := uncovered(top); err != nil {
		return Unmounted{}, err
	}
	if err := mayUnmount(top); err != nil {
		return Unmounted{}, err
	}
	result := Unmounted{Mountpoint: top.Mountpoint}
	from, err := nothingIsLost(ctx, top, discard)
	if err != nil {
		return result, err
	}
	process, err := watchProcess(from.PID)
	if err != nil || from.PID == os.Getpid() {
		return result, takeOut(ctx, top) // nobody to wait for is known, or it is us
	}
	defer process.close()
	result.PID = from.PID
	if err := takeOut(ctx, top); err != nil {
		return result, err
	}
	if !process.endsWithin(ctx, lettingGo) && listens(ctx, behind(top), from) {
		result.Goes, result.Holders = true, mounttable.Holders(top.Minor)[top.Minor]
	}
	return result, nil
}

// listens reports whether the process still serves the mount, and is not just
// finishing: sending what is left, giving its token back. The number of the
// connection may be another mount's by then.
func listens(ctx context.Context, of control.Target, process control.Peer) bool {
	_, now, err := askStatus(ctx, of)
	return err == nil && now == process
}

// nothingIsLost has the mount's process send what exists nowhere else, or forget
// it. The error says what is left. It returns who was asked.
func nothingIsLost(ctx context.Context, m *mountinfo.Info, discard bool) (control.Peer, error) {
	call, left := callSend, []Text(nil)
	if discard {
		call = callDiscard
	}
	ctx, cancel := context.WithTimeout(ctx, sendFor+blocking.LookTimeout)
	defer cancel()
	from, err := control.Ask(ctx, behind(m), call, nil, &left)
	switch {
	case len(left) > 0:
		return from, unsentError(m.Mountpoint, left)
	case err == nil || discard:
		return from, nil
	case errors.Is(err, control.ErrNoSocket):
		return from, nothingIsSeen(ctx, m.Mountpoint)
	}
	return from, exitcode.Errorf(exitcode.Mountpoint, "infisicalfs unmount --discard "+m.Mountpoint+" unmounts it all the same",
		"it is not known what %s has that is only here: %w", m.Mountpoint, asked(err, m.Mountpoint))
}

// nothingIsSeen is nothingIsLost for a process that can be asked only through its
// mount, or is dead. Nothing is sent.
func nothingIsSeen(ctx context.Context, point string) error {
	if errors.Is(attach.Probe(ctx, point), syscall.ENOTCONN) {
		return nil
	}
	if _, err := statusFile(ctx, point); errors.Is(err, syscall.ENOTSUP) {
		return nil // --kernel-cache=full: nothing can be written
	}
	s, err := readStatus(ctx, point)
	if err != nil {
		return exitcode.Errorf(exitcode.Mountpoint, "infisicalfs unmount --discard "+point+" unmounts it all the same",
			"it is not known what %s has that is only here: %w", point, err)
	}
	if w := s.FS.Writes; w != nil && len(w.Unsent) > 0 {
		return unsentError(point, w.Unsent)
	}
	return nil
}

// namedTexts is how many texts an error names.
const namedTexts = 20

func unsentError(point string, left []Text) error {
	var names []string
	for _, t := range left[:min(len(left), namedTexts)] {
		names = append(names, fmt.Sprintf("%s (%d bytes, %s)", t.Path, t.Size, t.Why))
	}
	if more := len(left) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return exitcode.Errorf(exitcode.Mountpoint, "'infisicalfs rejected list "+point+"' and 'rejected get' save what was refused, cp what has a name in the mount; 'unmount --discard' gives all of it up",
		"%s has text that is nowhere else: %s", point, strings.Join(names, ", "))
}

// takeOut unmounts cleanly.
func takeOut(ctx context.Context, m *mountinfo.Info) error {
	var err error
	point := m.Mountpoint
	// Whoever closed a file just now may still be on the way out.
	for pause := 10 * time.Millisecond; ; pause *= 2 {
		err = attach.Unmount(ctx, point, attach.Cleanly)
		if err == nil {
			return nil
		}
		if exitcode.Of(err) == exitcode.FUSE {
			return err
		}
		if pause > 640*time.Millisecond || !waited(ctx, pause) {
			break
		}
	}
	if _, gone := findOurs(ctx, point); gone != nil {
		return nil // somebody else was faster
	}
	const anyCase = "; ending the infisicalfs process unmounts in any case"
	if who := usedHere(m); who != "" {
		return exitcode.Errorf(exitcode.Mountpoint, "end what uses it, or leave its directories"+anyCase, "%s cannot be unmounted: %w: it is used by %s", point, err, who)
	}
	return exitcode.Errorf(exitcode.Mountpoint, "fuser -vm "+point+" shows who uses it"+anyCase, "%s cannot be unmounted: %w", point, err)
}

// usedHere names what keeps m from being unmounted: mounts inside of it, and processes
// that have something of it. "" if nobody is seen.
func usedHere(m *mountinfo.Info) string {
	var all []string
	if mounts, err := mounttable.Read(); err == nil {
		for _, inside := range mounts {
			if inside.Parent == m.ID {
				all = append(all, "the mount "+inside.Mountpoint)
			}
		}
	}
	if users := mounttable.HeldBy(mounttable.Users(m.Minor)[m.Minor]); users != "" {
		all = append(all, users)
	}
	return strings.Join(all, ", ")
}

// findOurs returns the mount of ours at mountpoint without touching it, also if
// something else is mounted on top of it.
func findOurs(ctx context.Context, mountpoint string) (*mountinfo.Info, error) {
	mounts, err := mounttable.Read()
	if err != nil {
		return nil, err
	}
	point, err := attach.Resolve(ctx, mounts, mountpoint)
	if err != nil {
		return nil, err
	}
	found := mounts.At(point)
	if found == nil {
		return nil, exitcode.Errorf(exitcode.Mountpoint, "infisicalfs status lists the mounts", "%s is not mounted", point)
	}
	for m := found; m != nil; m = mounts.Below(m) {
		if mounttable.Ours(m) {
			return m, nil
		}
	}
	return nil, exitcode.Errorf(exitcode.Mountpoint, "use umount for it", "%s is a mount of %s, not of infisicalfs", point, found.FSType)
}

// uncovered fails if something else is mounted on top of m.
func uncovered(m *mountinfo.Info) error {
	mounts, err := mounttable.Read()
	if err != nil {
		return err
	}
	if top := mounts.At(m.Mountpoint); top != nil && !mounttable.Ours(top) {
		return exitcode.Errorf(exitcode.Mountpoint, "umount "+m.Mountpoint+" first", "%s cannot be unmounted: a mount of %s is on top of it", m.Mountpoint, top.FSType)
	}
	return nil
}

// mayUnmount refuses what fusermount3 would refuse in other words.
func mayUnmount(m *mountinfo.Info) error {
	if me := os.Geteuid(); me == 0 || mounttable.Describe(m).UID == me {
		return nil
	}
	return &exitcode.Error{Err: errors.New(m.Mountpoint + " belongs to another user"), Hint: "unmount it as that user or as root", Code: exitcode.Denied}
}

// waited pauses, and reports false if ctx ended first.
func waited(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
