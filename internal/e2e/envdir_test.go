package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// firstLine is what envdir, chpst and s6-envdir make of a file by their manuals.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimRight(line, " \t")
}

// s6 is what s6-envdir reads of a file at most.
const s6 = 4095

// Ugly values reach environments as far as the programs' own rules let them, and
// with s6-envdir -fn exactly, if short. An empty file takes the variable away.
func TestUglyEnvironments(t *testing.T) {
	needPrograms(t, "envdir", "chpst", "s6-envdir")
	ugly := map[string]string{
		"PIN": "007", "EQUALS": "a=b==", "HASH": "#a #b", "SINGLE": "it's", "DOUBLE": `"a"`, "DOLLAR": "$HOME ${X}", "COMMAND": "$(id) `id`",
		"BACKSLASH": `a\nb\\`, "BACKSLASH_LAST": `a\`, "LINES": "a\nB=c\n", "NEWLINE": "\n", "SPACES": "  a b  ", "TAB": "\ta\t",
		"CRLF": "a\r\nb\r\n", "UNICODE": "žluť 🔑", "LARGE": strings.Repeat("x", 64<<10), "EMPTY": "",
	}
	var seeds []devserver.SeedSecret
	for name, value := range ugly {
		seeds = append(seeds, devserver.SeedSecret{Name: name, Value: value})
	}
	w := newWorld(t, devserver.Config{Seed: &devserver.Seed{Projects: []devserver.SeedProject{{
		Slug: "demo", Environments: []devserver.SeedEnvironment{{Slug: "dev", SeedContent: devserver.SeedContent{Secrets: seeds}}},
	}}}})
	m := w.mount(t, "admin", append(readDev, "--layout=flat")...)
	for program, rule := range map[string]func(string) string{
		"envdir": firstLine, "chpst -e": firstLine,
		"s6-envdir":     func(s string) string { return strings.TrimRight(firstLine(s[:min(len(s), s6)]), "\r") },
		"s6-envdir -fn": func(s string) string { return s[:min(len(s), s6)] },
	} {
		want := map[string]string{}
		for name, value := range ugly {
			if value != "" {
				want[name] = rule(value)
			}
		}
		words := append(strings.Fields(program), m.dir, "env", "-0")
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "EMPTY=to be removed"}
		out, err := cmd.Output()
		require.NoError(t, err, program)
		got := map[string]string{}
		for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
			if name, value, _ := strings.Cut(line, "="); name != "PATH" {
				got[name] = value
			}
		}
		require.Len(t, got, len(want), program)
		for name, value := range want {
			require.True(t, got[name] == value, "%s of %s: %.80q", program, name, got[name])
		}
	}
}
