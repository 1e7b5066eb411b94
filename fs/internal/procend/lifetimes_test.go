package procend

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/caller"
)

// However many things wait for a process, it is watched once, and until the last
// of them has let go.
func TestLifetimesWatchEachProcessOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		watches, stops := 0, 0
		var end func(How)
		m := Lifetimes{Watch: func(_ int, ended func(How)) (func(), error) {
			watches, end = watches+1, ended
			return func() { stops++ }, nil
		}}
		who := caller.Process{PID: 7}
		first, second := m.Of(who), m.Of(who)
		third := m.Retain(second)
		require.Same(t, first, second)
		require.Equal(t, []int{1, 1}, []int{watches, m.Watched()})
		require.False(t, first.Ended())

		time.Sleep(time.Second)
		at := time.Now()
		end(Killed)
		<-first.Over
		require.True(t, first.Ended())
		require.Equal(t, Killed, first.How)
		require.True(t, first.At.Equal(at))

		another := m.Of(who) // the number is used again
		require.NotSame(t, first, another)
		require.False(t, another.Ended())
		for _, l := range []*Lifetime{first, second, third} {
			require.Zero(t, stops)
			m.Release(l)
		}
		require.Equal(t, []int{1, 1}, []int{stops, m.Watched()}, "the other goes on")
		m.Release(another)
		m.Release(nil)
		require.Equal(t, []int{2, 0}, []int{stops, m.Watched()})
	})
}

// Of nobody, and of a process that cannot be watched, no end is ever known.
func TestLifetimesThatNobodyKnows(t *testing.T) {
	m := Lifetimes{Watch: func(int, func(How)) (func(), error) { return nil, errors.New("no pidfd") }}
	for _, who := range []caller.Process{{}, {PID: 7}} {
		l := m.Of(who)
		require.Equal(t, who, l.Who)
		require.False(t, l.Ended())
		m.Release(l)
		require.Zero(t, m.Watched())
	}
}
