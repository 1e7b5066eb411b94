package cache_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
)

// Every fault against every age of the snapshot: what does a caller get?
func TestFaultMatrix(t *testing.T) {
	const (
		cold   = iota // never seen
		fresh         // within the TTL
		stale         // past it
		tooOld        // past what may be shown, but known
		ages
	)
	name := [ages]string{"cold", "fresh", "stale", "too old"}
	hang := context.DeadlineExceeded // of the caller

	type want [ages]string // "value", "stale", "error"
	unreachable := want{"error", "value", "stale", "error"}
	refused := want{"error", "value", "error", "error"}
	for _, fault := range []struct {
		err  error
		want want
	}{
		{nil, want{"value", "value", "value", "value"}},
		{secret.ErrUnavailable, unreachable},
		{secret.ErrTimeout, unreachable},
		{secret.ErrRateLimited, unreachable},
		{hang, unreachable},
		{secret.ErrDenied, refused},
		{secret.ErrUnauthenticated, refused},
		{secret.ErrNotFound, refused},
	} {
		for age := range ages {
			label := "ok"
			if fault.err != nil {
				label = fault.err.Error()
			}
			t.Run(label+"/"+name[age], func(t *testing.T) {
				bubble(t, cache.Config{}, func(w *world) {
					switch age {
					case fresh:
						w.value(payments, "KEY")
						sleep(time.Minute - 1)
					case stale:
						w.value(payments, "KEY")
						sleep(10 * time.Minute)
					case tooOld:
						w.value(payments, "KEY")
						w.fake.FailAll(secret.ErrUnavailable)
						sleep(10 * time.Minute)
						w.value(payments, "KEY") // in use, so it is not dropped
						sleep(6 * time.Minute)
						require.Equal(w, 1, w.Stats().Snapshots)
					}
					w.fake.FailAll(fault.err)
					if fault.err == hang {
						w.fake.FailAll(nil)
						w.fake.Hang(true)
					}
					folder, err := w.Folder(timeout(w, 10*time.Second), payments, secret.NeedEntry)
					switch fault.want[age] {
					case "error":
						require.ErrorIs(w, err, fault.err)
						require.Nil(w, folder)
					default:
						require.NoError(w, err)
						require.Equal(w, fault.want[age] == "stale", folder.Stale)
					}
				})
			})
		}
	}
}
