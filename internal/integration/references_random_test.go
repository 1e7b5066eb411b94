package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// Whatever is changed here, and however values refer to one another, all that is
// shown is as the server shows it.
func TestReferencesAtRandom(t *testing.T) {
	for _, raw := range []bool{false, true} {
		each(t, func(t *testing.T, p devserver.Profile) {
			for seed := range uint64(8) {
				write(t, p, raw, func(w *writing) {
					w.imports(int(seed) % 4)
					r := &writer{writing: w, rand: rand.New(rand.NewPCG(seed, 7)), there: map[string]bool{}}
					for step := range 60 {
						r.step()
						if r.rand.IntN(3) > 0 {
							w.agrees(fmt.Sprintf("seed %d, step %d, %s", seed, step, r.last))
						}
					}
				})
			}
		})
	}
}

// imports has folders import one another: no, one, a chain, a circle.
func (w *writing) imports(n int) {
	w.edit(func(e *devserver.Editor) error {
		for _, im := range []struct{ into, from secret.Dir }{{stage, db}, {other, stage}, {db, other}}[:n] {
			if err := e.Import("demo", im.into.Env, im.into.Path, im.from.Env, im.from.Path); err != nil {
				return err
			}
		}
		return nil
	})
}

// The same with many readers at the same time, and answers that take their time.
func TestReferencesAtRandomWithReaders(t *testing.T) {
	each(t, func(t *testing.T, p devserver.Profile) {
		for seed := range uint64(4) {
			write(t, p, false, func(w *writing) {
				w.imports(int(seed) % 4)
				var mu sync.Mutex // guards chance
				chance := rand.New(rand.NewPCG(seed, 9))
				for _, delay := range []time.Duration{50 * time.Millisecond, 300 * time.Millisecond} {
					for _, after := range []bool{false, true} {
						defer w.Inject(devserver.Fault{Delay: delay, After: after, Match: func(r *http.Request) bool {
							mu.Lock()
							defer mu.Unlock()
							return r.Method == http.MethodGet && chance.IntN(4) == 0
						}})()
					}
				}
				ctx, cancel := context.WithCancel(w.Context())
				var readers sync.WaitGroup
				defer readers.Wait()
				defer cancel()
				for i := range 8 {
					pace := rand.New(rand.NewPCG(seed, uint64(i)))
					readers.Go(func() {
						for ctx.Err() == nil {
							dir := written[pace.IntN(len(written))]
							w.cache.Folder(ctx, dir, secret.Need(pace.IntN(3)))
							time.Sleep(time.Duration(pace.IntN(400)) * time.Millisecond)
						}
					})
				}
				r := &writer{writing: w, rand: rand.New(rand.NewPCG(seed, 7)), there: map[string]bool{}}
				for step := range 60 {
					r.step()
					w.agrees(fmt.Sprintf("seed %d, step %d, %s", seed, step, r.last))
				}
			})
		}
	})
}

// writer makes changes by chance.
type writer struct {
	*writing
	rand  *rand.Rand
	there map[string]bool // of "path name"
	last  string
}

var names = []string{"A", "B", "C", "D"}

func (r *writer) step() {
	dir, name := written[r.rand.IntN(len(written))], names[r.rand.IntN(len(names))]
	elsewhere := written[r.rand.IntN(len(written))]
	at := func(d secret.Dir, name string) string { return d.String() + " " + name }
	to := names[r.rand.IntN(len(names))]
	ctx := context.Background()
	var err error
	switch n := r.rand.IntN(12); {
	case !r.there[at(dir, name)]:
		r.last = "create " + at(dir, name)
		_, err = r.to.Create(ctx, dir, name, secret.NewValue(r.text()))
		r.there[at(dir, name)] = true
	case n < 6:
		r.last = "update " + at(dir, name)
		_, err = r.to.Update(ctx, dir, name, secret.NewValue(r.text()))
	case n < 7:
		r.last = "delete " + at(dir, name)
		err = r.to.Delete(ctx, dir, name)
		delete(r.there, at(dir, name))
	case n < 9 && !r.there[at(dir, to)]:
		r.last = "rename " + at(dir, name) + " to " + to
		_, err = r.to.Rename(ctx, dir, name, to)
		delete(r.there, at(dir, name))
		r.there[at(dir, to)] = true
	case n < 10 && !r.there[at(elsewhere, name)]:
		r.last = "move " + at(dir, name) + " to " + elsewhere.String()
		err = r.to.Move(ctx, dir, name, elsewhere)
		delete(r.there, at(dir, name))
		r.there[at(elsewhere, name)] = true
	default:
		r.last = "somebody else's change, and a refresh"
		r.set(app, "ELSE", r.text())
		r.cache.Expire()
	}
	require.NoError(r, err, r.last)
}

// text is plain, or refers to one or two others, perhaps to itself.
func (r *writer) text() string {
	one := func() string {
		name := names[r.rand.IntN(len(names))]
		switch dir := written[r.rand.IntN(len(written))]; r.rand.IntN(3) {
		case 0:
			return "${" + name + "}"
		default:
			return "${" + dir.Env + strings.ReplaceAll(dir.Path, "/", ".") + "." + name + "}"
		}
	}
	switch text := fmt.Sprint("v", r.rand.IntN(1000)); r.rand.IntN(4) {
	case 0:
		return text + one()
	case 1:
		return one() + text + one()
	default:
		return text
	}
}
