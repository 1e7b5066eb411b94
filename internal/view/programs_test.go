package view

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// holds are the ugly values that a view can hold.
func holds(view string) map[string]string {
	held := map[string]string{}
	for name, value := range ugly {
		if !slices.Contains(strings.Fields(refused[view]), name) {
			held[name] = value
		}
	}
	return held
}

// The programs that the views are for read back what was put in.
func TestRealReaders(t *testing.T) {
	const dump = `exec python3 -c 'import json, os; print(json.dumps(dict(os.environ)))'`
	for _, c := range []struct {
		view    string
		command []string
	}{
		{".env.sh", []string{"bash", "-c", `. "$0"; ` + dump}},
		{".env.sh", []string{"bash", "-euc", `source "$0"; ` + dump}},
		{".env.sh", []string{"bash", "--posix", "-c", `. "$0"; ` + dump}},
		{".env.sh", []string{"dash", "-euc", `. "$0"; ` + dump}},
		{".secrets.json", []string{"python3", "-c", `import json, sys; print(json.dumps(json.load(open(sys.argv[1], encoding="utf-8"))))`}},
		{".secrets.json", []string{"node", "-e", `console.log(JSON.stringify(JSON.parse(require("fs").readFileSync(process.argv[1]))))`}},
		{".secrets.toml", []string{"python3", "-c", `import json, sys, tomllib; print(json.dumps(tomllib.load(open(sys.argv[1], "rb"))))`}},
	} {
		t.Run(c.view+" "+strings.Join(c.command[:2], " "), func(t *testing.T) {
			if _, err := exec.LookPath(c.command[0]); err != nil {
				if os.Getenv("REQUIRE_FUSE") != "" {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			want := holds(c.view)
			file := filepath.Join(t.TempDir(), "view")
			require.NoError(t, os.WriteFile(file, []byte(render(t, builtin(t, c.view), folder(flat(want)...))), 0o600))
			cmd := exec.CommandContext(t.Context(), c.command[0], append(c.command[1:], file)...)
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "PYTHONUTF8=1"}
			var complaints strings.Builder
			cmd.Stderr = &complaints
			out, err := cmd.Output()
			require.NoError(t, err, complaints.String())
			require.Empty(t, complaints.String())
			got := map[string]string{}
			require.NoError(t, json.Unmarshal(out, &got))
			for name, value := range want {
				read, ok := got[name]
				require.True(t, ok, name)
				require.Equal(t, value, read, name)
			}
		})
	}
}

// Reading a file for the shell does nothing but set variables.
func TestSourcingRunsNothing(t *testing.T) {
	canary := filepath.Join(t.TempDir(), "canary")
	var pairs []string
	for name, value := range map[string]string{"A": "'; touch %; '", "B": "$(touch %)", "C": "`touch %`", "D": "\n touch %\n", "E": `\'; touch %; \'`, "F": "'\"; touch %;\""} {
		pairs = append(pairs, name, strings.ReplaceAll(value, "%", canary))
	}
	file := filepath.Join(t.TempDir(), "view")
	require.NoError(t, os.WriteFile(file, []byte(render(t, builtin(t, ".env.sh"), folder(pairs...))), 0o600))
	for _, shell := range []string{"sh", "bash"} {
		out, err := exec.CommandContext(t.Context(), shell, "-c", `. "$0"`, file).CombinedOutput()
		require.NoError(t, err)
		require.Empty(t, out)
		require.NoFileExists(t, canary)
	}
}
