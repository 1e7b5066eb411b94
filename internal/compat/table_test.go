package compat

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/view"
	"infisicalfs/secret"
)

// reader is a row of the table in docs/READERS.md: somebody else's program or
// library that reads what a mount shows.
type reader struct {
	name    string   // as users know it
	version version  // of what is run
	needs   []string // see needs
	// use are the columns that the page recommends: there each value is read as it is,
	// but for what changes says. If none is, instead says what else to do.
	use     []string
	instead string
	// others are columns that show what comes of it if somebody gives the reader
	// another file.
	others []string
	// read reads files that are called like the views of its columns, or directories
	// where the column is about the secrets' own files.
	read func(t *testing.T, files []string) []reading
	// changes says why this reader makes something else of a value, whatever holds it.
	// It must do so.
	changes  func(value string) (why string)
	byItself string // what else it does, for the page
	// environment is set if the reader hands on what it reads in a process's
	// environment, where no value of 128 KiB has room.
	environment bool
	// runs is set if the reader runs a value with $( as a command. Files that are not
	// recommended to it are given to it without such values.
	runs bool
	// elsewhere is set if scripts/compat --all has to fetch or build it.
	elsewhere bool
}

// reading is what came of reading one file: values, or a refusal.
type reading struct {
	values map[string]string
	err    error
}

// each is a reader of one file at a time.
func each(read func(t *testing.T, file string) (map[string]string, error)) func(t *testing.T, files []string) []reading {
	return func(t *testing.T, files []string) []reading {
		var all []reading
		for _, file := range files {
			values, err := read(t, file)
			all = append(all, reading{values, err})
		}
		return all
	}
}

// library is a reader that is a Go function.
func library(read func(file string) (map[string]string, error)) func(t *testing.T, files []string) []reading {
	return each(func(_ *testing.T, file string) (map[string]string, error) { return read(file) })
}

// The columns of the table are views, and two that are not.
const (
	envLiteral = ".env, literal" // .env with --env-dialect=literal
	ownFiles   = "KEY"           // the file of each secret
)

// envColumns are what a reader of .env files may be given, columns the order of all.
var (
	envColumns = []string{".env", envLiteral, ".env.expand", ".env.compose", ".env.docker", ".env.sh", ".env.systemd"}
	columns    = slices.Concat(envColumns, []string{".secrets.json", ".secrets.yaml", ".secrets.toml", ownFiles})
)

// all are the columns of a reader, in the order of the table.
func (r *reader) all() []string {
	var list []string
	for _, c := range columns {
		if slices.Contains(r.use, c) || slices.Contains(r.others, c) {
			list = append(list, c)
		}
	}
	return list
}

// table is a server with a folder for each column, and mounts of it.
type table struct {
	strict, literal, plain *world // plain lists no views: it is for who reads all that it lists
	t                      *testing.T
	held                   map[string]map[string]string // by folder
	alone                  map[string]string            // by column, see apart
}

func newTable(t *testing.T) *table {
	t.Helper()
	strict := newServer(t)
	again := func() *world { return &world{strict.Server, t, strict.url, t.TempDir()} }
	tab := &table{strict, again(), again(), t, map[string]map[string]string{}, map[string]string{}}
	for _, column := range columns {
		held := heldIn(column)
		for kind, is := range kinds {
			tab.fill(folder(column, kind), only(held, is))
		}
	}
	strict.mount("--expand=false", "--read-only", "--list-views=.env") // which Bun finds by listing
	tab.plain.mount("--expand=false", "--read-only")
	tab.literal.mount("--expand=false", "--read-only", "--list-views=.env", "--env-dialect=literal")
	return tab
}

func (tab *table) fill(folder string, values map[string]string) {
	tab.held[folder] = values
	tab.strict.fill(folder, values)
}

// kinds are which values of a column are in a folder of their own.
var kinds = map[string]func(value string) bool{
	"":            func(value string) bool { return len(value) < 64<<10 },
	"harmless":    func(value string) bool { return len(value) < 64<<10 && !strings.Contains(value, "$(") },
	"long":        func(value string) bool { return len(value) >= 64<<10 },
	"environment": func(value string) bool { return len(value) == 64<<10 }, // what is long and has room there
}

// folder is where the values of a column are of a kind.
func folder(column, kind string) string {
	return strings.NewReplacer(".", "", ",", "", " ", "-").Replace(column) + kind
}

// path is the file of a column.
func (tab *table) path(column, kind string) string {
	switch column {
	case ownFiles:
		return tab.plain.path(folder(column, kind))
	case envLiteral:
		return tab.literal.path(filepath.Join(folder(column, kind), ".env"))
	}
	return tab.strict.path(filepath.Join(folder(column, kind), column))
}

// heldIn are the ugly and random values that a column can hold.
func heldIn(column string) map[string]string {
	all := maps.Clone(ugly)
	maps.Copy(all, random)
	if column == ownFiles {
		return all
	}
	return heldBy(viewOf(column), all)
}

// viewOf is the view that a column is about.
func viewOf(column string) *view.View {
	name, dialect := column, view.EnvStrict
	if column == envLiteral {
		name, dialect = ".env", view.EnvLiteral
	}
	for _, v := range view.Builtin(dialect) {
		if v.Name() == name {
			return v
		}
	}
	panic("no view " + column)
}

func only(values map[string]string, is func(value string) bool) map[string]string {
	m := maps.Clone(values)
	maps.DeleteFunc(m, func(_, value string) bool { return !is(value) })
	return m
}

// cell is what came of giving a reader the file of a column: one with all values where it
// is recommended, or where each file takes a process, and else one with each value alone,
// so that what a value does to those after it does not count.
type cell struct {
	Held    int  `json:"held"`              // how many values there are
	Refused int  `json:"refused,omitempty"` // values for which the reader reports an error
	Wrong   int  `json:"wrong,omitempty"`   // values that it reads as something else, or not
	Extra   int  `json:"extra,omitempty"`   // values that it reads and that are not there
	Changed int  `json:"changed,omitempty"` // values that it changes whatever holds them
	Long    bool `json:"long,omitempty"`    // it reads a value of 64 KiB, and of 128 KiB if that is held
}

func (c *cell) add(more cell) {
	c.Held, c.Refused, c.Changed = c.Held+more.Held, c.Refused+more.Refused, c.Changed+more.Changed
	c.Wrong, c.Extra = c.Wrong+more.Wrong, c.Extra+more.Extra
}

// trial is a file that a reader is given, and what it should read there.
type trial struct {
	column, file string
	held         map[string]string
	long         bool
}

// trials are the files that a reader is given.
func (tab *table) trials(t *testing.T, r *reader) []trial {
	kind, long := "", "long"
	if r.runs {
		kind = "harmless"
	}
	if r.environment {
		long = "environment"
	}
	var list []trial
	for _, column := range r.all() {
		recommended := slices.Contains(r.use, column)
		if !recommended && !r.environment {
			for name, value := range tab.held[folder(column, kind)] {
				list = append(list, trial{column, filepath.Join(tab.apart(t, column), name, ".env"), map[string]string{name: value}, false})
			}
			continue
		}
		kind := kind
		if recommended {
			kind = ""
		}
		list = append(list, trial{column, tab.path(column, kind), tab.held[folder(column, kind)], false})
		if held := tab.held[folder(column, long)]; recommended && len(held) > 0 {
			list = append(list, trial{column, tab.path(column, long), held, true})
		}
	}
	return list
}

// apart returns a directory with a directory for each value of a column, where it is the only
// one of a file in the column's format that is called .env.
func (tab *table) apart(t *testing.T, column string) string {
	if dir, ok := tab.alone[column]; ok {
		return dir
	}
	dir := t.TempDir()
	v := viewOf(column)
	for name, value := range tab.held[folder(column, "")] {
		text, err := v.Render(&secret.Folder{Secrets: []secret.Secret{{Name: name, Value: secret.NewValue(value)}}})
		require.NoError(t, err)
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name, ".env"), []byte(text.Reveal()), 0o600))
	}
	tab.alone[column] = dir
	return dir
}

// try has a reader read the files of all its columns.
func (tab *table) try(t *testing.T, r *reader) map[string]cell {
	t.Helper()
	trials := tab.trials(tab.t, r)
	var files []string
	for _, trial := range trials {
		files = append(files, trial.file)
	}
	got := r.read(t, files)
	require.Len(t, got, len(files))
	cells := map[string]cell{}
	for i, trial := range trials {
		c := cells[trial.column]
		if trial.long {
			c.Long = got[i].err == nil && maps.Equal(trial.held, got[i].values)
		} else {
			c.add(r.judge(t, trial.held, got[i], slices.Contains(r.use, trial.column)))
		}
		cells[trial.column] = c
	}
	return cells
}

// judge compares what was read with what the server has. Where a file is recommended it
// says what is wrong.
func (r *reader) judge(t *testing.T, held map[string]string, got reading, recommended bool) cell {
	t.Helper()
	c := cell{Held: len(held)}
	say := func(format string, args ...any) {
		if recommended {
			t.Errorf(format, args...)
		}
	}
	if got.err != nil {
		say("it fails: %.2000s", got.err)
		c.Refused = len(held)
		return c
	}
	for name, value := range held {
		read, ok := got.values[name]
		why := ""
		if r.changes != nil {
			why = r.changes(value)
		}
		switch {
		case !ok:
			say("%s was not read", name)
			c.Wrong++
		case why != "" && read == value:
			say("%s, %.60q, is read as it is, although %s", name, value, why)
		case why != "":
			c.Changed++
		case read != value:
			say("%s is %.60q, not %.60q", name, read, value)
			c.Wrong++
		}
	}
	for name := range got.values {
		if _, ok := held[name]; !ok {
			say("%.60q was read and is not there", name)
			c.Extra++
		}
	}
	return c
}

// as returns the directory of a file of which a program that looks for .env in its
// directory reads it: its own, or one with a link.
func as(t *testing.T, file string) string {
	t.Helper()
	if filepath.Base(file) == ".env" {
		return filepath.Dir(file)
	}
	dir := t.TempDir()
	require.NoError(t, os.Symlink(file, filepath.Join(dir, ".env")))
	return dir
}
