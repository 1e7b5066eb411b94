package view

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// folder returns a snapshot with these secrets: name, value, name, value …
func folder(pairs ...string) *secret.Folder {
	f := &secret.Folder{Dir: secret.Dir{Project: "demo", Env: "dev", Path: "/"}}
	for i := 0; i < len(pairs); i += 2 {
		f.Secrets = append(f.Secrets, secret.Secret{Name: pairs[i], Value: secret.NewValue(pairs[i+1])})
	}
	f.Sort()
	return f
}

func builtin(t testing.TB, name string) *View {
	for _, v := range Builtin(EnvStrict) {
		if v.Name() == name {
			return v
		}
	}
	t.Fatal("there is no view " + name)
	return nil
}

func render(t testing.TB, v *View, f *secret.Folder) string {
	t.Helper()
	text, err := v.Render(f)
	require.NoError(t, err)
	return text.Reveal()
}

// ugly are values that renderers like to change, by a name that says why.
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
	"PERCENT":          "%",
	"AT":               "@a",
	"QUESTION":         "? a",
	"BRACES":           "{a}",
	"BRACKETS":         "[a]",
	"MERGE":            "<<",
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
	"DOLLAR":           "$HOME",
	"DOLLAR_LAST":      "a$",
	"DOLLAR_QUOTE":     "it's $5",
	"REFERENCE":        "${HOME}",
	"COMMAND":          "$(id)",
	"BACKSLASH":        `a\b`,
	"BACKSLASH_N":      `a\nb`,
	"BACKSLASH_LAST":   `a\`,
	"BACKSLASH_DOUBLE": `\\server\share`,
	"BACKSLASH_QUOTE":  `it\'s`,
	"BACKSLASH_QUOTES": `it's \"x\"`,
	"SPACE":            " ",
	"SPACES":           "  a b  ",
	"SPACE_NEWLINE":    "a \nb",
	"SPACE_BACKSLASH":  ` a\b`,
	"TAB":              "\ta\tb\t",
	"NEWLINE":          "\n",
	"NEWLINE_LAST":     "a\n",
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
	"NUL":              "a\x00b",
	"NOT_UTF8":         "a\xffb",
	"KIB64":            strings.Repeat("0123456789abcdef", 4<<10),
	"KIB128":           strings.Repeat("0123456789abcdef", 8<<10),
}
