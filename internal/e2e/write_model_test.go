package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Random operations, done in the mount and in an ordinary directory, have the
// same outcome and leave the same tree behind, but for what the server trims.
func TestLikeAnOrdinaryDirectory(t *testing.T) {
	const runs, length = 3, 100
	eachDesk(t, func(t *testing.T, d *desk) {
		seed := uint64(time.Now().UnixNano())
		for run := range uint64(runs) {
			folder := fmt.Sprint("desk/run", run)
			m := &model{random: rand.New(rand.NewPCG(seed+run, 0)), real: t.TempDir(), mount: d.at(folder), backedUp: map[string]bool{}, renamed: map[string]bool{}}
			t.Logf("seed %d", seed+run)
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("done in %s:\n%s", m.mount, strings.Join(m.done, "\n"))
				}
			})
			require.NoError(t, os.Mkdir(m.mount, 0o755))
			for began := time.Now(); len(m.done) < length && time.Since(began) < 45*time.Second; { // less than a backed up secret is away
				m.step(t)
			}
			d.settled(t)
			m.checkServer(t, d, folder)
		}
	})
}

// model is an ordinary directory beside one of the mount.
type model struct {
	random      *rand.Rand
	real, mount string
	done        []string
	backedUp    map[string]bool // secrets that were renamed to a temporary's name
	renamed     map[string]bool // what they were renamed to
	secrets     map[string]bool // temporaries' names that the mount lists: a secret was renamed to them
}

var (
	modelNames   = []string{"A", "B", "C", "lower", "with.dot"}
	modelScratch = []string{".x.swp", "B~", "C.tmp"}
	modelFolders = []string{"", "", "sub", "sub/deep", "other"}
	modelTexts   = []string{"", "v", "line\n", "two\nlines\n", " padded ", "x\n\n\n", "word", strings.Repeat("long ", 30_000)}
)

func pick(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

// file picks a file. Scratch is in the topmost folder only, because an
// ordinary folder with scratch in it is not empty.
func (m *model) file() string {
	if m.random.IntN(4) == 0 {
		return pick(m.random, modelScratch)
	}
	return filepath.Join(pick(m.random, modelFolders), pick(m.random, modelNames))
}

func ofScratch(path string) bool {
	for _, name := range modelScratch {
		if name == path {
			return true
		}
	}
	return false
}

// operation picks something to do in a directory.
func (m *model) operation() (what string, do func(root string) error) {
	a, b, text, at := m.file(), m.file(), pick(m.random, modelTexts), m.random.IntN(12)
	folder := pick(m.random, modelFolders[2:])
	open := func(flags int, then func(root string, f *os.File) error) func(string) error {
		return func(root string) error {
			f, err := os.OpenFile(filepath.Join(root, a), flags, 0o644)
			if err != nil {
				return err
			}
			err = then(root, f)
			return errors.Join(err, f.Close())
		}
	}
	write := func(_ string, f *os.File) error { _, err := f.WriteString(text); return err }
	show := fmt.Sprintf("%.12q", text)
	switch m.random.IntN(14) {
	case 0, 1, 2:
		return "put " + a + " " + show, open(os.O_WRONLY|os.O_CREATE|os.O_TRUNC, write)
	case 3:
		return "append " + a + " " + show, open(os.O_WRONLY|os.O_CREATE|os.O_APPEND, write)
	case 4:
		return fmt.Sprintf("write %s at %d: %s", a, at, show), open(os.O_RDWR, func(_ string, f *os.File) error {
			_, err := f.WriteAt([]byte(text), int64(at))
			return err
		})
	case 5:
		return "create " + a + " " + show, open(os.O_WRONLY|os.O_CREATE|os.O_EXCL, write)
	case 6:
		return fmt.Sprintf("truncate %s to %d", a, at), func(root string) error { return os.Truncate(filepath.Join(root, a), int64(at)) }
	case 7, 8, 9:
		return "rename " + a + " to " + b, func(root string) error { return os.Rename(filepath.Join(root, a), filepath.Join(root, b)) }
	case 10:
		return "rename " + a + " to " + b + " while " + show + " is written", open(os.O_WRONLY|os.O_TRUNC, func(root string, f *os.File) error {
			return errors.Join(write(root, f), os.Rename(filepath.Join(root, a), filepath.Join(root, b)))
		})
	case 11:
		return "remove " + a, func(root string) error { return syscall.Unlink(filepath.Join(root, a)) }
	case 12:
		return "mkdir " + folder, func(root string) error { return os.Mkdir(filepath.Join(root, folder), 0o755) }
	default:
		return "rmdir " + folder, func(root string) error { return syscall.Rmdir(filepath.Join(root, folder)) }
	}
}

// step does one operation in both places and compares.
func (m *model) step(t *testing.T) {
	t.Helper()
	what, do := m.operation()
	if m.beyond(what) {
		return
	}
	before := m.tree(t, m.real)
	got := do(m.mount)
	m.done = append(m.done, fmt.Sprintf("%s: %v", what, errnoIn(got)))
	if errors.Is(got, syscall.EXDEV) && strings.HasPrefix(what, "rename") {
		require.Equal(t, before, m.tree(t, m.mount), what) // mv copies then
		return
	}
	want := do(m.real)
	require.Equal(t, errnoIn(want), errnoIn(got), what)
	if words := strings.Fields(what); words[0] == "rename" && (!ofScratch(words[1]) || m.renamed[words[1]]) && ofScratch(words[3]) && want == nil {
		m.backedUp[words[1]], m.renamed[words[3]] = true, true
	}
	m.tree(t, m.mount) // which names are secrets
	m.trim(t)
	expected := m.tree(t, m.real)
	soon(t, fmt.Sprintf("%s: the same in the mount as %.60q; there it is %.60q", what, expected, m.tree(t, m.mount)), func() bool {
		return maps.Equal(expected, m.tree(t, m.mount)) // emptying is told with the last close only
	})
}

// beyond says what is different by intention: an open file is not taken to
// another folder, and whoever backs a secret up holds a copy.
func (m *model) beyond(what string) bool {
	words := strings.Fields(what)
	if words[0] == "rmdir" { // what is backed up is still there
		for path := range m.backedUp {
			if strings.HasPrefix(path, words[1]+"/") {
				return true
			}
		}
	}
	return words[0] == "rename" && strings.Contains(what, " while ") &&
		(filepath.Dir(words[1]) != filepath.Dir(words[3]) || ofScratch(words[1]) || ofScratch(words[3]))
}

// trim does to the ordinary files what the server does to values.
func (m *model) trim(t *testing.T) {
	t.Helper()
	for path, text := range m.tree(t, m.real) {
		stored := strings.TrimSpace(text)
		if strings.HasSuffix(text, "\n") {
			stored += "\n"
		}
		if (!ofScratch(path) || m.secrets[path]) && !strings.HasSuffix(path, "/") && stored != text {
			require.NoError(t, os.WriteFile(filepath.Join(m.real, path), []byte(stored), 0o644))
		}
	}
}

// tree reads folders, whose names end in a slash, and files, scratch included.
func (m *model) tree(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	if root == m.mount {
		m.secrets = map[string]bool{}
	}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case d.IsDir():
			found[name+"/"] = ""
			return nil
		case root == m.mount && ofScratch(name):
			m.secrets[name] = true
			require.True(t, m.renamed[name], "%s is listed", name)
		}
		text, err := os.ReadFile(path)
		found[name] = string(text)
		return err
	}))
	for _, name := range modelScratch {
		text, err := os.ReadFile(filepath.Join(root, name))
		if !errors.Is(err, fs.ErrNotExist) {
			require.NoError(t, err)
			found[name] = string(text)
		}
	}
	return found
}

// checkServer holds the server to the ordinary directory.
func (m *model) checkServer(t *testing.T, d *desk, folder string) {
	t.Helper()
	want := m.tree(t, m.real)
	for _, dir := range modelFolders {
		_, ok := want[dir+"/"]
		require.Equal(t, ok || dir == "", d.HasFolder("demo", "dev", "/"+filepath.Join(folder, dir)), dir)
		for _, name := range append(modelScratch, modelNames...) {
			path := filepath.Join(dir, name)
			text, ok := want[path]
			s, stored := d.lookup(filepath.Join(folder, path))
			switch {
			case ofScratch(name): // a secret of that name that was renamed on is there for a minute
				require.True(t, !stored || m.backedUp[path] || m.renamed[path] && s.Value == text, "%s is on the server", path)
			case ok:
				require.True(t, stored, "%s is not on the server", path)
				require.Equal(t, text, s.Value, path)
			case !m.backedUp[path]:
				require.False(t, stored, "%s is on the server", path)
			}
		}
	}
}

// errnoIn is the errno in an error, 0 for none. Another error than an errno is
// none that a file system gives.
func errnoIn(err error) syscall.Errno {
	var errno syscall.Errno
	if err != nil && !errors.As(err, &errno) {
		return syscall.ENOTRECOVERABLE
	}
	return errno
}
