package emit

import (
	"log/slog"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// tree is a file system that nobody uses, and that says what it was asked.
type tree struct {
	did      []string
	unwanted bool
}

func (t *tree) Wanted(*Event) bool   { return !t.unwanted }
func (t *tree) Occupied(*Event) bool { t.did = append(t.did, "occupied"); return false }
func (t *tree) KeepCacheOut(_, shown string) func() {
	t.did = append(t.did, "keep out of "+shown)
	return func() { t.did = append(t.did, "let into "+shown) }
}
func (t *tree) Forget(_, shown string) { t.did = append(t.did, "forget "+shown) }

func emitter(tree *tree, change func(*Config)) *Emitter[string] {
	cfg := Config{Mode: Full, Thread: func(func(int)) error { return nil }, FileMode: 0o600, DirMode: 0o700, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	return New(cfg, tree)
}

// Requests belong to an event while it is emitted, and if they are the thread's.
func TestWhoseRequestsAreAnswered(t *testing.T) {
	m := emitter(&tree{}, nil)
	require.Nil(t, m.Answering(7))
	a := attempt(aChange)
	m.As(7, a, func() {
		require.Same(t, a, m.Answering(7))
		require.Nil(t, m.Answering(8))
		require.Nil(t, m.Answering(0))
	})
	require.Nil(t, m.Answering(7))
	m.As(0, a, func() { require.Nil(t, m.Answering(0), "0 is whom our pid namespace does not know") })
}

// The thread is known by a name that nobody can guess.
func TestTheProbe(t *testing.T) {
	m := emitter(&tree{}, func(c *Config) { c.Probe = ".x-" })
	require.False(t, m.Probed(7, ".x-"))
	p := &probe{name: ".x-1234"}
	m.probe.Store(p)
	require.False(t, m.Probed(7, ".x-1235"))
	require.Zero(t, p.caller.Load())
	require.True(t, m.Probed(7, ".x-1234"))
	require.EqualValues(t, 7, p.caller.Load())
}

// Each event that somebody may be waiting for is counted, and the page cache is kept
// out of its file meanwhile.
func TestEventsAreCounted(t *testing.T) {
	here := &tree{}
	m := emitter(here, nil)
	m.Emit(toDev, slices.Clone([]Event{aChange, wentFile}))
	require.EqualValues(t, 2, m.Counts().Told)
	require.Equal(t, []string{"keep out of a%2Fb", "let into a%2Fb", "keep out of OLD", "let into OLD"}, here.did)

	none := &tree{unwanted: true}
	m = emitter(none, nil)
	m.Emit(toDev, []Event{aChange})
	require.Zero(t, m.Counts().Told)
	require.Empty(t, none.did)

	m = emitter(&tree{}, func(c *Config) { c.Thread = func(func(int)) error { return os.ErrPermission } })
	m.Emit(toDev, []Event{aChange})
	require.EqualValues(t, 1, m.Counts().Failed)
	require.Contains(t, m.Counts().Error, "permission denied")
}

func TestWhatIsInForce(t *testing.T) {
	root := os.Geteuid() == 0
	other := func(mode Mode) Mode { // who is not root
		if root {
			return Full
		}
		return mode
	}
	for name, c := range map[string]struct {
		change func(*Config)
		want   Mode
	}{
		"as asked for":              {func(*Config) {}, Full},
		"off":                       {func(c *Config) { c.Mode = Off }, Off},
		"no thread":                 {func(c *Config) { c.Thread = nil }, Off},
		"files of another user":     {func(c *Config) { c.OwnerUID = c.UID + 1 }, other(Off)},
		"files that are read-only":  {func(c *Config) { c.FileMode = 0o400 }, other(Attrib)},
		"directories that are":      {func(c *Config) { c.DirMode = 0o500 }, other(Attrib)},
		"only dates were asked for": {func(c *Config) { c.Mode = Attrib }, Attrib},
	} {
		t.Run(name, func(t *testing.T) {
			counts := emitter(&tree{}, c.change).Counts()
			require.Equal(t, c.want, counts.InForce)
			require.Equal(t, counts.Mode == counts.InForce, counts.Reason == "")
		})
	}
	require.Nil(t, emitter(&tree{}, func(c *Config) { c.Mode = "" }).Counts())
}
