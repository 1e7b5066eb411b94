package arch

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

// longest is the longest of something, and where.
type longest struct {
	lines int
	name  string
}

func (l *longest) see(lines int, name string) {
	if lines > l.lines {
		*l = longest{lines, name}
	}
}

func (l longest) String() string { return fmt.Sprintf("%s %d", l.name, l.lines) }

// measure counts a package's lines, comments included, and finds its longest file
// and function.
func (r *room) measure() (lines int, file, function longest) {
	for i, f := range r.files {
		count := r.fset.Position(f.FileEnd).Line
		if r.fset.Position(f.FileEnd).Column == 1 {
			count-- // the newline at the end of the last line begins none
		}
		lines += count
		file.see(count, r.names[i])
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				function.see(r.fset.Position(d.End()).Line-r.fset.Position(d.Pos()).Line+1, d.Name.Name)
			}
		}
	}
	return lines, file, function
}

// exported counts the exported names of a package's scope, without methods and
// fields.
func (r *room) exported() (count int) {
	for _, name := range r.types.Scope().Names() {
		if ast.IsExported(name) {
			count++
		}
	}
	return count
}

// ceiling is how many arrows may run up in a package. Who brings it down brings
// the number down; who needs more has a circle to cut first.
const ceiling = 60

// higher has the packages that have more, and why: none.
var higher = map[string]int{}

// The table of the house. To read it: go test -v -run Table ./internal/arch
func TestTable(t *testing.T) {
	list := rooms(t)
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "package\tfiles\tlines\texported\tup\tlongest file\tlongest function\timported by")
	for _, r := range list {
		var users []string
		for _, other := range list {
			if slices.Contains(other.imports, module+r.path) {
				users = append(users, other.path)
			}
		}
		lines, file, function := r.measure()
		up := r.up()
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%v\t%v\t%s\n", r.path, len(r.files), lines, r.exported(), len(up), file, function, strings.Join(users, " "))
		limit := ceiling
		if more, ok := higher[r.path]; ok {
			limit = more
		}
		if len(up) > limit {
			t.Errorf("%s: %d arrows run up, %d are allowed:\n  %s", r.path, len(up), limit, strings.Join(up, "\n  "))
		}
	}
	w.Flush()
	t.Log("\n" + b.String())
}
