package overlay

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/procend"
)

// The whole rule, one line for each case.
func TestFateOfDoubtfulFiles(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const half = MakerGrace / 2
	for name, c := range map[string]struct {
		signs signs
		fate  fate
		wait  time.Duration
	}{
		"renamed or unlinked":                     {signs{}, settled, 0},
		"being written":                           {signs{linked: true, open: true, made: true}, waits, 0},
		"closed, maker alive":                     {signs{linked: true, made: true, closed: ago(10 * time.Second)}, waits, 20 * time.Second},
		"closed for long, maker alive":            {signs{linked: true, made: true, closed: ago(30 * time.Second)}, arrives, 0},
		"closed, maker gone":                      {signs{linked: true, made: true, closed: ago(half), ended: true, how: procend.Exited, endedAt: ago(half)}, waits, half},
		"closed for long, maker gone just now":    {signs{linked: true, made: true, closed: ago(time.Hour), ended: true, endedAt: now}, waits, MakerGrace},
		"closed just now by others, maker gone":   {signs{linked: true, made: true, closed: now, ended: true, endedAt: ago(time.Hour)}, waits, MakerGrace},
		"maker gone for long":                     {signs{linked: true, made: true, closed: ago(time.Hour), ended: true, endedAt: ago(time.Hour)}, arrives, 0},
		"maker gone, somebody has it open":        {signs{linked: true, made: true, open: true, ended: true, endedAt: ago(time.Hour)}, waits, 0},
		"maker killed":                            {signs{linked: true, made: true, closed: now, ended: true, how: procend.Killed, endedAt: now}, broken, 0},
		"maker killed when its time had come":     {signs{linked: true, made: true, closed: ago(time.Hour), ended: true, how: procend.Killed, endedAt: ago(time.Minute)}, arrives, 0},
		"maker killed, somebody has it open":      {signs{linked: true, made: true, open: true, ended: true, how: procend.Killed, endedAt: now}, waits, 0},
		"another writer was killed":               {signs{linked: true, made: true, broken: true, closed: now}, broken, 0},
		"empty, maker gone (mktemp)":              {signs{linked: true, empty: true, closed: now, ended: true, endedAt: now}, spared, 0},
		"mktemp's, being filled":                  {signs{linked: true, open: true, ended: true, filled: ago(time.Second), endedAt: ago(time.Second)}, spared, 0},
		"mktemp's, filled before we heard of it":  {signs{linked: true, ended: true, filled: ago(time.Second + noticed/2), endedAt: ago(time.Second)}, spared, 0},
		"filled by a child of its maker":          {signs{linked: true, ended: true, filled: ago(time.Minute), closed: ago(time.Minute), endedAt: ago(time.Second)}, arrives, 0},
		"empty, maker killed":                     {signs{linked: true, empty: true, closed: now, ended: true, how: procend.Killed, endedAt: now}, spared, 0},
		"empty, maker alive or unknown":           {signs{linked: true, empty: true, closed: ago(time.Hour)}, waits, 0},
		"emptied by its maker, who is gone":       {signs{linked: true, empty: true, made: true, filled: ago(time.Hour), closed: ago(time.Hour), ended: true, endedAt: ago(time.Hour)}, arrives, 0},
		"how the maker ended could not be known":  {signs{linked: true, made: true, closed: ago(time.Hour), ended: true, how: procend.Unknown, endedAt: ago(time.Hour)}, arrives, 0},
		"closed before the end that was expected": {signs{linked: true, made: true, closed: now}, waits, DoubtfulFor},
	} {
		fate, wait := decide(c.signs, now, DoubtfulFor)
		require.Equal(t, c.fate, fate, name)
		require.Equal(t, c.wait, wait, name)
	}
}
