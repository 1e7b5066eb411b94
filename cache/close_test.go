package cache_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/cache"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// Close ends within two seconds whatever is going on.
func TestCloseEnds(t *testing.T) {
	for name, hang := range map[string]func(*cache.Config, chan struct{}){
		"asking who holds a thousand folders": func(cfg *cache.Config, _ chan struct{}) {
			cfg.Held = func(secret.Dir) bool { time.Sleep(250 * time.Millisecond); return true }
		},
		"somebody who hangs when asked": func(cfg *cache.Config, forever chan struct{}) {
			cfg.Held = func(secret.Dir) bool { <-forever; return true }
		},
		"a change that nobody takes": func(cfg *cache.Config, forever chan struct{}) {
			cfg.OnChange = func(secret.Change) { <-forever }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := secrettest.NewFake()
				forever := make(chan struct{})
				defer close(forever)
				cfg := cache.Config{WatchFor: time.Hour, WatchInterval: 15 * time.Minute}
				hang(&cfg, forever)
				var began atomic.Bool
				if held := cfg.Held; held != nil {
					cfg.Held = func(dir secret.Dir) bool { began.Store(true); return held(dir) }
				}
				c := cache.New(fake, cfg)
				for i := range 1000 {
					dir := dev.Child(fmt.Sprintf("folder-%03d", i))
					fake.Set(dir, "KEY", "value")
					_, err := c.Folder(t.Context(), dir, secret.NeedProof)
					require.NoError(t, err)
					fake.Set(dir, "KEY", "another")
				}
				for end := time.Now().Add(90 * time.Minute); time.Now().Before(end) && !began.Load(); {
					time.Sleep(100 * time.Millisecond)
				}
				require.Equal(t, cfg.Held != nil, began.Load())
				closing := time.Now()
				c.Close()
				require.LessOrEqual(t, time.Since(closing), 2*time.Second)
			})
		})
	}
}
