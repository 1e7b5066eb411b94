package compat

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const watchersPageFile = "../../docs/WATCHERS.md"

// watchersPage is the page for users. It has a table for each layout.
type watchersPage struct {
	text   string
	tables map[string][]string // by layout, the lines
}

func readWatchersPage(t *testing.T) *watchersPage {
	t.Helper()
	text, err := os.ReadFile(watchersPageFile)
	require.NoError(t, err)
	page := &watchersPage{string(text), map[string][]string{}}
	for _, layout := range layouts {
		_, rest, found := strings.Cut(page.text, fmt.Sprintf("<!-- scripts/compat writes what follows: %s -->\n", layout))
		require.True(t, found, "%s has lost its mark of %s", watchersPageFile, layout)
		table, _, _ := strings.Cut(rest, "\n\n")
		page.tables[layout] = strings.Split(strings.TrimSpace(table), "\n")
	}
	return page
}

func line(cells []string) string { return "| " + strings.Join(cells, " | ") + " |" }

// cells are those of a watcher, nil if the page does not have it.
func (p *watchersPage) cells(layout string, w *watcher) (cells []string) {
	for _, line := range p.tables[layout] {
		if strings.HasPrefix(line, fmt.Sprintf("| %s | %s |", w.name, w.what())) {
			for cell := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|"), "|") {
				cells = append(cells, strings.TrimSpace(cell))
			}
		}
	}
	return cells
}

// cell is what the page says of a watcher and a kind of change.
func (p *watchersPage) cell(layout string, w *watcher, c kindOfChange) string {
	i := slices.IndexFunc(kindsOfChange, func(other kindOfChange) bool { return other.title == c.title })
	if cells := p.cells(layout, w); len(cells) == 2+len(kindsOfChange) {
		return cells[2+i]
	}
	return ""
}

// What a cell says. What is heard on tmpfs is heard on a mount.
const (
	heard   = "yes"
	deaf    = "no"     // neither on tmpfs nor on a mount
	here    = "here"   // on a mount alone
	ifGiven = "listed" // of a view only where --list-views has it
)

// measured are the cells of a watcher, by what was heard on tmpfs and on a mount.
func measured(t *testing.T, w *watcher, layout string, tmpfs, mounted *hearing) []string {
	cells := []string{w.name, w.what()}
	for _, c := range kindsOfChange {
		cell := ""
		if c.of(w) != "" {
			switch there, too := tmpfs.heard(w, c), mounted.heard(w, c); {
			case there && too:
				cell = heard
			case !there && !too:
				cell = deaf
			case too:
				cell = here
			case c.title == unlisted:
				cell = ifGiven
			default:
				cell = "DEAF"
				t.Errorf("%s of %s, %s, %s: that is heard on tmpfs and not on a mount", w.name, w.what(), layout, c.title)
			}
		}
		cells = append(cells, cell)
	}
	return cells
}

// compare has each cell say what was heard. With COMPAT_WRITE it writes them.
func (p *watchersPage) compare(t *testing.T, list []*watcher, results map[string]*hearing) {
	for _, layout := range layouts {
		titles := []string{"watcher", "watches"}
		for _, c := range kindsOfChange {
			titles = append(titles, c.title)
		}
		lines := []string{line(titles), "|" + strings.Repeat("---|", len(titles))}
		for _, w := range list {
			was := p.cells(layout, w)
			now := was
			if w.tried() {
				now = measured(t, w, layout, results["tmpfs "+layout], results["mount "+layout])
			}
			if !writePage && !slices.Equal(now, was) {
				t.Errorf("%s says of %s\n%s\nand what was seen is\n%s", watchersPageFile, layout, line(was), line(now))
			}
			lines = append(lines, line(now))
		}
		if !writePage {
			require.Len(t, p.tables[layout], len(lines), "%s has lines of watchers that nobody tries", watchersPageFile)
		}
		p.text = strings.Replace(p.text, strings.Join(p.tables[layout], "\n"), strings.Join(lines, "\n"), 1)
	}
	if writePage {
		require.NoError(t, os.WriteFile(watchersPageFile, []byte(p.text), 0o644))
	}
}
