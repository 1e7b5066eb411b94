package pagecache

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// opened tells the kernel the size of a version and opens it, with the cache.
func openedWith(t *testing.T, f *File, value string) (epoch uint64) {
	s := versionOf(value)
	f.TellSize(s, false)
	epoch = f.Epoch()
	require.True(t, f.Open(epoch, s).Cached())
	return epoch
}

// A file whose turn to be published comes late, because others were waited for,
// may be open in the new version by then: that stays.
func TestWhoHasTheNewestVersionOpenIsNotOutdated(t *testing.T) {
	var f File
	epoch := openedWith(t, &f, "new")
	f.SetNewest(versionOf("new"))
	asked := false
	f.Publish(func() { t.Error("the pages are of the newest version") }, func() { asked = true })
	require.True(t, asked)
	require.False(t, f.Outdated(epoch))
}

// How long a publication waits for the one that has the old version open.
func TestHowLongANewVersionWaits(t *testing.T) {
	for what, row := range map[string]struct {
		closes time.Duration // after which the reader closes; 0: never
		known  time.Duration // for how long the new version was known already
		waits  time.Duration
	}{
		"it never closes":          {0, 0, ReaderWait},
		"it closes":                {40 * time.Millisecond, 0, 40 * time.Millisecond},
		"it closes too late":       {time.Second, 0, ReaderWait},
		"known for a while":        {0, 100 * time.Millisecond, ReaderWait - 100*time.Millisecond},
		"known for long enough":    {0, time.Second, 0},
		"known, and closed before": {40 * time.Millisecond, 100 * time.Millisecond, 0},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var f File
				epoch := openedWith(t, &f, "old")
				f.SetNewest(versionOf("new"))
				if row.closes > 0 {
					time.AfterFunc(row.closes, f.Close)
				}
				<-time.After(row.known)
				began, forgot := time.Now(), false
				f.Publish(func() { forgot = true }, func() {})
				require.Equal(t, row.waits, time.Since(began))
				require.True(t, forgot)
				require.True(t, f.Outdated(epoch))
				<-time.After(2 * time.Second)
			})
		})
	}
}

// Who waits for readers of an old version does not wait for those of the newest.
func TestWaitForReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f File
		openedWith(t, &f, "v")
		began := time.Now()
		f.WaitForReaders()
		require.Zero(t, time.Since(began))
		f.SetNewest(nil)
		f.WaitForReaders()
		require.Equal(t, ReaderWait, time.Since(began))
	})
}
