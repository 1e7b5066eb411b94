package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// pages are what users read, README first; the manual page is apart.
var pages = []string{"README.md", "docs/READERS.md", "docs/WRITING.md", "docs/CONFIGURATION.md", "docs/CREDENTIALS.md", "docs/DOCKER.md", "docs/TROUBLE.md"}

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
	for _, page := range pages {
		for _, m := range regexp.MustCompile("`--([a-z-]+)").FindAllStringSubmatch(read(t, "../../"+page), -1) {
			require.True(t, known[m[1]] || m[1] == "help", "%s has --%s, which does not exist", page, m[1])
		}
	}
}

// Who opens the README has not much time, and goes on to where more is.
func TestReadmeIsShort(t *testing.T) {
	readme := read(t, "../../README.md")
	require.Less(t, strings.Count(readme, "\n"), 150)
	for _, page := range pages[1:] {
		require.Contains(t, readme, "]("+page+")")
		_, first, found := strings.Cut(read(t, "../../"+page), "\n\n")
		require.True(t, found && strings.HasPrefix(first, "In a hurry: "), "%s begins with what a hurried reader needs", page)
	}
}

// Links between documents lead to files and headings that exist.
func TestLinksLead(t *testing.T) {
	slug := func(heading string) string {
		return strings.ReplaceAll(regexp.MustCompile("[^a-z0-9 _-]").ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
	}
	documents, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	count := 0
	for _, document := range append(documents, "../../README.md", "../../CHANGELOG.md") {
		for _, m := range regexp.MustCompile(`\]\(([^):]*?)(?:#([^)]*))?\)`).FindAllStringSubmatch(read(t, document), -1) {
			target := filepath.Join(filepath.Dir(document), m[1])
			if m[1] == "" {
				target = document
			}
			_, err := os.Stat(target)
			require.NoError(t, err, "%s: %s", document, m[0])
			count++
			if m[2] == "" {
				continue
			}
			var slugs []string
			for _, h := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(read(t, target), -1) {
				slugs = append(slugs, slug(h[1]))
			}
			require.Contains(t, slugs, m[2], "%s: %s", document, m[0])
		}
	}
	require.Greater(t, count, 20)
}

func TestEveryCommandIsExplained(t *testing.T) {
	manual := read(t, "../../docs/infisicalfs.1")
	_, section, found := strings.Cut(read(t, "../../docs/CONFIGURATION.md"), "## Commands\n")
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
		require.Contains(t, documented, cmd.Name(), "not in CONFIGURATION.md")
		require.True(t, strings.Contains(manual, ".Cm "+cmd.Name()+"\n"), "%s is not in the manual", cmd.Name())
	}
	for _, name := range documented {
		cmd, _, err := newRoot().Find([]string{name})
		require.NoError(t, err)
		require.Equal(t, name, cmd.Name())
	}
}

// The flags of the pages' command lines, also of those within a sentence, exist
// for those commands, and the exit codes are those of --help.
func TestDocumentedCommandLines(t *testing.T) {
	count := 0
	for _, page := range pages {
		lines := regexp.MustCompile("(?m)(?:^|`)(?:\\$ )?(?:\\./)?infisicalfs ([a-z-]+)([^`\n]*)").FindAllStringSubmatch(read(t, "../../"+page), -1)
		for _, line := range lines {
			cmd, _, err := newRoot().Find([]string{line[1]})
			require.NoError(t, err, "%s: %s", page, line[0])
			own, _, _ := strings.Cut(line[2], " -- ")
			for _, flag := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(own, -1) {
				require.NotNil(t, cmd.Flags().Lookup(flag[1]), "%s: %s", page, line[0])
			}
			count++
		}
	}
	require.Greater(t, count, 30)

	trouble, manual := read(t, "../../docs/TROUBLE.md"), read(t, "../../docs/infisicalfs.1")
	codes := regexp.MustCompile(`(\d) ([A-Za-z ]+?)(?:   |\n|$)`).FindAllStringSubmatch(environment[strings.Index(environment, "Exit codes"):], -1)
	require.Len(t, codes, 10)
	for _, code := range codes {
		require.True(t, strings.Contains(strings.ReplaceAll(trouble, "\n", " "), code[1]+" "+code[2]), "TROUBLE.md: %q", code[0])
		require.True(t, strings.Contains(manual, ".It "+code[1]+"\n"+code[2]+"\n"), "manual: %q", code[0])
	}
}
