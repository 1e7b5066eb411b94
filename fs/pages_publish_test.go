package fs

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// versionOpened is a handle with a version, on a file whose size the kernel was told.
func versionOpened(p *pages, value string) *handle {
	s := &secret.Secret{Name: "KEY", Value: secret.NewValue(value)}
	h := &handle{epoch: p.epoch.Load()}
	p.tell(s, false)
	p.open(h, s)
	return h
}

// A file whose turn to be published comes late, because others were waited for,
// may be open in the new version by then: that stays.
func TestWhoHasTheNewestVersionOpenIsNotOutdated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pages
		h := versionOpened(&p, "new")
		require.True(t, h.cached)
		p.newest(&secret.Secret{Name: "KEY", Value: secret.NewValue("new")})
		asked := false
		p.renew(func() { t.Error("the pages are of the newest version") }, func() { asked = true })
		require.True(t, asked)
		require.False(t, p.outdated(h))
	})
}

// The same for the old version: it is waited for, and then outdated.
func TestWhoHasAnOldVersionOpenIsOutdatedAfterAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pages
		h := versionOpened(&p, "old")
		p.newest(&secret.Secret{Name: "KEY", Value: secret.NewValue("new")})
		began, dropped := time.Now(), false
		p.renew(func() { dropped = true }, func() {})
		require.Equal(t, changeWaits, time.Since(began))
		require.True(t, dropped)
		require.True(t, p.outdated(h))
	})
}

// Nobody can know which of several sizes the kernel believes.
func TestAFileOfSeveralSizesIsNotCached(t *testing.T) {
	var p pages
	require.True(t, versionOpened(&p, "one").cached)
	p.close()
	require.False(t, versionOpened(&p, "the other").cached)
	require.False(t, versionOpened(&p, "the other").cached)
	var written pages
	written.beginWriting()
	written.endWriting()
	require.False(t, versionOpened(&written, "one").cached)
}
