package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// refused are the ugly values that a dialect cannot hold. All others it must.
var refused = map[string]string{
	".env": `DOLLAR COMMAND NUL NOT_UTF8 CRLF RETURN RETURN_LAST REFERENCE BACKSLASH_LAST BACKSLASH_DOUBLE
		BACKSLASH_QUOTE BACKSLASH_QUOTES DOLLAR_QUOTE BOTH_FIRST BOTH_LINES SPACE_NEWLINE SPACE_BACKSLASH`,
	".env.compose":  "NUL NOT_UTF8 BACKSLASH_QUOTES",
	".env.docker":   "NUL NOT_UTF8 CRLF RETURN RETURN_LAST NEWLINE NEWLINE_LAST SPACE_NEWLINE LINES PEM BOTH_LINES KIB64 KIB128",
	".env.expand":   "COMMAND NUL NOT_UTF8 CRLF RETURN RETURN_LAST BACKSLASH_LAST BACKSLASH_QUOTE BACKSLASH_QUOTES",
	".env.sh":       "NUL NOT_UTF8 KIB128",
	".env.systemd":  "NUL NOT_UTF8 KIB128 MARK NONCHARACTER",
	".secrets.json": "NOT_UTF8",
	".secrets.toml": "NOT_UTF8",
	".secrets.yaml": "NOT_UTF8",
}

// readers read a text by the rules of who it is for. They know nothing of how
// it was written, and refuse what is wrong or unclear.
var readers = map[string]func(text string) (map[string]string, error){
	".env":          readDotenv,
	".env.compose":  readCompose,
	".env.docker":   readDocker,
	".env.expand":   readExpand,
	".env.sh":       readShell,
	".env.systemd":  readSystemd,
	".secrets.json": readJSON,
	".secrets.toml": readTOML,
	".secrets.yaml": readYAML,
}

func TestUglyValuesSurviveOrAreRefusedByName(t *testing.T) {
	for _, v := range Builtin(EnvStrict) {
		t.Run(v.Name(), func(t *testing.T) {
			no := strings.Fields(refused[v.Name()])
			held := map[string]string{}
			for _, name := range slices.Sorted(maps.Keys(ugly)) {
				text, err := v.Render(folder(name, ugly[name], "ANOTHER", "x"))
				if slices.Contains(no, name) {
					require.Error(t, err, name)
					fault, ok := err.(*Error)
					require.True(t, ok, name)
					require.Equal(t, name, fault.Key)
					require.ErrorIs(t, err, secret.ErrInvalid)
					require.Contains(t, err.Error(), v.Name()+` cannot hold "`+name+`": `)
					continue
				}
				require.NoError(t, err, name)
				got, err := readers[v.Name()](text.Reveal())
				require.NoError(t, err, name)
				require.Equal(t, map[string]string{name: ugly[name], "ANOTHER": "x"}, got)
				held[name] = ugly[name]
			}
			// And all of them at once: none spoils its neighbours.
			got, err := readers[v.Name()](render(t, v, folder(flat(held)...)))
			require.NoError(t, err)
			require.Equal(t, held, got)
		})
	}
}

func flat(m map[string]string) (pairs []string) {
	for name, value := range m {
		pairs = append(pairs, name, value)
	}
	return pairs
}

func TestNames(t *testing.T) {
	for view, names := range map[string]struct{ good, bad string }{
		".env":          {"A a _ A.B A1 export true", "1 a-b é __proto__ a=b #a a\tb"},
		".env.expand":   {"A a _ A.B A1 export true", "1 a-b é __proto__ a=b #a a\tb"},
		".env.compose":  {"A a _ A.B A1 export true", "1 a-b é __proto__ a=b #a a\tb"},
		".env.docker":   {"A a-b a.b é 1 ! A[0]", "a=b #a =a a\u00a0b \ufeffa \x01a \xff"},
		".env.sh":       {"A a _a A1 PATH", "1 a-b a.b é a=b _ UID LINENO OPTIND"},
		".env.systemd":  {"A a _ A1 UID", "1 a-b a.b é a=b"},
		".secrets.json": {"A a-b a=b a.b é \ufeff 1 null \"a a\\b __proto__ a\nb", "\xff"},
		".secrets.toml": {"A a-b a=b a.b é \ufeff 1 inf \"a a\\b [a] #a", "\xff"},
		".secrets.yaml": {"A a-b a=b a.b é \ufeff 1 null \"a a\\b << ? - & * ! y #a", "\xff " + strings.Repeat("é", 501)},
	} {
		v := builtin(t, view)
		for name := range strings.SplitSeq(names.good, " ") {
			got, err := readers[view](render(t, v, folder(name, "x")))
			require.NoError(t, err, "%s %q", view, name)
			require.Equal(t, map[string]string{name: "x"}, got, view)
		}
		for name := range strings.SplitSeq(names.bad, " ") {
			_, err := v.Render(folder(name, "x"))
			require.ErrorIs(t, err, secret.ErrInvalid, "%s %q", view, name)
			require.Contains(t, err.Error(), fmt.Sprintf("%q", name))
		}
	}
	for _, v := range Builtin(EnvStrict) {
		text, err := v.Render(folder("", "x"))
		if strings.HasPrefix(v.Name(), ".env") {
			require.ErrorIs(t, err, secret.ErrInvalid, v.Name())
			continue
		}
		require.NoError(t, err)
		got, err := readers[v.Name()](text.Reveal())
		require.NoError(t, err)
		require.Equal(t, map[string]string{"": "x"}, got)
	}
}
