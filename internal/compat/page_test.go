package compat

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	pageFile  = "../../docs/READERS.md"
	pageBegin = "<!-- scripts/compat writes what follows -->\n"
	pageEnd   = "<!-- up to here -->\n"
)

// The page has what the trials have shown, of each reader.
func TestReadersPage(t *testing.T) {
	text, err := os.ReadFile(pageFile)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), pageBegin)
	require.True(t, ok, "%s has lost its mark", pageFile)
	section, after, ok := strings.Cut(rest, pageEnd)
	require.True(t, ok, "%s has lost its other mark", pageFile)
	want := page(t, records(t))
	if writePage {
		require.NoError(t, os.WriteFile(pageFile, []byte(before+pageBegin+want+pageEnd+after), 0o644))
		return
	}
	require.Equal(t, want, section, "scripts/compat --write")
}

// page is the section of the page that is made of the trials.
func page(t *testing.T, tried map[string]record) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "\nOf %d values and two long ones:\n", len(only(heldIn(ownFiles), kinds[""])))
	fmt.Fprintf(&b, "\n| reader | version | file | by itself | tried |\n|---|---|---|---|---|\n")
	for _, r := range rows() {
		was, ok := tried[r.name]
		require.True(t, ok, "%s was never tried: scripts/compat --write", r.name)
		when := was.Tried
		if r.elsewhere {
			when += ", with `scripts/compat --all`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.name, was.Version, r.files(), r.does(), when)
	}
	fmt.Fprintf(&b, "\nWhat comes of it if one of them is given another file, of so many values that the file can hold:\n\n| reader |")
	for _, column := range envColumns {
		fmt.Fprintf(&b, " %s (%d) |", title(column), len(only(heldIn(column), kinds[""])))
	}
	fmt.Fprintf(&b, "\n|---|%s\n", strings.Repeat("---|", len(envColumns)))
	for _, r := range rows() {
		if len(r.others) == 0 {
			continue
		}
		fmt.Fprintf(&b, "| %s |", r.name)
		for _, column := range envColumns {
			fmt.Fprintf(&b, " %s |", outcome(tried[r.name].Cells[column]))
		}
		b.WriteByte('\n')
	}
	return b.String() + "\n"
}

// files are what the page recommends.
func (r *reader) files() string {
	if r.instead != "" {
		return r.instead
	}
	var list []string
	for _, column := range r.use {
		list = append(list, title(column))
	}
	return strings.Join(list, ", ")
}

// does is what the reader does to values by itself, and to how many.
func (r *reader) does() string {
	var list []string
	if r.byItself != "" {
		list = append(list, r.byItself)
	}
	if r.changes == nil {
		return strings.Join(list, "; ")
	}
	counts := map[string]int{}
	held := only(heldIn(r.use[0]), kinds[""])
	for _, value := range held {
		if why := r.changes(value); why != "" {
			counts[why]++
		}
	}
	for _, why := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("%s (%d of %d)", why, counts[why], len(held)))
	}
	return strings.Join(list, "; ")
}

// title is how the page calls a column.
func title(column string) string {
	switch column {
	case envLiteral:
		return "`.env` with `--env-dialect=literal`"
	case ownFiles:
		return "the secret's own"
	}
	return "`" + column + "`"
}

// outcome is a cell of the second table.
func outcome(c cell) string {
	switch {
	case c.Held == 0:
		return ""
	case c.Refused == c.Held:
		return "fails"
	case c.Refused+c.Wrong+c.Extra+c.Changed == 0:
		return "exact"
	}
	var list []string
	for _, n := range []struct {
		count int
		what  string
	}{{c.Refused, "fails for"}, {c.Wrong, "misreads"}, {c.Changed, "changes"}, {c.Extra, "makes up"}} {
		if n.count > 0 {
			list = append(list, fmt.Sprintf("%s %d", n.what, n.count))
		}
	}
	return strings.Join(list, ", ")
}
