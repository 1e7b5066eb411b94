package folderqueue

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

var (
	dirA = secret.Dir{Project: "demo", Env: "dev", Path: "/a"}
	dirB = secret.Dir{Project: "demo", Env: "dev", Path: "/b"}
)

// Who comes first has the turn first, and two never have it at once.
func TestTurnsComeInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q Queue
		leave, err := q.Enter(t.Context(), dirA)
		require.NoError(t, err)
		var got []int
		var inside int
		for i := range 20 {
			go func() {
				leave, err := q.Enter(t.Context(), dirA)
				require.NoError(t, err)
				inside++
				require.Equal(t, 1, inside)
				got = append(got, i)
				<-time.After(time.Second) // virtual: somebody else could come in between
				inside--
				leave()
			}()
			synctest.Wait() // it is in the queue before the next one
		}
		require.Equal(t, 21, q.Len(dirA))
		require.Empty(t, got)
		leave()
		<-time.After(30 * time.Second)
		synctest.Wait()
		for i := range 20 {
			require.Equal(t, i, got[i])
		}
		require.Empty(t, q.folders)
	})
}

// What is blocked says who waits for whom.
func TestWhoWaits(t *testing.T) {
	for name, test := range map[string]struct {
		has, wants []secret.Dir
		waits      bool
	}{
		"the same folder":      {[]secret.Dir{dirA}, []secret.Dir{dirA}, true},
		"another folder":       {[]secret.Dir{dirA}, []secret.Dir{dirB}, false},
		"one of two":           {[]secret.Dir{dirB}, []secret.Dir{dirA, dirB}, true},
		"both, the other way":  {[]secret.Dir{dirA, dirB}, []secret.Dir{dirB, dirA}, true},
		"a folder below it":    {[]secret.Dir{dirA}, []secret.Dir{dirA.Child("c")}, false},
		"one folder, twice":    {nil, []secret.Dir{dirA, dirA}, false},
		"another environment":  {[]secret.Dir{dirA}, []secret.Dir{{Project: "demo", Env: "prod", Path: "/a"}}, false},
		"another project":      {[]secret.Dir{dirA}, []secret.Dir{{Project: "other", Env: "dev", Path: "/a"}}, false},
		"nothing":              {[]secret.Dir{dirA}, nil, false},
		"nobody has something": {nil, []secret.Dir{dirA, dirB}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var q Queue
				leave, err := q.Enter(t.Context(), test.has...)
				require.NoError(t, err)
				entered := false
				go func() {
					leave, err := q.Enter(t.Context(), test.wants...)
					require.NoError(t, err)
					entered = true
					leave()
				}()
				synctest.Wait()
				require.Equal(t, test.waits, !entered)
				leave()
				synctest.Wait()
				require.True(t, entered)
				require.Empty(t, q.folders, "nothing is kept of folders that nobody changes")
			})
		})
	}
}

// The caller's list is read and not sorted.
func TestTheListStaysTheCallers(t *testing.T) {
	var q Queue
	dirs := []secret.Dir{dirB, dirA, dirB}
	leave, err := q.Enter(t.Context(), dirs...)
	require.NoError(t, err)
	leave()
	require.Equal(t, []secret.Dir{dirB, dirA, dirB}, dirs)
}

// Who gives up, or has waited too long, has no turn and holds up nobody.
func TestGivingUp(t *testing.T) {
	for name, test := range map[string]struct {
		after time.Duration // that the context ends; 0: never
		takes time.Duration
		err   error
	}{
		"interrupted": {5 * time.Second, 5 * time.Second, context.DeadlineExceeded},
		"too long":    {0, Limit, secret.ErrTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var q Queue
				leave, err := q.Enter(t.Context(), dirB)
				require.NoError(t, err)
				ctx := t.Context()
				if test.after > 0 {
					var stop func()
					ctx, stop = context.WithTimeout(ctx, test.after)
					defer stop()
				}
				began := time.Now()
				_, err = q.Enter(ctx, dirA, dirB)
				require.ErrorIs(t, err, test.err)
				require.Equal(t, test.takes, time.Since(began))
				require.Equal(t, 0, q.Len(dirA), "it had that turn already")
				require.Equal(t, 1, q.Len(dirB))
				leave()
				require.Empty(t, q.folders)
			})
		})
	}
}

// Ending a turn twice does not end somebody else's.
func TestLeavingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q Queue
		leave, err := q.Enter(t.Context(), dirA)
		require.NoError(t, err)
		leave()
		other, err := q.Enter(t.Context(), dirA)
		require.NoError(t, err)
		leave()
		require.Equal(t, 1, q.Len(dirA))
		other()
		require.Empty(t, q.folders)
	})
}

// Those who want two folders in opposite orders do not wait for each other.
func TestNobodyWaitsInACircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q Queue
		var all sync.WaitGroup
		for i := range 100 {
			dirs := []secret.Dir{dirA, dirB}
			if i%2 == 0 {
				dirs = []secret.Dir{dirB, dirA}
			}
			all.Go(func() {
				leave, err := q.Enter(t.Context(), dirs...)
				require.NoError(t, err)
				<-time.After(time.Millisecond)
				leave()
			})
		}
		all.Wait()
		require.Empty(t, q.folders)
	})
}
