package fs

import (
	"context"
	"time"
)

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
		for !wantsOut(thread) {
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
