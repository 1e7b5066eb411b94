package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../../"

// declared returns what a Go file declares at its top level: functions, methods,
// types, variables, constants.
func declared(t *testing.T, path string) map[string]bool {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	names := map[string]bool{}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			names[d.Name.Name] = true
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					names[spec.Name.Name] = true
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						names[name.Name] = true
					}
				}
			}
		}
	}
	return names
}

// Each row of a recipe names a file that exists, and what it declares.
func TestRecipesAreTrue(t *testing.T) {
	text, err := os.ReadFile(root + "docs/CONTRIBUTING.md")
	require.NoError(t, err)
	quoted := regexp.MustCompile("`([^`]+)`")
	rows := 0
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		recipe, _, _ := strings.Cut(section, "\n")
		before := rows
		for line := range strings.Lines(section) {
			cells := strings.Split(line, "|")
			if len(cells) != 5 || !strings.HasPrefix(cells[1], " `") {
				require.False(t, strings.HasPrefix(line, "| `"), "%s: a row has three cells: %s", recipe, line)
				continue
			}
			rows++
			file := quoted.FindStringSubmatch(cells[1])[1]
			if _, err := os.Stat(root + file); err != nil {
				t.Errorf("%s: there is no %s", recipe, file)
				continue
			}
			names := quoted.FindAllStringSubmatch(cells[2], -1)
			if len(names) == 0 {
				continue
			}
			require.Equal(t, ".go", filepath.Ext(file), "%s: names are looked for in Go files: %s", recipe, file)
			known := declared(t, root+file)
			for _, name := range names {
				if !known[name[1]] {
					t.Errorf("%s: %s declares no %s", recipe, file, name[1])
				}
			}
		}
		require.Greater(t, rows, before+5, recipe)
	}
}

// HACKING's "where is what" leads to files that exist.
func TestWhereIsWhatIsThere(t *testing.T) {
	text, err := os.ReadFile(root + "docs/HACKING.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n## Where is what\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	count := 0
	for _, m := range regexp.MustCompile("`((?:cache|client|cmd|docs|fs|internal|scripts|secret)/[^` ]*)`").FindAllStringSubmatch(section, -1) {
		files, err := filepath.Glob(root + m[1])
		require.NoError(t, err)
		if len(files) == 0 {
			t.Errorf("there is no %s", m[1])
		}
		count++
	}
	require.Greater(t, count, 15)
}
