package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
)

// together runs n processes in dir at once.
func together(t *testing.T, n int, dir string, do func(i int, p *process)) {
	t.Helper()
	processes := make([]*process, n)
	for i := range processes {
		processes[i] = startProcess(t, dir)
	}
	var all sync.WaitGroup
	for i, p := range processes {
		all.Go(func() { do(i, p) })
	}
	all.Wait()
}

// Sixteen processes write one secret: each is told whether it did, and what the
// server has is what one of the successful wrote. Nobody overwrites unseen.
func TestManyWritersOfOneSecret(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", one(old))
		var mu sync.Mutex // guards written
		written := []string{}
		together(t, 16, d.at("desk"), func(i int, p *process) {
			text := strings.Repeat(fmt.Sprint(i, " "), 1+i*100) + "end"
			_, err := p.try("put", "KEY", text)
			if err == nil {
				mu.Lock()
				written = append(written, text)
				mu.Unlock()
			} else if !errors.Is(err, unix.ESTALE) {
				t.Errorf("writer %d: %v", i, err)
			}
		})
		require.NotEmpty(t, written)
		now := d.stored(t, "desk/KEY")
		require.Contains(t, written, now.Value)
		require.Equal(t, 1+len(written), now.Version, "a version for each success, and none besides")
		d.holds(t, "desk/KEY", now.Value)
		require.Len(t, d.rejected(t), 16-len(written), "the texts of the others are kept")
	})
}

// Counting needs read, write and repeat: no count is lost among the processes
// of one mount. Two mounts have the window of a round trip, and tell of it.
func TestCountingTogether(t *testing.T) {
	const counters, times = 4, 5
	count := func(t *testing.T, d *desk, mounts ...*mounted) {
		d.have(t, "desk", one("0"))
		for _, m := range mounts {
			m.refresh(t)
		}
		var all sync.WaitGroup
		for i := range counters {
			p := startProcess(t, mounts[i%len(mounts)].path("demo/dev/desk"))
			all.Go(func() {
				for range times {
					if err := increment(p); err != nil {
						t.Errorf("counter %d: %v", i, err)
						return
					}
				}
			})
		}
		all.Wait()
		lost := 0
		for _, m := range mounts {
			lost += m.status(t).FS.Writes.LostUpdates
		}
		got, err := strconv.Atoi(d.stored(t, "desk/KEY").Value)
		require.NoError(t, err)
		t.Logf("%d of %d, %d reported lost", got, counters*times, lost)
		if len(mounts) == 1 {
			require.Zero(t, lost)
		}
		require.GreaterOrEqual(t, got, counters*times-lost)
		require.LessOrEqual(t, got, counters*times)
	}
	t.Run("one mount", func(t *testing.T) {
		eachDesk(t, func(t *testing.T, d *desk) { count(t, d, d.mounted) })
	})
	t.Run("two mounts", func(t *testing.T) {
		eachDesk(t, func(t *testing.T, d *desk) { count(t, d, d.mounted, d.mount(t, "admin")) })
	})
}

// increment adds one to KEY, and begins again when somebody else was faster.
func increment(p *process) error {
	for range 1000 {
		text, err := p.try("cat", "KEY")
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		_, err = p.try("put", "KEY", strconv.Itoa(n+1))
		if err == nil || !errors.Is(err, unix.ESTALE) {
			return err
		}
	}
	return errors.New("never its turn")
}

func TestManySecretsOfOneFolder(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		together(t, 16, d.at("desk"), func(i int, p *process) {
			for round := range 3 {
				if _, err := p.try("put", fmt.Sprint("KEY_", i), fmt.Sprintf("%d of %d", round, i)); err != nil {
					t.Errorf("writer %d: %v", i, err)
				}
			}
			if i%4 == 0 {
				if _, err := p.try("rename", fmt.Sprint("KEY_", i), fmt.Sprint("RENAMED_", i)); err != nil {
					t.Errorf("renamer %d: %v", i, err)
				}
			}
		})
		list, err := os.ReadDir(d.at("desk"))
		require.NoError(t, err)
		require.Len(t, list, 16)
		for i := range 16 {
			name := fmt.Sprint("desk/KEY_", i)
			if i%4 == 0 {
				name = fmt.Sprint("desk/RENAMED_", i)
			}
			d.holds(t, name, fmt.Sprintf("2 of %d", i))
		}
	})
}

// Of many who create one name exclusively, one does.
func TestExclusiveCreation(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		var winners atomic.Int32
		var value atomic.Value
		together(t, 16, d.at("desk"), func(i int, p *process) {
			text := fmt.Sprint("writer ", i)
			switch _, err := p.try("put", "NEW", text, "w,creat,excl"); {
			case err == nil:
				winners.Add(1)
				value.Store(text)
			case !errors.Is(err, unix.EEXIST):
				t.Errorf("writer %d: %v", i, err)
			}
		})
		require.Equal(t, int32(1), winners.Load())
		d.holds(t, "desk/NEW", value.Load().(string))
		posts := slices.DeleteFunc(d.record.of("desk"), func(a asked) bool { return a.method != http.MethodPost })
		require.Len(t, posts, 1)
	})
}

// Readers beside a writer see whole values, one after the other, never an empty
// or mixed one; also those that take many reads.
func TestReadersBesideAWriter(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		value := func(round int) string { return strings.Repeat(string(rune('a'+round)), 1+round*40_000) }
		d.have(t, "desk", one(value(0)))
		var done atomic.Bool
		var readers sync.WaitGroup
		for range 4 {
			p := startProcess(t, d.at("desk"))
			readers.Go(func() {
				last := 0
				for !done.Load() {
					text, err := p.try("cat", "KEY")
					if errors.Is(err, unix.ESTALE) {
						continue // it changed under the reader, who is told
					}
					if err != nil || text == "" {
						t.Errorf("reading: %q, %v", text, err)
						return
					}
					round := int(text[0] - 'a')
					if text != value(round) {
						t.Errorf("a mixture of %d bytes that begins with %q and ends with %q", len(text), text[0], text[len(text)-1])
					}
					if round < last {
						t.Errorf("round %d after %d", round, last)
					}
					last = round
				}
			})
		}
		writer := startProcess(t, d.at("desk"))
		for round := 1; round < 8; round++ {
			writer.do(t, "open", "f", "KEY", "w,trunc")
			text := value(round)
			for len(text) > 0 {
				n := min(len(text), 50_000)
				writer.do(t, "write", "f", text[:n])
				text = text[n:]
			}
			writer.do(t, "close", "f")
			require.Equal(t, value(round), writer.do(t, "cat", "KEY"), "its own write, at once")
		}
		done.Store(true)
		readers.Wait()
		d.holds(t, "desk/KEY", value(7))
	})
}

// Writers wait in line for the server's limit, and are not refused because of it.
func TestWritersWaitInLine(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, profile devserver.Profile) {
		t.Parallel()
		w := newWorld(t, devserver.Config{Profile: profile, RateLimit: shortWindows(profile)})
		w.edit(t, func(e *devserver.Editor) error { return e.Mkdir("demo", "dev", "/desk") })
		d := &desk{world: w, mounted: w.mount(t, "admin"), profile: profile, record: newRecord(w.Server)}
		together(t, 8, d.at("desk"), func(i int, p *process) {
			for round := range 8 {
				if _, err := p.try("put", fmt.Sprint("KEY_", i), fmt.Sprint("round ", round)); err != nil {
					t.Errorf("writer %d: %v", i, err)
				}
			}
		})
		for i := range 8 {
			d.holds(t, fmt.Sprint("desk/KEY_", i), "round 7")
		}
	})
}
