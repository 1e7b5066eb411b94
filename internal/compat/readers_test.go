package compat

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// record is what the last trial of a reader has shown. The page is made of all of them.
type record struct {
	Version string          `json:"version"`
	Tried   string          `json:"tried"` // the day
	Cells   map[string]cell `json:"cells"` // by column
}

// recordsFile has the records by the reader's name.
const recordsFile = "testdata/readers.json"

func records(t *testing.T) map[string]record {
	t.Helper()
	text, err := os.ReadFile(recordsFile)
	require.NoError(t, err)
	var m map[string]record
	require.NoError(t, json.Unmarshal(text, &m))
	return m
}

// What scripts/compat tells the test.
var (
	elsewhereToo = os.Getenv("COMPAT_ALL") != ""   // there is what scripts/compat --all fetches
	writePage    = os.Getenv("COMPAT_WRITE") != "" // write down what comes out, instead of comparing
)

// Each reader reads a real mount as it did when the page was written, and what the page
// recommends exactly.
func TestReaders(t *testing.T) {
	needs(t, "/dev/fuse")
	tab := newTable(t)
	before := records(t)
	now := map[string]record{}
	for _, r := range rows() {
		if was, ok := before[r.name]; ok {
			now[r.name] = was
		}
		t.Run(r.name, func(t *testing.T) {
			if r.elsewhere && !elsewhereToo {
				t.Skip("scripts/compat --all tries it")
			}
			needs(t, r.needs...)
			record := record{r.version.find(t), time.Now().UTC().Format(time.DateOnly), tab.try(t, &r)}
			now[r.name] = record
			if writePage {
				return
			}
			was, ok := before[r.name]
			require.True(t, ok, "it is not on the page: scripts/compat --write")
			if r.version.pinned {
				require.Equal(t, was.Version, record.Version, "the page has another version: scripts/compat --write")
			}
			require.Equal(t, was.Cells, record.Cells, "it reads otherwise than the page says: see why, and then scripts/compat --write")
		})
	}
	if writePage {
		text, err := json.MarshalIndent(now, "", "\t")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(recordsFile, append(text, '\n'), 0o644))
	}
}
