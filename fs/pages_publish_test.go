package fs

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// A file whose turn to be published comes late, because others were waited for,
// may be open in the new version by then: that stays.
func TestWhoHasTheNewestVersionOpenIsNotOutdated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &secret.Secret{Name: "KEY", Value: secret.NewValue("new")}
		var p pages
		p.newest(s)
		var h handle
		p.open(&h, s)
		require.True(t, h.cached)
		require.False(t, p.late(), "there is nobody to wait for")
		p.renew(func() { t.Error("the pages are of the newest version") }, func() {})
		require.False(t, p.outdated(&h))
	})
}

// The same for the old version: it is waited for, and then outdated.
func TestWhoHasAnOldVersionOpenIsOutdatedAfterAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pages
		var h handle
		p.open(&h, &secret.Secret{Name: "KEY", Value: secret.NewValue("old")})
		p.newest(&secret.Secret{Name: "KEY", Value: secret.NewValue("new")})
		require.True(t, p.late())
		began, dropped := time.Now(), false
		p.wait(began.Add(changeWaits))
		require.Equal(t, changeWaits, time.Since(began))
		p.renew(func() { dropped = true }, func() {})
		require.True(t, dropped)
		require.True(t, p.outdated(&h))
	})
}
