package cache_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

func TestPartsConform(t *testing.T) {
	fake := secrettest.NewFake()
	fake.Set(dev, "GREETING", "hello")
	fake.Set(payments, "KEY", "one")
	c := cache.New(fake, cache.Config{Parts: true})
	defer c.Close()
	for name, root := range map[string]secret.Dir{"all": projects, "dev": dev} {
		p := c.Part(root, 0, 0)
		defer p.Close()
		t.Run(name, func(t *testing.T) {
			secrettest.TestSource(t, p, secrettest.Known{Dir: dev, Name: "GREETING", Value: "hello", Subfolder: "payments", Missing: dev.Child("missing")})
		})
	}
}

// sees wants a value out of a folder of a part, and says whether it is stale.
func (w *world) sees(p *cache.Part, dir secret.Dir, value string) (stale bool) {
	w.Helper()
	folder, err := p.Folder(w.Context(), dir, secret.NeedEntry)
	require.NoError(w, err)
	s, _ := folder.Secret("KEY")
	require.Equal(w, value, s.Value.Reveal())
	return folder.Stale
}

func TestPartsOfOneFolderShareItsRequests(t *testing.T) {
	bubble(t, cache.Config{Parts: true}, func(w *world) {
		require.Equal(w, secrettest.Calls{Fetch: 1}, w.calls(func() {
			for range 20 {
				w.sees(w.Part(payments, 0, 0), payments, "one")
			}
		}))
	})
}

// Neither listing nor polling two folders side by side asks for what is above them.
func TestNoRequestGoesAboveAPart(t *testing.T) {
	watching(t, cache.Config{Parts: true}, func(w *world) {
		for _, root := range []secret.Dir{payments, billing} {
			w.fake.Set(root.Child("eu"), "KEY", "eu")
			p := w.Part(root, 0, 0)
			for _, dir := range []secret.Dir{root, root.Child("eu")} {
				_, err := p.Folder(w.Context(), dir, secret.NeedListing)
				require.NoError(w, err)
			}
		}
		sleep(10 * time.Minute)
		polled := 0
		for _, r := range w.fake.Requests() {
			require.True(w, payments.Contains(r.Dir) || billing.Contains(r.Dir), "%s of %s", r.Kind, r.Dir)
			if r.Background {
				polled++
			}
		}
		require.LessOrEqual(w, polled, 2*11, "one for each part and interval")
		require.Greater(w, polled, 2*8)
	})
}

func TestAPartMayWantNewerAnswers(t *testing.T) {
	bubble(t, cache.Config{Parts: true, TTL: time.Minute}, func(w *world) {
		slow, quick, longer := w.Part(dev, 0, 0), w.Part(dev, 10*time.Second, 20*time.Second), w.Part(dev, time.Hour, 0)
		missing := func(p *cache.Part) error {
			_, err := p.Folder(w.Context(), dev.Child("missing"), secret.NeedEntry)
			return err
		}
		w.sees(slow, payments, "one")
		require.ErrorIs(w, missing(slow), secret.ErrNotFound)
		w.fake.Set(payments, "KEY", "two")
		w.fake.Set(dev.Child("missing"), "KEY", "come")
		sleep(11 * time.Second)
		w.sees(slow, payments, "one")
		require.ErrorIs(w, missing(slow), secret.ErrNotFound)
		w.sees(quick, payments, "two")
		require.NoError(w, missing(quick))
		w.sees(slow, payments, "two")

		w.fake.FailAll(secret.ErrUnavailable)
		sleep(11 * time.Second)
		require.True(w, w.sees(quick, payments, "two"), "it stands in")
		require.False(w, w.sees(slow, payments, "two"))
		sleep(20 * time.Second)
		_, err := quick.Folder(w.Context(), payments, secret.NeedEntry)
		require.ErrorIs(w, err, secret.ErrUnavailable, "its own max-stale is over")
		require.False(w, w.sees(slow, payments, "two"))
		sleep(30 * time.Second)
		require.True(w, w.sees(longer, payments, "two"), "nothing is believed for longer than the cache does")
	})
}

func TestAClosedPartTakesWithItWhatNobodyElseHas(t *testing.T) {
	watching(t, cache.Config{Parts: true}, func(w *world) {
		all, one, same := w.Part(payments, 0, 0), w.Part(billing, 0, 0), w.Part(billing, 0, 0)
		w.sees(all, payments, "one")
		w.sees(one, billing, "two")
		one.Close()
		one.Close()
		_, err := one.Folder(w.Context(), billing, secret.NeedEntry)
		require.ErrorIs(w, err, secret.ErrUnavailable)
		require.Equal(w, 2, w.Stats().Snapshots)
		w.sees(same, billing, "two")
		same.Close()
		require.Equal(w, 1, w.Stats().Snapshots)
		_, err = all.Folder(w.Context(), billing, secret.NeedEntry)
		require.ErrorIs(w, err, secret.ErrInvalid, "it is of another part")
		asked := len(w.fake.Requests())
		sleep(10 * time.Minute)
		for _, r := range w.fake.Requests()[asked:] {
			require.Equal(w, payments, r.Dir, "what nobody shows is not polled")
		}
	})
}
