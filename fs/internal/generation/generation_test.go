package generation

import (
	"context"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

var (
	dev     = secret.Dir{Project: "demo"}.Child("dev")
	started = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
)

// folder is a folder that is made by hand.
type folder struct {
	mu      sync.Mutex     // guards what follows
	listed  *secret.Folder // what a list says
	whole   *secret.Folder // what is true; nil: what a list says
	err     error          // of both
	proofs  int            // asked for
	revokes int            // how many of what is loaded next are revoked while it is
	watched []*Generation
}

func (f *folder) List(context.Context) (*secret.Folder, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.listed, f.err
}

func (f *folder) Proof(context.Context) (*secret.Folder, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.proofs++
	if f.whole != nil {
		return f.whole, f.err
	}
	return f.listed, f.err
}

func (f *folder) Watch(g *Generation, load func() error) error {
	for {
		if err := load(); err != nil {
			return err
		}
		f.mu.Lock()
		again := f.revokes > 0
		if again {
			f.revokes--
			g.Revoke()
		} else {
			f.watched = append(f.watched, g)
		}
		f.mu.Unlock()
		if !again {
			return nil
		}
	}
}

func (f *folder) set(snap *secret.Folder) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listed = snap
}

// snap returns a snapshot with secrets of these names and values.
func snap(fetched time.Time, pairs ...string) *secret.Folder {
	f := &secret.Folder{Dir: dev, Fetched: fetched}
	for i := 0; i < len(pairs); i += 2 {
		f.Secrets = append(f.Secrets, secret.Secret{Name: pairs[i], Value: secret.NewValue(pairs[i+1])})
	}
	return f
}

// What the folder has is shown by the generation that is current, or by a new one.
func TestCurrent(t *testing.T) {
	partial := func(f *secret.Folder) *secret.Folder {
		return f.With(func(f *secret.Folder) { f.Partial = true })
	}
	before := snap(started, "A", "1", "B", "2")
	for name, test := range map[string]struct {
		listed, whole *secret.Folder
		made          bool // a new generation
		proofs        int
		shows         map[string]string
		err           error
	}{
		"the same snapshot":          {listed: before, shows: map[string]string{"A": "1", "B": "2"}},
		"an equal one":               {listed: snap(started.Add(time.Hour), "A", "1", "B", "2"), shows: map[string]string{"A": "1", "B": "2"}},
		"another value":              {listed: snap(started.Add(time.Hour), "A", "x", "B", "2"), made: true, shows: map[string]string{"A": "x", "B": "2"}},
		"a new name":                 {listed: snap(started.Add(time.Hour), "A", "1", "B", "2", "C", "3"), made: true, shows: map[string]string{"A": "1", "B": "2", "C": "3"}},
		"a name less":                {listed: snap(started.Add(time.Hour), "B", "2"), made: true, shows: map[string]string{"B": "2"}},
		"an older snapshot":          {listed: snap(started.Add(-time.Hour), "A", "0"), shows: map[string]string{"A": "1", "B": "2"}},
		"partial, and nothing gone":  {listed: partial(snap(started.Add(time.Hour), "A", "x", "B", "2")), made: true, shows: map[string]string{"A": "x", "B": "2"}},
		"partial, and the name is":   {listed: partial(snap(started.Add(time.Hour), "B", "2")), whole: before, proofs: 1, shows: map[string]string{"A": "1", "B": "2"}},
		"partial, and the name went": {listed: partial(snap(started.Add(time.Hour), "B", "2")), whole: snap(started.Add(time.Hour), "B", "2"), made: true, proofs: 1, shows: map[string]string{"B": "2"}},
		"denied": {listed: snap(started.Add(time.Hour), "A", "x").With(func(f *secret.Folder) { f.Denied = secret.ErrDenied }),
			err: secret.ErrDenied, shows: map[string]string{"A": "1", "B": "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			var history History
			source := &folder{listed: before}
			first, err := history.Current(t.Context(), source)
			require.NoError(t, err)
			require.Same(t, before, first.Shown())
			source.listed, source.whole, source.proofs = test.listed, test.whole, 0

			g, err := history.Current(t.Context(), source)
			require.ErrorIs(t, err, test.err)
			if test.err != nil {
				require.Nil(t, g)
				g = history.Latest()
			}
			require.Equal(t, test.made, g != first)
			require.Same(t, g, history.Latest())
			require.Equal(t, test.proofs, source.proofs)
			got := map[string]string{}
			for _, s := range g.Shown().Secrets {
				got[s.Name] = s.Value.Reveal()
			}
			require.Equal(t, test.shows, got)
		})
	}
}

// The one before is found by its name for a while, and what is older is not.
func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var history History
		var made []*Generation
		require.Nil(t, history.Latest())
		require.Nil(t, history.Called(""))
		for _, value := range []string{"a", "b", "c"} {
			g, err := history.Current(t.Context(), &folder{listed: snap(time.Now(), "K", value)})
			require.NoError(t, err)
			require.Regexp(t, regexp.MustCompile(`^\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\d{9}$`), g.Name)
			made = append(made, g)
			time.Sleep(time.Second)
		}
		require.Nil(t, history.Called(made[0].Name))
		require.Same(t, made[1], history.Called(made[1].Name))
		require.Same(t, made[2], history.Called(made[2].Name))
		time.Sleep(Keeps)
		synctest.Wait()
		require.Nil(t, history.Called(made[1].Name))
		require.Same(t, made[2], history.Called(made[2].Name))
		require.Equal(t, "..data/K", Target("K"))
	})
}

// Watchers are told of each generation once, and the first is none that was told.
func TestTell(t *testing.T) {
	var history History
	before, now := history.Tell()
	require.Nil(t, before)
	require.Nil(t, now)
	first := history.take(of("a", started))
	before, now = history.Tell()
	require.Same(t, first, before)
	require.Same(t, first, now)
	history.take(of("b", started.Add(time.Second)))
	third := history.take(of("c", started.Add(time.Minute)))
	before, now = history.Tell()
	require.Same(t, first, before, "nobody has heard of the second")
	require.Same(t, third, now)
}

// What is revoked shows nothing, and is not brought back.
func TestRevoked(t *testing.T) {
	var history History
	source := &folder{listed: snap(started, "K", "a"), revokes: 1}
	g, err := history.Current(t.Context(), source)
	require.NoError(t, err)
	require.NotNil(t, g.Shown(), "it was loaded again after the revocation")
	require.Len(t, source.watched, 1)

	require.False(t, g.Betrays(snap(started, "K", "b")))
	require.False(t, g.Betrays(&secret.Folder{Dir: dev, Secrets: []secret.Secret{{Name: "OTHER", Hidden: true}}}))
	require.True(t, g.Betrays(&secret.Folder{Dir: dev, Secrets: []secret.Secret{{Name: "K", Hidden: true}}}))
	g.Revoke()
	require.Nil(t, g.Shown())
	require.False(t, g.Betrays(&secret.Folder{Dir: dev, Secrets: []secret.Secret{{Name: "K", Hidden: true}}}))
	next, err := history.Current(t.Context(), source)
	require.NoError(t, err)
	require.NotSame(t, g, next)

	source.err = secret.ErrUnavailable
	_, err = history.Current(t.Context(), source)
	require.ErrorIs(t, err, secret.ErrUnavailable)
	require.Same(t, next, history.Latest())
}

// What failed is tried once later for all who ask.
func TestLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var history History
		var done atomic.Int32
		for range 3 {
			history.Later(func() { done.Add(1) })
		}
		synctest.Wait()
		require.Zero(t, done.Load())
		time.Sleep(Again)
		synctest.Wait()
		require.EqualValues(t, 1, done.Load())
		history.Later(func() { done.Add(1) })
		time.Sleep(Again)
		synctest.Wait()
		require.EqualValues(t, 2, done.Load(), "and what fails again, again")
	})
}

// Many who come after a change make one generation of it, or the one before could
// not be found any longer by who has read the link to it.
func TestManyMakeOneGeneration(t *testing.T) {
	var history History
	source := &folder{listed: snap(started, "K", "")}
	value := ""
	for range 50 {
		before, err := history.Current(t.Context(), source)
		require.NoError(t, err)
		value += "."
		source.set(snap(started, "K", value))
		got := make([]*Generation, 8)
		var readers sync.WaitGroup
		for i := range got {
			readers.Go(func() { got[i], _ = history.Current(t.Context(), source) })
		}
		readers.Wait()
		for _, g := range got {
			require.Same(t, history.Latest(), g)
		}
		require.Same(t, before, history.Called(before.Name))
	}
}

// of returns a generation with one value.
func of(value string, fetched time.Time) *Generation {
	g := &Generation{Name: value}
	g.snap.Store(snap(fetched, "K", value))
	return g
}

// Who was slow does not bring back what was before.
func TestGenerationsDoNotGoBack(t *testing.T) {
	var history History
	older, newer, newest := of("a", started), of("b", started.Add(time.Second)), of("c", started.Add(time.Minute))
	require.Same(t, newer, history.take(newer))
	require.Same(t, newer, history.take(older))
	require.Same(t, newest, history.take(newest))
	newest.Revoke()
	require.Same(t, older, history.take(older), "what was revoked is not newer than anything")
}
