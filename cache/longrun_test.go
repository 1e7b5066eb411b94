package cache_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// longRun is a server whose secrets rotate and which fails in every way, and
// clients who look at it all the time.
type longRun struct {
	*testing.T
	fake   *secrettest.Fake
	oracle *oracle
	cache  *cache.Cache
	dirs   []secret.Dir
	ctx    context.Context
	pause  time.Duration // between two calls of a client, at most

	answers, stale, refusals int
	mu                       sync.Mutex // guards the counts
}

// play goes on for some hours of the clock with that many clients.
func play(t *testing.T, cfg cache.Config, hours time.Duration, clients int, pause time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		d := &longRun{T: t, fake: secrettest.NewFake(), pause: pause}
		for i := range 30 {
			dir := dev
			for _, digit := range fmt.Sprint(i) {
				dir = dir.Child(string(digit))
			}
			d.dirs = append(d.dirs, dir)
		}
		d.oracle = newOracle(d.fake, cfg.TTL, cfg.MaxStale)
		cfg.OnChange = d.onChange()
		d.cache = cache.New(d.oracle, cfg)
		for i := range d.dirs {
			d.rotate(i, 0)
		}
		var cancel context.CancelFunc
		d.ctx, cancel = context.WithTimeout(t.Context(), hours)
		defer cancel()

		var wg sync.WaitGroup
		wg.Go(d.server)
		for i := range clients {
			wg.Go(func() { d.client(rand.New(rand.NewPCG(1, uint64(i)))) })
		}
		wg.Wait()
		d.cache.Close()
		require.NotZero(t, d.answers)
		require.NotZero(t, d.stale)
		require.NotZero(t, d.refusals)
		t.Logf("%d answers, %d of them stale, %d refusals, %d requests", d.answers, d.stale, d.refusals, d.fake.Calls().All())
	})
}

func (d *longRun) rotate(i, version int) {
	text := fmt.Sprintf("value %d of folder %d", version, i)
	d.fake.Set(d.dirs[i], "KEY", text)
	d.oracle.rotated(d.dirs[i], text)
}

// server goes from one state to the next.
func (d *longRun) server() {
	r := rand.New(rand.NewPCG(7, 7))
	for version := 1; d.ctx.Err() == nil; version++ {
		d.fake.Delay(time.Duration(r.IntN(3000)) * time.Millisecond)
		d.rotate(r.IntN(len(d.dirs)), version)
		dir := d.dirs[r.IntN(len(d.dirs))]
		switch r.IntN(10) {
		case 0:
			d.fake.FailAll(secret.ErrUnavailable)
		case 1:
			d.fake.FailAll(secret.ErrTimeout)
		case 2:
			d.fake.FailAll(secret.ErrUnauthenticated)
		case 3:
			d.fake.Fail(dir, secret.ErrDenied)
		case 4:
			d.fake.Fail(dir, secret.ErrNotFound)
		case 5:
			d.fake.Hang(true)
		case 6:
			d.fake.Inexact(true)
		case 7:
			d.fake.NoSubfolders(true)
		case 8:
			d.cache.Expire()
		}
		d.rest(r, 4*time.Minute)
		d.fake.Hang(false)
		d.fake.FailAll(nil)
		d.fake.Fail(dir, nil)
		d.fake.Inexact(false)
		d.fake.NoSubfolders(false)
		d.rest(r, time.Minute)
		if r.IntN(8) == 0 { // longer than anything stale may be shown
			d.fake.FailAll(secret.ErrUnavailable)
			d.rest(r, 30*time.Minute)
			d.fake.FailAll(nil)
		}
	}
	d.fake.Hang(false)
}

func (d *longRun) rest(r *rand.Rand, most time.Duration) {
	select {
	case <-time.After(time.Duration(r.Int64N(int64(most)))):
	case <-d.ctx.Done():
	}
}

// client asks and has the oracle check every answer.
func (d *longRun) client(r *rand.Rand) {
	for d.ctx.Err() == nil {
		dir, need := d.dirs[r.IntN(len(d.dirs))], secret.Need(r.IntN(3))
		if r.IntN(20) == 0 {
			dir = dev.Child(fmt.Sprint("missing-", r.IntN(1000)))
		}
		ctx, cancel := context.WithTimeout(d.ctx, time.Duration(r.IntN(5000))*time.Millisecond)
		asked := time.Now()
		folder, err := d.cache.Folder(ctx, dir, need)
		cancel()
		if wrong := d.oracle.check(asked, dir, need, folder, err); wrong != nil {
			d.Errorf("%s asked for at %v with need %d: %v", dir, asked, need, wrong)
		}
		if n := d.cache.Stats().Entries; n > len(d.dirs)+1000 {
			d.Errorf("%d entries", n)
		}
		d.count(folder, err)
		d.rest(r, d.pause)
	}
}

// onChange wants all changes to be about something, and none to go back in time.
func (d *longRun) onChange() func(secret.Change) {
	latest := map[secret.Dir]int{}
	return func(change secret.Change) {
		if change.New == nil || change.Err != nil {
			return
		}
		s, _ := change.New.Secret("KEY")
		var version int
		if _, err := fmt.Sscanf(s.Value.Reveal(), "value %d", &version); err != nil {
			d.Errorf("a change of %s without a value: %v", change.Dir, err)
		}
		if version < latest[change.Dir] {
			d.Errorf("%s goes back from %d to %d", change.Dir, latest[change.Dir], version)
		}
		latest[change.Dir] = version
	}
}

func (d *longRun) count(folder *secret.Folder, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err != nil:
		d.refusals++
	case folder.Stale:
		d.stale++
		fallthrough
	default:
		d.answers++
	}
}

func TestFourHours(t *testing.T) {
	for _, watch := range []cache.Watch{cache.WatchOff, cache.WatchUsed} {
		t.Run(string(watch), func(t *testing.T) {
			play(t, cache.Config{TTL: time.Minute, MaxStale: 15 * time.Minute, Watch: watch}, 4*time.Hour, 4, 10*time.Second)
		})
	}
}

func TestStress(t *testing.T) {
	cfg := cache.Config{
		WatchInterval: time.Second,
		TTL:           500 * time.Millisecond, MaxStale: 2 * time.Minute, SoftDeadline: 50 * time.Millisecond,
		TrustNotModified: 2 * time.Second, MaxBytes: 20_000,
	}
	play(t, cfg, time.Hour, 32, 20*time.Second)
}
