package filename

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

var (
	project  = secret.Dir{Project: "demo"}
	payments = project.Child("dev").Child("payments")
)

func TestEncodeName(t *testing.T) {
	for name, shown := range map[string]string{
		"API_KEY":                "API_KEY",
		"with space":             "with space",
		"grüße-✓":                "grüße-✓",
		".env":                   ".env",
		"a..b":                   "a..b",
		"a.":                     "a.",
		"%":                      "%25",
		"100%":                   "100%25",
		"%41":                    "%2541",
		"%secret":                "%25secret",
		"a/b":                    "a%2Fb",
		"nul\x00":                "nul%00",
		"line\nbreak\t":          "line%0Abreak%09",
		"del\x7f":                "del%7F",
		"next\u0085line":         "next%C2%85line",
		"\xff\xfe":               "%FF%FE",
		".":                      "%2E",
		"..":                     "%2E%2E",
		"..data":                 "%2E%2Edata",
		"...":                    "%2E%2E.",
		"":                       "%empty",
		"%empty":                 "%25empty",
		"\ufffd":                 "\ufffd",
		"~":                      "~",
		"-rf":                    "-rf",
		"\xe2\x9c":               "%E2%9C",
		strings.Repeat("x", 255): strings.Repeat("x", 255),
	} {
		require.Equal(t, shown, Encode(name))
		back, ok := Decode(shown)
		require.True(t, ok, shown)
		require.Equal(t, name, back)
	}
}

func TestDecodeNameIsStrict(t *testing.T) {
	for _, shown := range []string{
		"", ".", "..", "..data", "%", "%4", "%zz", "a%2fb", "%41", "%2Eenv", "a/b", "nul\x00", "tab\t", "\xff",
		"A%secret", "%Empty", "%emptyx", "x%empty", strings.Repeat("x", 256), Encode(strings.Repeat("x", 256)),
		"%2E%2e", "%2E.", "..%2E", "%C2%85x%4A",
	} {
		_, ok := Decode(shown)
		require.False(t, ok, "%q", shown)
	}
}

func TestLongNames(t *testing.T) {
	long := strings.Repeat("x", 300)
	require.Len(t, Encode(long), 255)
	require.NotEqual(t, Encode(long), Encode(long+"y"))
	// The cut splits neither a character nor an escape.
	for _, unit := range []string{"é", "✓", "😀", "/", "a/", "ab/", "é/"} {
		for pad := range 5 {
			shown := Encode(strings.Repeat("p", pad) + strings.Repeat(unit, 260))
			require.LessOrEqual(t, len(shown), 255)
			require.Greater(t, len(shown), 245)
			start, _, ok := strings.Cut(shown, shortened)
			require.True(t, ok)
			_, ok = Decode(start)
			require.True(t, ok, start)
		}
	}
}

// randomName likes to return what is difficult.
func randomName(r *rand.Rand) string {
	pieces := []string{
		"A", "B", "%", "%secret", "%~", "%empty", "secret", "empty", "2F", "25", "/", ".", "..", "\x00", "\n", "\x7f",
		"\u0085", "é", "😀", "\xff", "\xe2\x9c", "~", " ", strings.Repeat("x", 120), strings.Repeat("/", 85), strings.Repeat("y", 248),
	}
	var b strings.Builder
	for range r.IntN(5) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

func TestEveryNameHasItsOwnFileName(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[string]string{}
	for range 50_000 {
		name := randomName(r)
		shown := Encode(name)
		checkName(t, name, shown)
		if other, ok := seen[shown]; ok {
			require.Equal(t, other, name)
		}
		seen[shown] = name
	}
}

func checkName(t *testing.T, name, shown string) {
	require.True(t, isFileName(shown), "%q", shown)
	if back, ok := Decode(shown); ok {
		require.Equal(t, name, back)
	} else {
		require.Contains(t, shown, shortened)
		require.Greater(t, len(escape(name)), Max)
	}
}

func isFileName(s string) bool {
	return s != "" && s != "." && s != ".." && len(s) <= 255 && !strings.ContainsAny(s, "/\x00")
}

// Whatever names a folder has, each of its entries is found under the name that
// it is listed with, and under no other.
func TestSnapshotShowsEachEntryOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2_000 {
		snap := &secret.Folder{Dir: payments}
		names := map[string]bool{}
		for range r.IntN(12) {
			names[randomName(r)] = true
		}
		for name := range names {
			kind := r.IntN(3)
			if kind != 0 {
				snap.Secrets = append(snap.Secrets, secret.Secret{Name: name})
			}
			if kind != 1 && payments.Leads(name) {
				snap.Folders = append(snap.Folders, secret.Subfolder{Name: name})
			}
		}
		snap.Sort()
		found := map[string]bool{}
		for name, want := range All(snap) {
			require.True(t, isFileName(name), "%q", name)
			require.False(t, found[name], "%q shows two entries", name)
			found[name] = true
			require.True(t, Plausible(name), "%q", name)
			got, ok := Resolve(snap, name)
			require.True(t, ok, "%q", name)
			require.Equal(t, want, got)
		}
		for range 20 {
			name := randomName(r)
			if _, ok := Resolve(snap, name); ok {
				require.True(t, found[name], "%q is found but not listed", name)
			}
		}
	}
}

func TestFoldersThatNoPathCanName(t *testing.T) {
	for _, name := range []string{"a/b", "..", ".", "", "a/", "/a", "a//b", "../x"} {
		require.False(t, payments.Leads(name), "%q", name)
	}
	for _, name := range []string{"a", "..data", ".x", "a b", "%2F"} {
		require.True(t, payments.Leads(name), "%q", name)
	}
	require.False(t, secret.Dir{}.Leads(""))
	require.False(t, project.Leads(""))
}

func FuzzName(f *testing.F) {
	for _, seed := range []string{"", "A", "%", "%empty", "..x", "a/b", "%2F", "A%secret", strings.Repeat("/", 100), "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkName(t, s, Encode(s))
		if name, ok := Decode(s); ok {
			require.Equal(t, s, Encode(name))
		}
	})
}

// What is to be made under a file name is called so by the server, or cannot be.
func TestKey(t *testing.T) {
	snap := &secret.Folder{Dir: payments, Folders: []secret.Subfolder{{Name: "FOLDER"}, {Name: "a/b"}}}
	for shown, want := range map[string]struct {
		name string
		err  error
	}{
		"KEY":                            {"KEY", nil},
		"a%2Fb":                          {"a/b", nil},
		"100%25":                         {"100%", nil},
		"FOLDER":                         {"FOLDER", nil}, // that it is taken is for others to say
		"FOLDER%secret":                  {"FOLDER", nil},
		"a%2Fb%secret":                   {"a/b", nil},
		"KEY%secret":                     {"", ErrNone},
		"100%":                           {"", ErrNone},
		"%41":                            {"", ErrNone},
		"":                               {"", ErrNone},
		"%empty":                         {"", ErrTrimmed},
		" KEY":                           {" KEY", ErrTrimmed},
		"KEY\u00a0":                      {"KEY\u00a0", ErrTrimmed},
		"KEY\ufeff":                      {"KEY\ufeff", ErrTrimmed},
		"K%00":                           {"K\x00", secret.ErrInvalid},
		"KEY%C2%85":                      {"KEY\u0085", nil}, // to JavaScript that is no white space
		strings.Repeat("x", 300):         {"", ErrNone},
		Encode("x%~" + "y"):              {"x%~y", nil},
		Encode(strings.Repeat("x", 300)): {"", ErrNone},
	} {
		name, err := Key(snap, shown)
		require.ErrorIs(t, err, want.err, "%q", shown)
		require.Equal(t, want.name, name, "%q", shown)
	}
}

// What follows a name is never cut.
func TestWhatFollowsAName(t *testing.T) {
	for _, name := range []string{"", "K", strings.Repeat("x", 255), strings.Repeat("/", 100)} {
		for _, suffix := range []string{".1", "%secret", ".18446744073709551615"} {
			shown := EncodeWith(name, suffix)
			require.True(t, strings.HasSuffix(shown, suffix))
			require.True(t, isFileName(shown), "%q", shown)
		}
	}
	require.Equal(t, "K%secret", Beside("K"))
}

// Every name of a listing passes here: an ordinary one costs no memory, and what it
// is found as is the snapshot's own.
func TestAnOrdinaryNameIsNotCopied(t *testing.T) {
	snap := &secret.Folder{Dir: payments, Folders: []secret.Subfolder{{Name: "cards"}}, Secrets: []secret.Secret{{Name: "API_KEY"}, {Name: "DB_URL"}}}
	var e Entry
	require.Zero(t, testing.AllocsPerRun(100, func() {
		e, _ = Resolve(snap, OfSecret(snap, "DB_URL"))
	}))
	require.Same(t, &snap.Secrets[1], e.Secret)
	e, _ = Resolve(snap, Encode("cards"))
	require.Same(t, &snap.Folders[0], e.Folder)
}

// What is taken for its own file name without a closer look is what the closer look
// would make of it.
func TestAPlainNameIsItsOwnFileName(t *testing.T) {
	for c := range 256 {
		for _, name := range []string{string([]byte{byte(c)}), "a" + string([]byte{byte(c)}), string([]byte{byte(c)}) + "a", string([]byte{byte(c), byte(c)})} {
			if plain(name) {
				require.Equal(t, name, escaped(name), "%q", name)
			}
		}
	}
	require.False(t, plain(""))
	require.True(t, plain("API_KEY.json~ (1)"))
}
