package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// elsewhere has the commands of the documents that do more than mount and read,
// and the test that runs each.
var elsewhere = map[string]string{
	"scripts/quickstart --once":                 "scripts/test, and internal/e2e TestQuickStartFromElsewhere",
	"scripts/test":                              "CI",
	"go build -o infisicalfs ./cmd/infisicalfs": "internal/e2e, which builds the program so and runs it",
}

// trial is how the commands of one page are run, all in one shell and in their
// order, against the dev server in place of the reader's.
type trial struct {
	page   string
	before []string // testscript's lines before
	home   []string // the shell's lines before: what the page takes for granted
	shown  []string // what its commands print, as regular expressions
	after  []string // the shell's lines after it
}

// mounted is the mount that most pages take for granted.
var mounted = []string{"mkdir -p ~/secrets", "infisicalfs mount ~/secrets"}

var trials = []trial{{
	page:   "README.md",
	before: []string{"root"}, // for --allow-other and podman
	shown:  []string{`(?m)^payments$`, `(?m)^postgres://demo:not-a-real-password@db`, `(?m)^[0-9a-f]{64}$`, `mountpoint +\S+/secrets`},
	after: []string{
		`test "$(cat ~/secrets/demo/dev/API_KEY)" = 'a new value'`, `test "$GREETING" = 'hello, world'`,
		`test "$(stat -c %a $WORK/srv/secrets/GREETING)" = 444`, "test ! -e $WORK/srv/secrets/.infisicalfs/status",
		"infisicalfs status ~/secrets", "infisicalfs unmount ~/secrets", "infisicalfs unmount $WORK/srv/secrets",
	},
}, {
	page:  "docs/READERS.md",
	home:  mounted,
	shown: []string{`(?m)^postgres://demo:not-a-real-password@db`, `user\.infisical\.version=`, `fake-stripe-key-for-demonstration`},
	after: []string{`test "$GREETING" = 'hello, world'`, "infisicalfs unmount ~/secrets"},
}, {
	page:  "docs/WRITING.md",
	home:  mounted,
	shown: []string{`(?m)^API_KEY\.1 .* its secret was removed$`},
	after: []string{"test ! -e ~/secrets/demo/dev/API_KEY", "test ! -e ~/secrets/demo/dev/mail", "infisicalfs unmount ~/secrets"},
}, {
	page:   "docs/CONFIGURATION.md",
	before: []string{"root", "login admin --flags", "mkdir .config/infisicalfs", "exec cp secret .config/infisicalfs/ci.secret", "login admin"},
	shown:  []string{`(?m)^STRIPE_KEY$`, `(?m)^mountpoint +\S+/srv/secrets +`, `(?m)^postgres://demo:not-a-real-password@db`},
}, {
	page:   "docs/CREDENTIALS.md",
	before: []string{"login admin --flags", "exec cp secret client.secret", "token admin token"},
	home:   []string{"mkdir -p ~/secrets", "export INFISICAL_API_URL=$URL"},
}, {
	page:  "docs/TROUBLE.md",
	home:  mounted,
	shown: []string{`(?m)^mountpoint +\S+/secrets`, `"pid": \d+`},
	after: []string{"infisicalfs unmount ~/secrets"},
}}

// theirs turns what stands for the reader's own server, project and directories
// into those of a trial.
var theirs = strings.NewReplacer(
	"./infisicalfs", "infisicalfs",
	"https://infisical.example.com", "$INFISICAL_API_URL",
	"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=…", "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=$INFISICAL_UNIVERSAL_AUTH_CLIENT_ID",
	"INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=…", "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=$INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET",
	"00000000-0000-0000-0000-000000000000", "$CLIENT_ID",
	"my-project/prod", "demo/dev", "--project my-project --env prod", "--project demo --env dev",
	" /run/secrets", " $WORK/run/secrets", " /srv/secrets", " $WORK/srv/secrets",
	// A container is made and not started, which takes more rights than a test has.
	"podman run --rm -v /srv/secrets:", "podman $PODMAN create --network=none -v $WORK/srv/secrets:", " alpine cat", " --rootfs $WORK/rootfs cat",
)

// blocks returns the fenced blocks of a page in one language.
func blocks(page, language string) (list []string) {
	for _, block := range strings.Split(page, "```"+language+"\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		list = append(list, block)
	}
	return list
}

// typed returns the commands of a page's console blocks, without those that are
// run elsewhere.
func typed(t *testing.T, page string, skipped map[string]bool) (commands []string) {
	for _, block := range blocks(page, "console") {
		for line := range strings.Lines(block) {
			command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ ")
			require.True(t, ok, "what a console block has is typed: %q", line)
			if elsewhere[command] != "" {
				skipped[command] = true
				continue
			}
			commands = append(commands, theirs.Replace(command))
		}
	}
	require.NotEmpty(t, commands)
	return commands
}

// Each command that a page has in a console block is run as it stands there, and
// so are its configuration file and its line of fstab.
func TestDocumentedCommandsWork(t *testing.T) {
	dir, skipped := t.TempDir(), map[string]bool{}
	params := sessions()
	params.Dir = ""
	var tried []string
	for _, trial := range trials {
		page := read(t, "../../"+trial.page)
		tried = append(tried, trial.page)
		commands := typed(t, page, skipped)
		script := []string{"fuse", "server", "login admin"}
		for _, program := range []string{"podman", "jq", "getfattr", "setfattr"} {
			if strings.Contains(strings.Join(commands, "\n"), program+" ") {
				script = append(script, "programs "+program)
			}
		}
		script = slices.Concat(script, trial.before, []string{"mkdir run/secrets srv/secrets rootfs", "exec sh -eu page.sh"})
		for _, expression := range trial.shown {
			script = append(script, "stdout '"+expression+"'")
		}
		script = append(script, "mounts", "-- page.sh --", "HOME=$WORK", "unset XDG_CONFIG_HOME",
			"pod=$(mktemp -d -p /tmp pod.XXXXXX)", `trap 'rm -rf "$pod"' EXIT`, // podman's paths may have 50 characters
			`PODMAN="--root $pod/root --runroot $pod/run --tmpdir $pod/tmp --storage-driver=vfs --events-backend=none --cgroup-manager=cgroupfs"`)
		script = append(script, trial.home...)
		for _, config := range blocks(page, "yaml") {
			config = strings.NewReplacer("shop", "demo", "env: prod", "env: dev").Replace(theirs.Replace(config))
			script = append(script, "mkdir -p ~/.config/infisicalfs", "cat >~/.config/infisicalfs/config.yaml <<END", config+"END")
		}
		script = append(script, commands...)
		for _, line := range blocks(page, "fstab") {
			fields := strings.Fields(theirs.Replace(strings.ReplaceAll(line, "client-id=…", "client-id=$CLIENT_ID")))
			require.Len(t, fields, 6, line)
			options := strings.Replace(fields[3], "/etc/infisicalfs/secret", "$WORK/secret", 1)
			script = append(script, "ln -s $(command -v infisicalfs) mount."+fields[2],
				"./mount."+fields[2]+" "+fields[0]+" "+fields[1]+" -o "+options, "cat "+fields[1]+"/GREETING", "infisicalfs unmount "+fields[1])
		}
		script = append(script, trial.after...)
		name := strings.ToLower(strings.TrimSuffix(filepath.Base(trial.page), ".md"))
		params.Files = append(params.Files, filepath.Join(dir, "docs_"+name+".txtar"))
		require.NoError(t, os.WriteFile(params.Files[len(params.Files)-1], []byte(strings.Join(script, "\n")+"\n"), 0o600))
	}
	require.ElementsMatch(t, pages, append(tried, "docs/DOCKER.md")) // that one is tried in internal/engines, which has what it takes
	for command, where := range elsewhere {
		require.True(t, skipped[command], "no page has %q any more, which %s runs", command, where)
	}
	testscript.Run(t, params)
}

// A page of the documents without a console block would be one that nobody tries.
func TestConsoleBlocksAreMarked(t *testing.T) {
	for _, page := range pages {
		require.Empty(t, regexp.MustCompile("(?m)^```(sh|shell|bash|)\n(\\$ |.*\n\\$ )").FindString(read(t, "../../"+page)), page)
	}
}
