package cache_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// A request that began before a change must not bring back what was before it.
func TestFlightsOlderThanAChange(t *testing.T) {
	for need, kind := range map[secret.Need]string{secret.NeedProof: "folder", secret.NeedListing: "bulk"} {
		for age, state := range map[time.Duration]string{2 * time.Minute: "stale", 20 * time.Minute: "forgotten"} {
			t.Run(kind+", "+state, func(t *testing.T) {
				writing(t, func(w *world, to secret.Writer) {
					sleep(age)
					w.fake.Delay(10 * time.Second) // answers are made now and arrive later
					var wg sync.WaitGroup
					wg.Go(func() { // began before the change: old or new
						folder, err := w.Folder(w.Context(), payments, need)
						require.NoError(w, err)
						s, _ := folder.Secret("KEY")
						require.Contains(w, []string{"one", "two"}, s.Value.Reveal())
					})
					synctest.Wait()
					w.fake.Delay(0)
					_, err := to.Update(w.Context(), payments, "KEY", text("two"))
					must(w, err)
					w.quick(func() { require.Equal(w, "two", w.value(payments, "KEY"), "without waiting for the old answer") })
					wg.Wait()
					require.Equal(w, "two", w.value(payments, "KEY"))
					sleep(20 * time.Second)
					require.Equal(w, "two", w.value(payments, "KEY"))
				})
			})
		}
	}
}

func TestAbsencesOlderThanAChange(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		eu := payments.Child("eu")
		w.fake.Delay(10 * time.Second)
		var wg sync.WaitGroup
		wg.Go(func() { w.entry(eu) })
		synctest.Wait()
		w.fake.Delay(0)
		must(w, to.CreateFolder(w.Context(), payments, "eu"))
		wg.Wait()
		require.Empty(w, w.lists(eu))
	})
}

func TestBulkAnswersOlderThanARemoval(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		empty := dev.Child("empty")
		w.fake.Mkdir(empty)
		sleep(20 * time.Minute)
		w.fake.Delay(10 * time.Second)
		var wg sync.WaitGroup
		wg.Go(func() { w.lists(dev) })
		synctest.Wait()
		require.Equal(w, 1, w.fake.Calls().Tree)
		w.fake.Delay(0)
		must(w, to.DeleteFolder(w.Context(), dev, "empty"))
		wg.Wait()
		w.fails(empty, secret.ErrNotFound)
	})
}

// The flight that replaces an overtaken one is shared like any other.
func TestTheNextFlightIsShared(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		sleep(20 * time.Minute)
		var wg sync.WaitGroup
		ask := func() {
			wg.Go(func() { w.get(payments, secret.NeedProof) })
			synctest.Wait()
		}
		requests := w.calls(func() {
			w.fake.Delay(10 * time.Second)
			ask()
			w.fake.Delay(0)
			_, err := to.Update(w.Context(), payments, "KEY", text("two"))
			must(w, err)
			w.fake.Delay(20 * time.Second)
			ask()
			sleep(15 * time.Second) // the first has landed
			ask()
			wg.Wait()
		})
		require.Equal(w, 2, requests.Fetch)
	})
}

// Writers that never stop do not keep readers from getting an answer.
func TestReadersAmongWriters(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		ctx, stop := context.WithCancel(w.Context())
		w.fake.Delay(50 * time.Millisecond)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for ctx.Err() == nil {
					to.Update(ctx, payments, "KEY", text("${REFERENCE}")) // never certain
				}
			})
			sleep(7 * time.Millisecond)
		}
		for range 20 {
			require.LessOrEqual(w, w.took(func() { w.value(payments, "KEY") }), 100*time.Millisecond)
		}
		stop()
		wg.Wait()
	})
}

// Answers of two changes of one name arrive in the other order.
func TestChangesThatMeet(t *testing.T) {
	writing(t, func(w *world, _ secret.Writer) {
		slow := &gated{Writer: w.fake.Writer(), gate: make(chan struct{})}
		to := w.Writer(slow)
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := to.Create(w.Context(), payments, "NEW", text("first"))
			require.NoError(w, err)
		})
		wg.Go(func() { require.NoError(w, to.CreateFolder(w.Context(), payments, "eu")) })
		synctest.Wait() // the server has them, the answers are on their way
		must(w, to.Delete(w.Context(), payments, "NEW"))
		must(w, to.DeleteFolder(w.Context(), payments, "eu"))
		close(slow.gate)
		wg.Wait()
		require.Equal(w, []string{"KEY"}, w.lists(payments))
	})
}

// gated holds back the answers to creates.
type gated struct {
	secret.Writer
	gate chan struct{}
}

func (g *gated) Create(ctx context.Context, dir secret.Dir, name string, value secret.Value) (secret.Secret, error) {
	s, err := g.Writer.Create(ctx, dir, name, value)
	<-g.gate
	return s, err
}

func (g *gated) CreateFolder(ctx context.Context, dir secret.Dir, name string) error {
	err := g.Writer.CreateFolder(ctx, dir, name)
	<-g.gate
	return err
}

// Random changes and reads by several callers: who begins after a change was
// acknowledged sees it, whatever is under way.
func TestOwnWritesAreReadUnderLoad(t *testing.T) {
	writing(t, func(w *world, to secret.Writer) {
		w.fake.Delay(30 * time.Millisecond)
		var wg sync.WaitGroup
		for i, name := range []string{"A", "B", "C", "D"} {
			wg.Go(func() {
				for n := range 50 {
					v := name + strings.Repeat("x", n)
					if n%7 == 3 {
						v = "${R}" + v
					}
					var err error
					if n%10 == 0 {
						_, err = to.Create(w.Context(), payments, name, text(v))
					} else {
						_, err = to.Update(w.Context(), payments, name, text(v))
					}
					require.NoError(w, err)
					sleep(time.Duration(i*7) * time.Millisecond)
					require.Equal(w, v, w.value(payments, name))
					if n%10 == 9 {
						require.NoError(w, to.Delete(w.Context(), payments, name))
						_, there := w.get(payments, secret.NeedProof).Secret(name)
						require.False(w, there)
					}
				}
			})
		}
		for _, need := range []secret.Need{secret.NeedEntry, secret.NeedListing, secret.NeedProof} {
			wg.Go(func() {
				for range 100 {
					w.get(slices.Concat([]secret.Dir{payments}, []secret.Dir{dev})[int(need)%2], need)
					sleep(17 * time.Millisecond)
				}
			})
		}
		wg.Wait()
	})
}
