package fs

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/fs/internal/overlay"
	"infisicalfs/fs/internal/procend"
	"infisicalfs/internal/fusetest"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// processes lets a test say when and how the processes end that a file system
// watches.
type processes struct {
	mu    sync.Mutex // guards ended
	ended map[int]func(procend.How)
}

func (p *processes) watch(pid int, ended func(procend.How)) (func(), error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended[pid] = ended
	return func() {}, nil
}

// end ends the process that makes the test's calls.
func (p *processes) end(how procend.How) {
	p.mu.Lock()
	ended := p.ended[os.Getpid()]
	p.mu.Unlock()
	ended(how)
	synctest.Wait()
}

// timed runs test in a world whose time and processes are the test's.
func timed(t *testing.T, test func(*testing.T, *world, *fusetest.Kernel, *processes), change ...func(*Config)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(append([]func(*Config){writing}, change...)...)
		p := &processes{ended: make(map[int]func(procend.How))}
		w.makers.Watch = p.watch
		defer w.Close()
		k := fusetest.Direct(t, w.Root(), w.Options())
		as(k, os.Getpid())
		test(t, w, k, p)
	})
}

// install creates a file exclusively and for nobody else's eyes, as install -m600,
// cp of such a file, tar and mktemp do.
func install(t *testing.T, k *fusetest.Kernel, path, text string) {
	t.Helper()
	f, err := k.CreateFile(path, syscall.O_WRONLY|syscall.O_EXCL, 0o600)
	require.NoError(t, err)
	if text != "" {
		_, err = f.WriteAt([]byte(text), 0)
		require.NoError(t, err)
	}
	require.NoError(t, f.Close())
	synctest.Wait()
}

const natural = "demo/dev/GREETING-us2prod" // and a name that mktemp could have made

// pass lets time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// A name that could be a temporary's is a secret when the program that made it
// has ended: cp, tar, install.
func TestDoubtfulFileArrivesWhenItsMakerEnds(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		install(t, k, natural, "natural")
		before, err := k.Stat(natural)
		require.NoError(t, err)
		names, err := fusetest.Names(k, "demo/dev")
		require.NoError(t, err)
		require.Contains(t, names, "GREETING-us2prod", "what is not on the server yet can be seen")
		require.Equal(t, 1, w.Counts().Writes.DoubtfulFiles)
		require.Empty(t, w.Writes())

		pass(overlay.DoubtfulFor - time.Second)
		p.end(procend.Exited)
		require.Empty(t, w.Writes(), "the next command may rename it")
		pass(overlay.MakerGrace)
		w.requireValue(t, dev, "GREETING-us2prod", "natural")
		require.Equal(t, []string{"create GREETING-us2prod"}, w.Writes())
		require.Zero(t, w.Counts().Writes.DoubtfulFiles)
		after, err := k.Stat(natural)
		require.NoError(t, err)
		require.Equal(t, before.Ino, after.Ino)
		text, err := fusetest.ReadFile(k, natural)
		require.NoError(t, err)
		require.Equal(t, "natural", text)
		require.NoError(t, fusetest.WriteFile(k, natural, "changed"))
		w.requireValue(t, dev, "GREETING-us2prod", "changed")
		require.NoError(t, k.Unlink(natural))
		require.Equal(t, []string{"create GREETING-us2prod", "update GREETING-us2prod", "delete GREETING-us2prod"}, w.Writes())
	})
}

// An interactive shell lives on.
func TestDoubtfulFileArrivesAfterItsTime(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
		install(t, k, natural, "natural")
		pass(9 * time.Second)
		f, err := k.Open(natural, syscall.O_RDONLY)
		require.NoError(t, err)
		pass(time.Hour)
		require.Empty(t, w.Writes(), "somebody has it open")
		require.NoError(t, f.Close())
		pass(10*time.Second - time.Millisecond)
		require.Empty(t, w.Writes())
		pass(time.Millisecond)
		w.requireValue(t, dev, "GREETING-us2prod", "natural")
	}, func(c *Config) { c.ScratchFor = 10 * time.Second })
}

// A program's temporary is renamed or unlinked before the program ends.
func TestDoubtfulFileThatIsRenamedIsNotSent(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		install(t, k, "demo/dev/GREETING.a8Gk2x", "saved")
		require.NoError(t, k.Rename("demo/dev/GREETING.a8Gk2x", "demo/dev/GREETING"))
		install(t, k, "demo/dev/GREETING.b8Gk2x", "not wanted")
		require.NoError(t, k.Unlink("demo/dev/GREETING.b8Gk2x"))
		p.end(procend.Exited)
		pass(time.Hour)
		require.Equal(t, []string{"update GREETING"}, w.Writes())
		w.requireValue(t, dev, "GREETING", "saved")
		require.Zero(t, w.makers.Watched(), "nobody is watched any more")
	})
}

// Half a text is worse than none.
func TestDoubtfulFileOfAKilledMakerIsKept(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		install(t, k, natural, "half a te")
		p.end(procend.Killed)
		pass(time.Hour)
		require.Empty(t, w.Writes())
		require.Equal(t, map[string]string{"GREETING-us2prod.1": "half a te"}, w.rejectedTexts())
		_, err := k.Stat(natural)
		require.Equal(t, syscall.ENOENT, err)
		require.EqualValues(t, 1, w.Counts().Writes.Killed)
	})
}

// mktemp(1) makes an empty file and ends; a script fills it, and renames it much
// later.
func TestDoubtfulFileThatIsLeftEmptyStaysHere(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		install(t, k, "demo/dev/GREETING.a8Gk2x", "")
		p.end(procend.Exited)
		pass(time.Second)
		require.NoError(t, fusetest.WriteFile(k, "demo/dev/GREETING.a8Gk2x", "by others"))
		pass(time.Hour)
		require.Empty(t, w.Writes())
		require.NoError(t, k.Rename("demo/dev/GREETING.a8Gk2x", "demo/dev/GREETING"))
		w.requireValue(t, dev, "GREETING", "by others")
		require.Equal(t, []string{"update GREETING"}, w.Writes())
	})
}

// sed -i on a script's temporary is no way out of it.
func TestScratchThatReplacesScratchTakesItsFate(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		install(t, k, "demo/dev/GREETING.a8Gk2x", "")
		install(t, k, "demo/dev/GREETING-us2prod", "natural")
		p.end(procend.Exited)
		pass(overlay.MakerGrace / 2)
		for _, name := range []string{"GREETING.a8Gk2x", "GREETING-us2prod"} {
			install(t, k, "demo/dev/sedAbC123", "edited")
			require.NoError(t, k.Rename("demo/dev/sedAbC123", "demo/dev/"+name))
		}
		require.Empty(t, w.Writes())
		pass(time.Hour)
		require.Equal(t, []string{"create GREETING-us2prod"}, w.Writes())
		w.requireValue(t, dev, "GREETING-us2prod", "edited")
		require.NoError(t, k.Rename("demo/dev/GREETING.a8Gk2x", key))
		w.requireValue(t, dev, "GREETING", "edited")
	})
}

// What cannot become a secret is kept, and said to be.
func TestDoubtfulFileThatCannotArrive(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		prepare func(*world)
	}{
		"taken meanwhile":       {"natural", func(w *world) { w.Set(dev, "GREETING-us2prod", "somebody else's") }},
		"a reference's text":    {"shown", func(w *world) { w.Set(dev, "REFERENCE", "shown"); w.SetRaw(dev, "REFERENCE", "${GREETING}") }},
		"no right":              {"natural", func(w *world) { w.FailWrites(secrettest.KindCreate, secret.ErrDenied) }},
		"the server wants less": {"natural", func(w *world) { w.FailWrites(secrettest.KindCreate, secret.ErrInvalid) }},
	} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
				install(t, k, natural, c.text)
				c.prepare(w)
				before, _ := w.Own(dev, "GREETING-us2prod")
				p.end(procend.Exited)
				pass(time.Minute)
				after, _ := w.Own(dev, "GREETING-us2prod")
				require.Equal(t, before.Version, after.Version)
				require.Equal(t, map[string]string{"GREETING-us2prod.1": c.text}, w.rejectedTexts())
				require.Contains(t, w.logs.String(), "kept a text")
				require.Zero(t, w.Counts().Writes.DoubtfulFiles)
			})
		})
	}
}

// Nobody has asked for it, so it opens no request for an approval where the last
// change has.
func TestDoubtfulFileOpensNoApproval(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		install(t, k, natural, "natural")
		w.FailWrites(secrettest.KindCreate, secret.ErrApproval)
		require.Equal(t, syscall.EPERM, fusetest.WriteFile(k, "demo/dev/NEW", "x"))
		asked := len(w.Requests())
		p.end(procend.Exited)
		pass(time.Minute)
		for _, r := range w.Requests()[asked:] {
			require.NotEqual(t, secrettest.KindCreate, r.Kind)
		}
		require.Contains(t, w.rejectedTexts(), "GREETING-us2prod.2")
	})
}

func TestDoubtfulFileOutlastsAnOutage(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		install(t, k, natural, "natural")
		w.FailWrites(secrettest.KindCreate, secret.ErrUnavailable)
		p.end(procend.Exited)
		pass(time.Hour)
		text, err := fusetest.ReadFile(k, natural)
		require.NoError(t, err)
		require.Equal(t, "natural", text)
		require.Empty(t, w.rejectedTexts())
		w.FailWrites(secrettest.KindCreate, nil)
		pass(overlay.LastPause)
		w.requireValue(t, dev, "GREETING-us2prod", "natural")
	})
}

// An attempt of which nobody knew what became of it had succeeded.
func TestDoubtfulFileThatArrivedWithoutAnAnswer(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		install(t, k, natural, "natural")
		w.FailWritesLate(secrettest.KindCreate, secret.ErrUnavailable)
		p.end(procend.Exited)
		pass(overlay.MakerGrace)
		w.FailWritesLate(secrettest.KindCreate, nil)
		pass(overlay.LastPause)
		w.requireValue(t, dev, "GREETING-us2prod", "natural")
		require.Empty(t, w.rejectedTexts())
		require.Zero(t, w.Counts().Writes.DoubtfulFiles)
	})
}

// A part is not a text.
func TestDoubtfulFileThatWasCut(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		f, err := k.CreateFile(natural, syscall.O_WRONLY|syscall.O_EXCL, 0o600)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("x"), 0)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("x"), overlay.MaxFile)
		require.Equal(t, syscall.ENOSPC, err)
		require.NoError(t, f.Close())
		require.Equal(t, syscall.EIO, k.Rename(natural, "demo/dev/GREETING"), "what there is of it is a part")
		p.end(procend.Exited)
		pass(time.Minute)
		require.Empty(t, w.Writes())
		require.Contains(t, w.rejectedTexts(), "GREETING-us2prod.1")
	})
}

// Whoever comes while a file is on its way finds the secret.
func TestEverybodyWaitsForADoubtfulFileOnItsWay(t *testing.T) {
	for name, c := range map[string]struct {
		act    func(*fusetest.Kernel) error
		writes string
	}{
		"open":          {func(k *fusetest.Kernel) error { return k.Truncate(natural, 3) }, "create GREETING-us2prod; update GREETING-us2prod"},
		"second writer": {func(k *fusetest.Kernel) error { return fusetest.WriteFile(k, natural, "second") }, "create GREETING-us2prod; update GREETING-us2prod"},
		"rename":        {func(k *fusetest.Kernel) error { return k.Rename(natural, "demo/dev/NEW") }, "create GREETING-us2prod; rename GREETING-us2prod"},
		"unlink":        {func(k *fusetest.Kernel) error { return k.Unlink(natural) }, "create GREETING-us2prod; delete GREETING-us2prod"},
	} {
		t.Run(name, func(t *testing.T) {
			timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
				install(t, k, natural, "natural")
				_, err := k.Stat(natural)
				require.NoError(t, err)
				done := make(chan error, 1)
				var once sync.Once
				w.BeforeWrites(func(secrettest.Request) {
					once.Do(func() {
						go func() { done <- c.act(k) }()
						<-time.After(10 * time.Millisecond)
						select {
						case err := <-done:
							t.Errorf("it did not wait: %v", err)
						default:
						}
					})
				})
				p.end(procend.Exited)
				require.NoError(t, <-done)
				pass(time.Minute)
				require.Equal(t, c.writes, strings.Join(w.Writes(), "; "))
			})
		})
	}
}

// A listing that begins while a file becomes a secret shows it.
func TestListingWhileADoubtfulFileArrives(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		install(t, k, natural, "natural")
		var once sync.Once
		w.answer(func(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
			snap, err := w.Folder(ctx, dir, need)
			if need == secret.NeedListing {
				once.Do(func() { p.end(procend.Exited); pass(overlay.MakerGrace) })
			}
			return snap, err
		})
		names, err := fusetest.Names(k, "demo/dev")
		require.NoError(t, err)
		require.Contains(t, names, "GREETING-us2prod")
		w.requireValue(t, dev, "GREETING-us2prod", "natural")
	})
}

// tar x of three hundred files whose names could be temporaries'.
func TestManyDoubtfulFilesMeetNoBound(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		w.Set(dev, "service", "x")
		for i := range 300 {
			install(t, k, fmt.Sprintf("demo/dev/service%06d", i), "x")
		}
		require.Equal(t, 300, w.Counts().Writes.DoubtfulFiles)
		require.NoError(t, fusetest.WriteFile(k, "demo/dev/.GREETING.swp", "an editor's"))
		p.end(procend.Exited)
		pass(time.Second)
		require.Len(t, w.Writes(), 300)
	})
}

// Beyond the bounds a name that could be a temporary's is a secret at once.
func TestDoubtfulFilesAreBounded(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, _ *processes) {
		for i := range overlay.MaxDoubtful {
			sc := w.newScratch(t.Context(), &secret.Folder{Dir: payments}, kind{class: overlay.Doubtful}, 0o600)
			require.True(t, w.overlay.Link(sc, payments, fmt.Sprint(i)))
		}
		install(t, k, natural, "natural")
		w.requireValue(t, dev, "GREETING-us2prod", "natural")
	})
}

// A terminal that is closed kills its shell. What that had closed in good order
// before is named as long as it is nowhere else, and is sent if only an outage has
// kept it from the server.
func TestClosedFileOfAKilledMaker(t *testing.T) {
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		install(t, k, natural, "natural")
		p.end(procend.Killed)
		pass(time.Hour)
		require.Empty(t, w.Writes())
		require.Equal(t, []string{"refused /demo/dev/GREETING-us2prod 7"}, kinds(w.Unsent()))
	})
	timed(t, func(t *testing.T, w *world, k *fusetest.Kernel, p *processes) {
		w.FailWrites(secrettest.KindCreate, secret.ErrUnavailable)
		install(t, k, natural, "natural")
		pass(overlay.DoubtfulFor + time.Second)
		p.end(procend.Killed)
		w.FailWrites(secrettest.KindCreate, nil)
		pass(overlay.LastPause)
		w.requireValue(t, dev, "GREETING-us2prod", "natural")
		require.Empty(t, w.Unsent())
	})
}
