package pagecache

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
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

// Another date of the same bytes is shown, and takes nothing from who reads them: not
// when an answer has it, nor when it is heard of.
func TestAnotherDateOutdatesNobody(t *testing.T) {
	for what, learn := range map[string]func(f *File, dated *secret.Secret){
		"answered": func(f *File, dated *secret.Secret) {
			served, waiting := f.TellSize(dated, false)
			require.Same(t, dated, served)
			require.False(t, waiting)
		},
		"heard of": func(f *File, dated *secret.Secret) { f.SetNewest(dated) },
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var f File
				epoch := openedWith(t, &f, "v")
				dated := versionOf("v")
				dated.Updated = time.Now()
				learn(&f, dated)
				<-time.After(2 * ReaderWait)
				asked := false
				f.Publish(func() { t.Error("the pages are of these bytes") }, func() { asked = true })
				require.True(t, asked, "which date the file has now")
				require.False(t, f.Outdated(epoch))
				served, _ := f.Serve(dated, false)
				require.Same(t, dated, served)
			})
		})
	}
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
