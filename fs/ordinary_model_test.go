package fs

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/procend"
	"infisicalfs/internal/fusetest"
)

// Random calls by name, and time that passes between them, do the same here and in an
// ordinary directory, whatever is a secret and whatever is scratch at that moment. In
// the end the server has what is no scratch, and nothing else.
func TestNamesLikeInAnOrdinaryDirectory(t *testing.T) {
	const runs, length = 10, 60
	seed := uint64(time.Now().UnixNano())
	for run := range uint64(runs) {
		t.Run(fmt.Sprint("seed ", seed+run), func(t *testing.T) {
			ordinary := fusetest.Disk(t.TempDir())
			timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
				m := &namesModel{t: t, w: w, k: k, p: p, ordinary: ordinary, random: rand.New(rand.NewPCG(seed+run, 0)), secrets: map[string]bool{}}
				defer func() {
					if t.Failed() {
						t.Logf("done:\n%s", strings.Join(m.done, "\n"))
					}
				}()
				w.Remove(dev, "GREETING")
				w.Remove(dev, "EMPTY")
				for len(m.done) < length {
					m.step()
				}
				m.checkServer()
			}, ttl(-1))
		})
	}
}

// namesModel is an ordinary directory beside a folder.
type namesModel struct {
	t        *testing.T
	w        *world
	k        *fusetest.Kernel
	p        *processes
	ordinary fusetest.Disk
	random   *rand.Rand
	done     []string
	secrets  map[string]bool // temporaries' names to which a secret was renamed
}

var (
	ordinaryNames  = []string{"A", "B", "C"}
	backupNames    = []string{"A.bak", "B.old", "A.orig", "C.a8Gk2x"} // and one that may be a temporary's
	temporaryNames = []string{"A~", ".B.swp", "C.tmp"}
	namesOfAll     = slices.Concat(ordinaryNames, backupNames, temporaryNames)
	textsOfAll     = []string{"", "v", "word", "another", strings.Repeat("long.", 100)}
)

func (m *namesModel) name() string { return namesOfAll[m.random.IntN(len(namesOfAll))] }

// operation picks what to do.
func (m *namesModel) operation() (what string, do func(v fusetest.View, at string) error) {
	a, b, text, size := m.name(), m.name(), textsOfAll[m.random.IntN(len(textsOfAll))], int64(m.random.IntN(8))
	for b == a { // that the kernel does by itself
		b = m.name()
	}
	show := fmt.Sprintf("%.10q", text)
	open := func(flags int, off func(fusetest.File) int64) func(v fusetest.View, at string) error {
		return func(v fusetest.View, at string) error {
			f, err := fusetest.File(nil), error(nil)
			if flags&syscall.O_CREAT != 0 {
				f, err = v.CreateFile(path.Join(at, a), flags, 0o644)
			} else {
				f, err = v.Open(path.Join(at, a), flags)
			}
			if err != nil {
				return err
			}
			if len(text) > 0 {
				_, err = f.WriteAt([]byte(text), off(f))
			}
			if closeErr := f.Close(); err == nil {
				err = closeErr
			}
			return err
		}
	}
	atStart := func(fusetest.File) int64 { return 0 }
	switch m.random.IntN(12) {
	case 0, 1:
		return "put " + a + " " + show, open(syscall.O_WRONLY|syscall.O_CREAT|syscall.O_TRUNC, atStart)
	case 2:
		return "create " + a + " " + show, open(syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL, atStart)
	case 3:
		return "append " + a + " " + show, open(syscall.O_WRONLY, func(f fusetest.File) int64 {
			attr, _ := f.Stat()
			return int64(attr.Size)
		})
	case 4:
		return fmt.Sprintf("write %s at %d: %s", a, size, show), open(syscall.O_RDWR, func(fusetest.File) int64 { return size })
	case 5:
		return fmt.Sprintf("truncate %s to %d", a, size), func(v fusetest.View, at string) error { return v.Truncate(path.Join(at, a), size) }
	case 6, 7, 8:
		return "rename " + a + " to " + b, func(v fusetest.View, at string) error { return v.Rename(path.Join(at, a), path.Join(at, b)) }
	case 9:
		return "remove " + a, func(v fusetest.View, at string) error { return v.Unlink(path.Join(at, a)) }
	case 10:
		pause := []time.Duration{time.Millisecond, time.Second, 40 * time.Second, time.Hour}[m.random.IntN(4)]
		return "wait " + pause.String(), func(v fusetest.View, _ string) error {
			if v == fusetest.View(m.k) {
				pass(pause)
			}
			return nil
		}
	default:
		return "end", func(v fusetest.View, _ string) error {
			if v == fusetest.View(m.k) {
				m.end()
			}
			return nil
		}
	}
}

// end ends the process that has made the calls, as far as anybody watches it. The next
// calls are another's of the same number.
func (m *namesModel) end() {
	m.p.mu.Lock()
	ended := m.p.ended
	m.p.ended = map[int]func(procend.How){}
	m.p.mu.Unlock()
	for _, tell := range ended {
		tell(procend.Exited)
	}
	synctest.Wait()
}

const folderOfAll = "demo/dev"

// step does one operation in both places and compares.
func (m *namesModel) step() {
	what, do := m.operation()
	got := do(m.k, folderOfAll)
	m.done = append(m.done, fmt.Sprintf("%s: %v", what, got))
	want := do(m.ordinary, "")
	require.Equal(m.t, want, got, what)
	if words := strings.Fields(what); words[0] == "rename" && want == nil {
		m.secrets[words[3]] = m.secrets[words[3]] || m.secrets[words[1]] || !slices.Contains(temporaryNames, words[1])
	}
	synctest.Wait()
	require.Equal(m.t, m.content(m.ordinary, ""), m.content(m.k, folderOfAll), what)
}

// content is what the files of a directory have, found by name, and listed if they
// are no temporaries.
func (m *namesModel) content(v fusetest.View, at string) map[string]string {
	listed, err := fusetest.Names(v, at)
	require.NoError(m.t, err)
	found := map[string]string{}
	for _, name := range namesOfAll {
		text, err := fusetest.ReadFile(v, path.Join(at, name))
		if err != syscall.ENOENT {
			require.NoError(m.t, err, name)
			found[name] = text
		}
		if slices.Contains(listed, name) {
			require.NoError(m.t, err, "%s is listed", name)
		} else if slices.Contains(ordinaryNames, name) {
			require.Error(m.t, err, "%s is not listed", name)
		}
	}
	return found
}

// checkServer holds the server to the ordinary directory.
func (m *namesModel) checkServer() {
	m.end()
	pass(2 * time.Hour)
	want := m.content(m.ordinary, "")
	require.Equal(m.t, want, m.content(m.k, folderOfAll))
	for _, name := range namesOfAll {
		text, ok := want[name]
		s, stored := m.w.Own(dev, name)
		switch {
		case slices.Contains(temporaryNames, name):
			require.True(m.t, !stored || m.secrets[name] && ok && s.Value.Reveal() == text, "%s is on the server", name)
		case slices.Contains(backupNames, name) && ok && !stored: // it was left here, as a backup or as mktemp leaves it
		case ok && stored:
			require.Equal(m.t, text, s.Value.Reveal(), name)
		default:
			require.Equal(m.t, ok, stored, "%s is on the server", name)
		}
	}
}
