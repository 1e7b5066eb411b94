package compat

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// spellings are ways to write a value into a .env file.
var spellings = map[string]func(value string) string{
	"without quotes": func(value string) string { return value },
	"single quotes":  func(value string) string { return "'" + value + "'" },
	"double quotes":  func(value string) string { return `"` + value + `"` },
	"backticks":      func(value string) string { return "`" + value + "`" },
	"escapes": func(value string) string {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "\n", `\n`).Replace(value) + `"`
	},
	"quoted quotes": func(value string) string { return "'" + strings.ReplaceAll(value, "'", `'"'"'`) + "'" },
}

// No spelling is read by more than the one that .env has: of those that are exact for each
// reader that .env is recommended to, none is for more of the others, shells among them. Whoever
// finds a better one changes package view.
func TestNoSpellingIsReadByMore(t *testing.T) {
	values := map[string]string{}
	for _, name := range strings.Fields("EMPTY PLAIN HASH HASH_WITHIN SPACES SINGLE_WITHIN DOUBLE DOUBLE_AROUND BOTH BACKTICK BACKSLASH BACKSLASH_N LINES PEM NEWLINE_LAST UNICODE JSON URL") {
		values[name] = ugly[name]
	}
	dir := t.TempDir()
	write := func(spelling, name, line string) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, spelling, name), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, spelling, name, ".env"), []byte(line), 0o600))
	}
	const ours = "ours"
	for name, value := range values {
		text, err := viewOf(".env").Render(&secret.Folder{Secrets: []secret.Secret{{Name: name, Value: secret.NewValue(value)}}})
		require.NoError(t, err)
		write(ours, name, text.Reveal())
		for spelling, spell := range spellings {
			write(spelling, name, name+"="+spell(value)+"\n")
		}
	}
	var files, whose []string
	for _, spelling := range append(slices.Sorted(maps.Keys(spellings)), ours) {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			files, whose = append(files, filepath.Join(dir, spelling, name, ".env")), append(whose, spelling+" "+name)
		}
	}
	exact, recommended := map[string]int{}, map[string]int{} // readers by spelling and name
	for _, shell := range []string{"bash", "dash"} {         // which many have read .env too, whatever it is for
		needs(t, shell)
		for i, got := range sourced(shell, "-ac")(t, files) {
			name := filepath.Base(filepath.Dir(files[i]))
			if got.err == nil && maps.Equal(got.values, map[string]string{name: values[name]}) {
				exact[whose[i]]++
			}
		}
	}
	for _, r := range rows() {
		if len(r.others) == 0 || r.environment || r.use != nil && !slices.Contains(envColumns, r.use[0]) || slices.Contains(r.use, ".env.docker") {
			continue
		}
		for i, got := range r.read(t, files) {
			name := filepath.Base(filepath.Dir(files[i]))
			if got.err == nil && maps.Equal(got.values, map[string]string{name: values[name]}) {
				exact[whose[i]]++
				if slices.Contains(r.use, ".env") {
					recommended[whose[i]]++
				}
			}
		}
	}
	for name := range values {
		for spelling := range spellings {
			if recommended[spelling+" "+name] >= recommended[ours+" "+name] {
				require.LessOrEqual(t, exact[spelling+" "+name], exact[ours+" "+name], "%s: %s are read by more", name, spelling)
			}
		}
	}
	require.Greater(t, recommended[ours+" PLAIN"], 9)
}
