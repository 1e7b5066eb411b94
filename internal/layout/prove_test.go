package layout

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// asked notes which folders have to be right.
type asked struct {
	secret.Source
	proofs map[secret.Dir]bool
}

func (a *asked) Folder(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
	if need == secret.NeedProof {
		a.proofs[dir] = true
	}
	return a.Source.Folder(ctx, dir, need)
}

// Only who could give a name is asked about it, and who may not be asked counts
// only then.
func TestProofOfOneName(t *testing.T) {
	jobs := dev.Child("jobs")
	for _, c := range []struct {
		name  string
		have  bool
		asked []secret.Dir
	}{
		{".git", false, []secret.Dir{dev}},
		{"GREETING", true, []secret.Dir{dev}},
		{"payments__NOTHING", false, []secret.Dir{dev, payments}},
		{"payments__eu__iban", true, []secret.Dir{dev, payments, eu}},
		{"payments__eu", false, []secret.Dir{dev, payments}},
		{"paymentsX", false, []secret.Dir{dev}},
	} {
		w := newWorld(flatten)
		w.Mkdir(jobs)
		w.Fail(jobs, secret.ErrDenied)
		below := &asked{w.Fake, map[secret.Dir]bool{}}
		w.Layout.below = below
		f, err := w.Prove(t.Context(), dev, c.name)
		require.NoError(t, err, c.name)
		require.NoError(t, f.Denied, c.name)
		require.True(t, f.Partial, "others are not looked for")
		_, ok := f.Secret(c.name)
		require.Equal(t, c.have, ok, c.name)
		want := map[secret.Dir]bool{}
		for _, dir := range c.asked {
			want[dir] = true
		}
		require.Equal(t, want, below.proofs, c.name)
	}

	w := newWorld(flatten)
	w.Mkdir(jobs)
	w.Fail(jobs, secret.ErrDenied)
	f, err := w.Prove(t.Context(), dev, "jobs__KEY")
	require.NoError(t, err)
	require.ErrorIs(t, f.Denied, secret.ErrDenied, "it may be there")
	w.Fail(jobs, secret.ErrUnavailable)
	_, err = w.Prove(t.Context(), dev, "jobs__KEY")
	require.ErrorIs(t, err, secret.ErrUnavailable)
}

// Names are compared as they are shown.
func TestProofOfAChangedName(t *testing.T) {
	w := newWorld(func(c *Config) { c.Flat, c.Names, c.Separator = true, Upper, "." })
	f, err := w.Prove(t.Context(), dev, "PAYMENTS.EU.IBAN")
	require.NoError(t, err)
	_, ok := f.Secret("PAYMENTS.EU.IBAN")
	require.True(t, ok)
}

// Elsewhere a proof is of everything.
func TestProofWithoutFlat(t *testing.T) {
	w := newWorld(func(c *Config) { c.Names = Lower })
	f, err := w.Prove(t.Context(), payments, "stripe_key")
	require.NoError(t, err)
	require.False(t, f.Partial)
	require.Contains(t, values(f), "stripe_key")
}
