package pagecache

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// versionOf returns a version of the one secret that these tests are about.
func versionOf(value string) *secret.Secret {
	return &secret.Secret{Name: "KEY", Value: secret.NewValue(value)}
}

// A row is what happens to a file, in words, and how the opens in it are
// answered. "tell v": the kernel is told the size of version v. "open v": it is
// asked for in the epoch of now. "late v": before what happened since the last
// "ask". The other words are the methods.
func TestModeOfAnOpen(t *testing.T) {
	large := strings.Repeat("v", OneRead+1)
	for what, row := range map[string]struct {
		does string
		want []Mode
	}{
		"the first open drops what cannot be known":                 {"tell a, open a", []Mode{Drop}},
		"a size that was never told":                                {"open a", []Mode{DirectWrongSize}},
		"the size of another version":                               {"tell a, open b", []Mode{DirectWrongSize}},
		"several sizes: it is of no use to make it forget one":      {"tell a, tell b, open b", []Mode{Direct}},
		"several sizes, and back":                                   {"tell a, tell b, tell a, open a", []Mode{Direct}},
		"told twice is one size":                                    {"tell a, tell a, open a", []Mode{Drop}},
		"kept once the first has come to its end":                   {"tell a, open a, opened, close, open a", []Mode{Drop, Keep}},
		"the first may still be on its way":                         {"tell a, open a, open a", []Mode{Drop, Drop}},
		"two at once, the first of which has read":                  {"tell a, open a, opened, open a", []Mode{Drop, Keep}},
		"what was dropped since":                                    {"tell a, open a, opened, close, drop, open a", []Mode{Drop, Drop}},
		"who came to its end after the drop says nothing of now":    {"tell a, ask, open a, drop, close, open a, late opened, open a", []Mode{Drop, Drop, Drop}},
		"what was asked for before a drop":                          {"tell a, ask, drop, late a", []Mode{Direct}},
		"a newer version is known":                                  {"tell a, open a, newest b, open a", []Mode{Drop, Direct}},
		"a newer version is known, and was a mistake":               {"tell a, open a, newest b, newest a, open a", []Mode{Drop, Drop}},
		"a newer version is known, but nobody has the old one open": {"tell a, open a, close, newest b, open a", []Mode{Drop, Drop}},
		"an outdated one is still open":                             {"tell a, open a, drop, open a", []Mode{Drop, Direct}},
		"an outdated one was open":                                  {"tell a, open a, drop, close, open a", []Mode{Drop, Drop}},
		"nobody knows what size the kernel makes up for a writer":   {"tell a, write, open a", []Mode{Direct}},
		"the largest that one READ brings":                          {"tell " + large[1:] + ", open " + large[1:], []Mode{Drop}},
		"larger than one READ":                                      {"tell " + large + ", open " + large, []Mode{Direct}},
		"known to the kernel from a process before":                 {"inherit, open a", []Mode{Direct}},
		"and told since":                                            {"inherit, tell a, open a, tell a, open a", []Mode{Direct, Direct}},
		"nothing to read":                                           {"tell , open ", []Mode{Drop}},
	} {
		t.Run(what, func(t *testing.T) {
			var f File
			var got []Mode
			var asked uint64
			for step := range strings.SplitSeq(row.does, ", ") {
				verb, value, _ := strings.Cut(step, " ")
				switch {
				case verb == "tell":
					f.TellSize(versionOf(value), false)
				case verb == "open":
					got = append(got, f.Open(f.Epoch(), versionOf(value)))
				case verb == "ask":
					asked = f.Epoch()
				case step == "late opened":
					f.Opened(asked)
				case verb == "late":
					got = append(got, f.Open(asked, versionOf(value)))
				case verb == "opened":
					f.Opened(f.Epoch())
				case verb == "close":
					f.Close()
				case verb == "drop":
					f.Drop(func() {})
				case verb == "newest":
					f.SetNewest(versionOf(value))
				case verb == "write":
					f.Writing()
				case verb == "inherit":
					f.Inherit()
				default:
					t.Fatal("no such step: ", step)
				}
			}
			require.Equal(t, row.want, got)
		})
	}
}

// An old version is served until the newest is published, to everybody; and an
// answer that comes late does not bring it back.
func TestWhichVersionIsServed(t *testing.T) {
	one, two := versionOf("one"), versionOf("two")
	one.ID, one.Version = "id", 1
	two.ID, two.Version = "id", 2
	var f File
	served := func(newest *secret.Secret, keep, wantWaiting bool) *secret.Secret {
		got, waiting := f.Serve(newest, keep)
		require.Equal(t, wantWaiting, waiting)
		return got
	}
	require.Same(t, two, served(two, false, false), "nobody has anything open")
	require.Same(t, one, served(one, false, false), "and nothing is kept of what was served")
	f.TellSize(one, false)
	require.Equal(t, Drop, f.Open(f.Epoch(), one))
	require.Same(t, one, served(two, false, true))
	f.Drop(func() {})
	require.Same(t, two, served(two, false, false))
	f.Close()

	require.Same(t, two, served(two, true, false), "kept")
	require.Same(t, two, served(one, false, false), "asked for before")
	three := versionOf("three")
	three.ID, three.Version = "id", 3
	require.Same(t, two, served(three, true, true))
	f.Drop(func() {})
	require.Same(t, three, served(three, true, false))
}

// kernel is what the kernel does with the answers: an open that keeps or drops
// pages, a page that is there or asked for.
type kernel struct {
	rule  File
	page  string // of which version it has a page; "": none
	opens []*opened
}

// opened is one open file of the kernel's.
type opened struct {
	epoch   uint64
	version string
	mode    Mode
	applied bool // the answer has arrived: pages were dropped, if it said so
}

func (k *kernel) forget() { k.page = "" }

// read returns which version is read; "": an error.
func (k *kernel) read(o *opened) string {
	if !o.mode.Cached() {
		return o.version
	}
	if k.page != "" {
		return k.page
	}
	if k.rule.Outdated(o.epoch) {
		return ""
	}
	k.rule.Opened(o.epoch)
	k.page = o.version
	return o.version
}

// Whatever happens in whatever order, what is read of an open file is the version
// that it was opened with, or an error. Here the kernel's size is always right, so
// that all hangs on the rule about pages.
func TestOneVersionPerOpenFile(t *testing.T) {
	var reads, refused, keeps int
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 1))
		k := &kernel{}
		newest, versions := "v0", 0
		var did []string
		for range 60 {
			var o *opened
			if len(k.opens) > 0 {
				o = k.opens[random.IntN(len(k.opens))]
			}
			step := random.IntN(20)
			switch {
			case step == 0:
				versions++
				newest = fmt.Sprint("v", versions)
				k.rule.SetNewest(versionOf(newest))
			case step == 1:
				k.rule.Drop(k.forget)
			case step == 2 && len(k.opens) == 0: // FORGET: a new node
				k.rule, k.page = File{}, ""
			case step <= 4:
				k.rule.SetNewest(versionOf(newest))
			case step == 5:
				k.rule.Drop(k.forget)
			case step <= 9 || o == nil:
				epoch := k.rule.Epoch()
				served, _ := k.rule.Serve(versionOf(newest), false)
				if random.IntN(4) == 0 {
					k.rule.Drop(k.forget)
				}
				version := served.Value.Reveal()
				k.rule.sized = served.Value.Fingerprint()
				mode := k.rule.Open(epoch, served)
				k.opens = append(k.opens, &opened{epoch, version, mode, false})
			case step <= 12:
				if o.mode == Drop && !o.applied {
					k.forget()
				}
				o.applied = true
			case step <= 16 && o.applied:
				reads++
				switch got := k.read(o); got {
				case "":
					refused++
				default:
					require.Equal(t, o.version, got, "seed %d: %v", seed, did)
				}
			case o.applied:
				if o.mode.Cached() {
					k.rule.Opened(o.epoch)
					k.rule.Close()
				}
				for i := range k.opens {
					if k.opens[i] == o {
						k.opens = append(k.opens[:i], k.opens[i+1:]...)
						break
					}
				}
				if o.mode == Keep {
					keeps++
				}
			}
			did = append(did, fmt.Sprint(step))
		}
	}
	require.Positive(t, keeps)
	require.Positive(t, refused)
	t.Logf("%d reads, %d refused, %d opens that kept pages", reads, refused, keeps)
}

func TestSameContent(t *testing.T) {
	for what, change := range map[string]func(*secret.Secret){
		"value":  func(s *secret.Secret) { s.Value = secret.NewValue("another") },
		"hidden": func(s *secret.Secret) { s.Hidden = true },
		"date":   func(s *secret.Secret) { s.Updated = s.Updated.Add(1) },
	} {
		a, b := versionOf("v"), versionOf("v")
		require.True(t, SameContent(a, b))
		b.Version, b.Comment = 7, "no difference"
		require.True(t, SameContent(a, b))
		change(b)
		require.False(t, SameContent(a, b), what)
	}
}

// What a process before opened with the page cache is open here like what was opened
// here: a new version waits for it and then makes it outdated. But nothing else is
// opened so.
func TestOpenedByAProcessBefore(t *testing.T) {
	one, two := versionOf("one"), versionOf("two")
	one.ID, one.Version = "id", 1
	two.ID, two.Version = "id", 2
	var f File
	f.Inherit()
	epoch := f.Epoch()
	require.True(t, f.OpenInherited(epoch, one))
	require.True(t, f.OpenInherited(epoch, one))
	require.False(t, f.OpenInherited(epoch, two), "there is one version of pages")
	require.Equal(t, Direct, f.Open(epoch, one))
	served, waiting := f.Serve(two, false)
	require.Same(t, one, served)
	require.True(t, waiting)
	require.False(t, f.OpenInherited(epoch, one), "a newer one is known")
	require.False(t, f.Outdated(epoch))
	f.Drop(func() {})
	require.True(t, f.Outdated(epoch))
	require.False(t, f.OpenInherited(epoch, one))
	f.Close()
	f.Close()
	require.False(t, f.InUse())
	require.Equal(t, Direct, f.Open(f.Epoch(), two))
}
