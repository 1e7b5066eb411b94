package compat

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/view"
	"infisicalfs/secret"
)

// ugly are values that somebody on the way from the server to a program is known
// to change, by a name that says why.
var ugly = map[string]string{
	"EMPTY":            "",
	"PLAIN":            "fake-value",
	"PIN":              "007",
	"MINUS_ZERO":       "-0",
	"PLUS":             "+1",
	"EXPONENT":         "1e3",
	"INFINITE":         ".inf",
	"TRUE":             "true",
	"NO":               "no",
	"NULL":             "null",
	"TILDE":            "~",
	"DATE":             "2024-05-06",
	"EQUALS":           "=",
	"EQUALS_WITHIN":    "a=b==",
	"HASH":             "#",
	"HASH_WITHIN":      "a #b",
	"SEMICOLON":        ";a",
	"COLON":            "a: b",
	"DASH":             "- a",
	"TAG":              "!tag",
	"ANCHOR":           "&a",
	"ALIAS":            "*a",
	"PERCENT":          "%d%%",
	"AT":               "@a",
	"BRACES":           "{a}",
	"BRACKETS":         "[a]",
	"COMMA":            "a,b",
	"TILDE_HOME":       "~/a",
	"GLOB":             "*",
	"EXPORT":           "export A=b",
	"SINGLE":           "'",
	"SINGLE_WITHIN":    "it's",
	"SINGLE_AROUND":    "'a'",
	"DOUBLE":           `"`,
	"DOUBLE_AROUND":    `"a"`,
	"BOTH":             `it's "x"`,
	"BOTH_FIRST":       `'"`,
	"BOTH_LINES":       "'\n\"",
	"BACKTICK":         "`id`",
	"BACKTICK_AROUND":  "`",
	"DOLLAR":           "$HOME",
	"DOLLAR_LAST":      "a$",
	"DOLLAR_DOUBLE":    "$$",
	"DOLLAR_QUOTE":     "it's $5",
	"REFERENCE":        "${X}",
	"DEFAULT":          "${X:-y}",
	"COMMAND":          "$(id)",
	"BACKSLASH":        `a\b`,
	"BACKSLASH_N":      `a\nb`,
	"BACKSLASH_T":      `a\tb`,
	"BACKSLASH_U":      `a\u0041`,
	"BACKSLASH_DOLLAR": `a\$b`,
	"BACKSLASH_LAST":   `a\`,
	"BACKSLASH_DOUBLE": `\\server\share`,
	"BACKSLASH_QUOTE":  `it\'s`,
	"BACKSLASH_QUOTES": `it's \"x\"`,
	"SPACE":            " ",
	"SPACES":           "  a b  ",
	"SPACES_QUOTES":    ` it's "x" `,
	"SPACE_BACKSLASH":  ` a\b`,
	"SPACE_NEWLINE":    "a \nb",
	"SPACES_LATER":     "a\n  b  \n",
	"TAB":              "\ta\tb\t",
	"NEWLINE":          "\n",
	"NEWLINE_LAST":     "a\n",
	"NEWLINE_EQUALS":   "a\nB=c\n#d",
	"LINES":            "a\nb\n\nc",
	"PEM":              "-----BEGIN FAKE KEY-----\nbm90LWEtcmVhbC1rZXk=\n-----END FAKE KEY-----\n",
	"CRLF":             "a\r\nb\r\n",
	"RETURN":           "a\rb",
	"RETURN_LAST":      "a\r",
	"UNICODE":          "café 😀 漢字",
	"NEL":              "a\u0085b",
	"LINE_SEPARATOR":   "a\u2028b\u2029c",
	"NO_BREAK_SPACE":   "\u00a0a\u00a0",
	"MARK":             "\ufeffa",
	"NONCHARACTER":     "a\uffffb\ufdd0c\U0001ffff",
	"CONTROL":          "\x01\x1b[31m\x7f\u009f",
	"JSON":             `{"a": ["b\n", "c"]}`,
	"URL":              "postgres://app:p%40ss@db:5432/app?sslmode=require&a=b#c",
	"KIB64":            strings.Repeat("0123456789abcdef", 4<<10),
	"KIB128":           strings.Repeat("0123456789abcdef", 8<<10),
}

// refused are the ugly values that a view cannot hold. All others it must.
var refused = map[string][]string{
	".env": strings.Fields(`COMMAND DOLLAR BACKSLASH_DOLLAR CRLF RETURN RETURN_LAST REFERENCE DEFAULT BACKSLASH_LAST BACKSLASH_DOUBLE
		BACKSLASH_QUOTE BACKSLASH_QUOTES DOLLAR_QUOTE BOTH_FIRST BOTH_LINES SPACES_QUOTES
		SPACE_BACKSLASH SPACE_NEWLINE`),
	".env.expand":   strings.Fields("COMMAND CRLF RETURN RETURN_LAST BACKSLASH_LAST BACKSLASH_DOLLAR BACKSLASH_QUOTE BACKSLASH_QUOTES"),
	".env.compose":  {"BACKSLASH_QUOTES"},
	".env.docker":   strings.Fields("CRLF RETURN RETURN_LAST NEWLINE NEWLINE_LAST NEWLINE_EQUALS SPACE_NEWLINE SPACES_LATER LINES PEM BOTH_LINES KIB64 KIB128"),
	".env.sh":       {"KIB128"},
	".env.systemd":  {"KIB128", "MARK", "NONCHARACTER"},
	".secrets.json": nil,
	".secrets.toml": nil,
	".secrets.yaml": nil,
}

// held are the ugly values that a view can hold, and random ones that it says it
// can.
func held(name string) map[string]string {
	m := maps.Clone(ugly)
	maps.DeleteFunc(m, func(key, _ string) bool { return slices.Contains(refused[name], key) })
	for _, v := range view.Builtin("") {
		if v.Name() == name {
			maps.Copy(m, heldBy(v, random))
		}
	}
	return m
}

// heldBy are those of the values that a view says it can hold.
func heldBy(v *view.View, values map[string]string) map[string]string {
	m := map[string]string{}
	for key, value := range values {
		f := &secret.Folder{Secrets: []secret.Secret{{Name: key, Value: secret.NewValue(value)}}}
		if _, err := v.Render(f); err == nil {
			m[key] = value
		}
	}
	return m
}

// random are values made of what is ugly, the same ones each time.
var random = func() map[string]string {
	pieces := strings.Split(`a|b|0|n|é|😀|'|"|\|$|{|}|(|)|#|=|:|;|,|!|%|&|*|~|-|export |B=c|${|`+"`|\n|\n| | |\t|\u00a0|\u2028|\u0085|\ufeff|\f|\v|\x01|\x7f", "|")
	r := rand.New(rand.NewPCG(1, 2))
	m := map[string]string{}
	for i := range 500 {
		var value strings.Builder
		for range 1 + r.IntN(7) {
			value.WriteString(pieces[r.IntN(len(pieces))])
		}
		m[fmt.Sprintf("RANDOM%03d", i)] = value.String()
	}
	return m
}()

// newUglyWorld has all ugly values in the folder all, each alone in one/NAME, and
// what a view can hold in a folder that is called like the view, without its dot.
// What is written as a reference stays one, or the server would have its own
// opinion of it.
func newUglyWorld(t *testing.T, flags ...string) *world {
	t.Helper()
	w := newServer(t)
	w.fill("all", ugly)
	for name := range refused {
		w.fill(name[1:], held(name))
	}
	w.fill("one", nil)
	for name, value := range ugly {
		w.fill("one/"+name, map[string]string{name: value})
	}
	w.mount(append([]string{"--expand=false"}, flags...)...)
	return w
}

// file is the path of a view of all that it can hold.
func (w *world) file(view string) string { return w.path(filepath.Join(view[1:], view)) }

// alone is the path of a view of one ugly value, or of the value itself.
func (w *world) alone(name, file string) string { return w.path(filepath.Join("one", name, file)) }

// A view holds an ugly value or names it, and spoils no other file by it.
func TestUglyValuesAreHeldOrRefusedByName(t *testing.T) {
	w := newUglyWorld(t)
	for name, value := range ugly {
		for view := range refused {
			text, err := os.ReadFile(w.alone(name, view))
			if !slices.Contains(refused[view], name) {
				require.NoError(t, err, "%s %s", view, name)
				require.Contains(t, string(text), name)
				continue
			}
			require.ErrorIs(t, err, syscall.EINVAL, "%s %s", view, name)
			status, err := os.ReadFile(w.path(".infisicalfs/status"))
			require.NoError(t, err)
			require.Contains(t, string(status), fmt.Sprintf(`%s cannot hold \"%s\": `, view, name))
		}
		text, err := os.ReadFile(w.alone(name, name))
		require.NoError(t, err)
		require.True(t, value == string(text), name)
	}
}

// requireSame compares what a reader read with what the server has. changed are
// the values that this reader changes whatever holds them, by name, and why. It
// must do so: a reader that has learned better is an exception no more.
func requireSame(t *testing.T, want, got, changed map[string]string) {
	t.Helper()
	for name, value := range want {
		read, ok := got[name]
		switch why := changed[name]; {
		case !ok:
			t.Errorf("%s was not read", name)
		case why != "" && read == value:
			t.Errorf("%s is read as it is, although %s", name, why)
		case why == "" && read != value:
			t.Errorf("%s is %.60q, not %.60q", name, read, value)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s was read and is not there", name)
		}
	}
}
