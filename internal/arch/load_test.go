package arch

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// room is a package of the module with the types of all that its files name.
// Tests are not in it, nor files for other systems.
type room struct {
	path    string // without the module
	imports []string
	fset    *token.FileSet
	files   []*ast.File
	names   []string // of files, beside it
	types   *types.Package
	info    *types.Info
}

var loaded = sync.OnceValues(load)

// rooms returns the module's packages that have files besides tests.
func rooms(t *testing.T) []*room {
	t.Helper()
	list, err := loaded()
	require.NoError(t, err)
	require.Greater(t, len(list), 10)
	return list
}

// load has the toolchain compile what the module imports, and reads types from
// that: checking everything from source takes ten times as long.
func load() ([]*room, error) {
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,Imports", module+"...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	export, list := map[string]string{}, []*room{}
	fset := token.NewFileSet()
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath, Dir, Export string
			GoFiles, Imports        []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		export[p.ImportPath] = p.Export
		path, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours {
			continue
		}
		r := &room{path: path, imports: p.Imports, fset: fset, names: p.GoFiles}
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			r.files = append(r.files, file)
		}
		if len(r.files) > 0 {
			list = append(list, r)
		}
	}
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(export[path]) })}
	for _, r := range list {
		r.info = &types.Info{Uses: map[*ast.Ident]types.Object{}}
		if r.types, err = config.Check(module+r.path, fset, r.files, r.info); err != nil {
			return nil, err
		}
	}
	return list, nil
}
