package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

func read(t *testing.T, path string) string {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// eachFlag calls do with all flags of all commands.
func eachFlag(do func(cmd *cobra.Command, f *pflag.Flag)) {
	for _, cmd := range newRoot().Commands() {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" {
				do(cmd, f)
			}
		})
	}
}

func TestEveryFlagIsExplained(t *testing.T) {
	manual := read(t, "../../docs/infisicalfs.1")
	known := map[string]bool{}
	eachFlag(func(cmd *cobra.Command, f *pflag.Flag) {
		known[f.Name] = true
		require.NotEmpty(t, f.Usage, "%s --%s", cmd.Name(), f.Name)
		inManual, err := regexp.MatchString(`Fl -`+f.Name+`\s`, manual)
		require.NoError(t, err)
		require.True(t, inManual, "%s --%s is not in the manual", cmd.Name(), f.Name)
	})
	for _, m := range regexp.MustCompile(`Fl -([a-z-]+)`).FindAllStringSubmatch(manual, -1) {
		require.True(t, known[m[1]], "the manual has --%s, which does not exist", m[1])
	}
	for _, m := range regexp.MustCompile("`--([a-z-]+)").FindAllStringSubmatch(read(t, "../../README.md"), -1) {
		require.True(t, known[m[1]] || m[1] == "help", "the README has --%s, which does not exist", m[1])
	}
}

func TestEveryCommandIsExplained(t *testing.T) {
	readme, manual := read(t, "../../README.md"), read(t, "../../docs/infisicalfs.1")
	_, section, found := strings.Cut(readme, "## Commands\n")
	require.True(t, found)
	block, _, _ := strings.Cut(strings.SplitN(section, "```\n", 2)[1], "```")

	var documented []string
	for line := range strings.Lines(block) {
		for part := range strings.SplitSeq(strings.TrimPrefix(line, "infisicalfs "), "·") {
			documented = append(documented, strings.Fields(part)[0])
		}
	}
	for _, cmd := range newRoot().Commands() {
		require.NotEmpty(t, cmd.Short, cmd.Name())
		if cmd.Name() == "help" {
			continue
		}
		require.Contains(t, documented, cmd.Name(), "not in the README")
		require.True(t, strings.Contains(manual, ".Cm "+cmd.Name()+"\n"), "%s is not in the manual", cmd.Name())
	}
	for _, name := range documented {
		cmd, _, err := newRoot().Find([]string{name})
		require.NoError(t, err)
		require.Equal(t, name, cmd.Name())
	}
}

// The README's flags in its commands exist for those commands, and its exit
// codes are those of --help.
func TestReadmeCommandLines(t *testing.T) {
	readme := read(t, "../../README.md")
	for _, line := range regexp.MustCompile(`(?m)^(?:\$ )?(?:\./)?infisicalfs ([a-z]+)(.*)$`).FindAllStringSubmatch(readme, -1) {
		cmd, _, err := newRoot().Find([]string{line[1]})
		require.NoError(t, err, line[0])
		for _, flag := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(line[2], -1) {
			require.NotNil(t, cmd.Flags().Lookup(flag[1]), line[0])
		}
	}
	manual := read(t, "../../docs/infisicalfs.1")
	codes := regexp.MustCompile(`(\d) ([A-Za-z ]+?)(?:   |\n|$)`).FindAllStringSubmatch(environment[strings.Index(environment, "Exit codes"):], -1)
	require.Len(t, codes, 10)
	for _, code := range codes {
		require.True(t, strings.Contains(strings.ReplaceAll(readme, "\n", " "), code[1]+" "+code[2]), "README: %q", code[0])
		require.True(t, strings.Contains(manual, ".It "+code[1]+"\n"+code[2]+"\n"), "manual: %q", code[0])
	}
}

// consoleBlocks returns the commands of the README's console blocks below a
// heading.
func consoleBlocks(t *testing.T, readme, heading string) []string {
	_, section, found := strings.Cut(readme, heading+"\n")
	require.True(t, found, heading)
	section, _, _ = strings.Cut(section, "\n#")
	var commands []string
	for _, block := range strings.Split(section, "```console\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		for line := range strings.Lines(block) {
			if command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ "); ok {
				commands = append(commands, command)
			}
		}
	}
	require.NotEmpty(t, commands)
	return commands
}

// The README's own commands, in a shell, with the dev server in place of the
// reader's.
func TestReadmeCommandsWork(t *testing.T) {
	readme := read(t, "../../README.md")
	own := consoleBlocks(t, readme, "## Your own server")
	require.True(t, strings.HasPrefix(own[0], "go build "), own[0])
	own = own[1:] // built already
	one := consoleBlocks(t, readme, "### One project, one folder")

	script := slices.Concat([]string{
		"fuse", "server", "login admin",
		"exec sh -eu own.sh", "stdout '^postgres://demo:'", "mounts",
		"mkdir run/secrets",
		"exec sh -eu one.sh", "stdout STRIPE_KEY", "mounts",
		"-- own.sh --", "HOME=$WORK",
	}, own, []string{
		"infisicalfs status ~/secrets", "infisicalfs unmount ~/secrets",
		"-- one.sh --",
	}, one, []string{"ls $WORK/run/secrets", "infisicalfs unmount $WORK/run/secrets", ""})
	text := strings.NewReplacer(
		"./infisicalfs", "infisicalfs",
		"https://infisical.example.com", "$INFISICAL_API_URL",
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=…", "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=$INFISICAL_UNIVERSAL_AUTH_CLIENT_ID",
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=…", "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=$INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET",
		"my-project/prod", "demo/dev", "my-project --env prod", "demo --env dev",
		" /run/secrets", " $WORK/run/secrets",
	).Replace(strings.Join(script, "\n"))

	p := sessions()
	p.Dir, p.Files = "", []string{t.TempDir() + "/readme.txtar"}
	require.NoError(t, os.WriteFile(p.Files[0], []byte(text), 0o600))
	testscript.Run(t, p)
}
