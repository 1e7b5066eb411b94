package fs

import (
	"context"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/caller"
)

// callerOf returns uid and thread of who makes the request.
func callerOf(ctx context.Context) fuse.Caller {
	if caller, ok := fuse.FromContext(ctx); ok {
		return *caller
	}
	return fuse.Caller{}
}

// processOf returns the process that makes the request, nobody if that cannot be
// found out.
func (f *FS) processOf(ctx context.Context) caller.Process { return f.callers.Of(callerOf(ctx).Pid) }

// patient returns a context for a change that the caller of ctx asked for. The
// kernel reports an interruption for each signal that the caller handles, and
// only the first; losing a write to the end of some child would help nobody, so
// the context ends only once the caller wants out. The caller calls stop.
func (f *FS) patient(ctx context.Context) (_ context.Context, stop context.CancelFunc) {
	patient, cancel := context.WithCancel(context.WithoutCancel(ctx))
	thread := callerOf(ctx).Pid
	go func() {
		select {
		case <-patient.Done():
			return
		case <-ctx.Done():
		}
		look := time.NewTicker(100 * time.Millisecond)
		defer look.Stop()
		for !caller.WantsOut(thread) {
			select {
			case <-patient.Done():
				return
			case <-look.C:
			}
		}
		cancel()
	}()
	return patient, cancel
}
