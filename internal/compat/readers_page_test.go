package compat

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The page for users names the versions that are tried.
func TestReadersPageHasTheVersions(t *testing.T) {
	modules := nodeModules(t)
	page, err := os.ReadFile("../../docs/READERS.md")
	require.NoError(t, err)
	gomod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(page), "### Readers that were tried")
	table, _, _ = strings.Cut(table, "\n## ")
	versioned := regexp.MustCompile(`(@?[a-zA-Z][\w./-]*) (\d+\.\d+\.\d+)`)
	tried := 0
	for line := range strings.Lines(table) {
		reader, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		reader = strings.ReplaceAll(reader, "13.0.0 and ", "")
		for _, found := range versioned.FindAllStringSubmatch(reader, -1) {
			tried++
			name, version := found[1], found[2]
			if i := strings.Index(name, "/"); strings.Contains(name[:max(i, 0)], ".") {
				require.Contains(t, string(gomod), name+" v"+version+"\n", "go.mod has another version of %s", name)
				continue
			}
			text, err := os.ReadFile(filepath.Join(modules, name, "package.json"))
			require.NoError(t, err)
			var pkg struct{ Version string }
			require.NoError(t, json.Unmarshal(text, &pkg))
			require.Equal(t, pkg.Version, version, name)
		}
	}
	require.GreaterOrEqual(t, tried, 15)
}
