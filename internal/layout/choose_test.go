package layout

import (
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

func TestChoosing(t *testing.T) {
	for _, tc := range []struct {
		include, exclude []string
		dev, payments    []string // names; nil: does not exist
	}{
		{nil, nil, []string{"GREETING", "payments/"}, []string{"STRIPE_KEY", "eu/"}},
		{[]string{"GREETING"}, nil, []string{"GREETING"}, nil},
		{[]string{"payments"}, nil, []string{"payments/"}, []string{"STRIPE_KEY", "eu/"}},
		{[]string{"payments/*_KEY"}, nil, []string{"payments/"}, []string{"STRIPE_KEY"}},
		{[]string{"payments/eu/iban"}, nil, []string{"payments/"}, []string{"eu/"}},
		{[]string{"**/*_KEY"}, nil, []string{"payments/"}, []string{"STRIPE_KEY", "eu/"}},
		{[]string{"**"}, []string{"payments/eu"}, []string{"GREETING", "payments/"}, []string{"STRIPE_KEY"}},
		{nil, []string{"payments"}, []string{"GREETING"}, nil},
		{nil, []string{"*"}, []string{}, nil},
		{[]string{"payments"}, []string{"**/STRIPE*"}, []string{"payments/"}, []string{"eu/"}},
	} {
		w := newWorld(func(c *Config) { c.Include, c.Exclude = patterns(tc.include...), patterns(tc.exclude...) })
		require.ElementsMatch(t, tc.dev, listed(w.folder(t, dev)), "%v but %v", tc.include, tc.exclude)
		if tc.payments != nil {
			require.ElementsMatch(t, tc.payments, listed(w.folder(t, payments)), "%v but %v", tc.include, tc.exclude)
			continue
		}
		_, err := w.Layout.Folder(t.Context(), payments, secret.NeedEntry)
		require.ErrorIs(t, err, secret.ErrNotFound)
	}
}

func listed(f *secret.Folder) []string {
	list := []string{}
	for _, s := range f.Secrets {
		list = append(list, s.Name)
	}
	for _, sub := range f.Folders {
		list = append(list, sub.Name+"/")
	}
	return list
}

func TestWhatWouldNotBeShownIsNotMade(t *testing.T) {
	w := newWorld(func(c *Config) { c.Include, c.Exclude = patterns("tls/*.key"), patterns("**/old*") })
	tls := dev.Child("tls")
	require.NoError(t, w.LeavesOut(tls, "server.key", false))
	require.NoError(t, w.LeavesOut(dev, "tls", true))
	require.ErrorIs(t, w.LeavesOut(dev, "tls", false), secret.ErrProtected)
	require.ErrorIs(t, w.LeavesOut(tls, "server.crt", false), secret.ErrProtected)
	require.ErrorIs(t, w.LeavesOut(tls, "old.key", false), secret.ErrProtected)
	require.ErrorIs(t, w.LeavesOut(dev, "other", true), secret.ErrProtected)
}

// News of what is not shown is no above.
func TestNewsOfWhatIsLeftOut(t *testing.T) {
	w := newWorld(func(c *Config) { c.Exclude = patterns("payments", "GREETING") })
	_, ok := w.Change(secret.Change{Dir: eu, Deep: true})
	require.False(t, ok)

	before, err := w.Fetch(t.Context(), dev, nil)
	require.NoError(t, err)
	w.Set(dev, "GREETING", "other")
	w.Set(dev, "NEW", "1")
	after, err := w.Fetch(t.Context(), dev, nil)
	require.NoError(t, err)
	above, ok := w.Change(secret.Change{Dir: dev, Old: before, New: after})
	require.True(t, ok)
	require.Empty(t, values(above.Old))
	require.Equal(t, map[string]string{"NEW": "1"}, values(above.New))

	_, ok = w.Change(secret.Change{Deep: true, Err: secret.ErrUnauthenticated})
	require.True(t, ok, "above about everything is about this too")
}
