package cache_test

import (
	"testing"

	"infisicalfs/cache"
	"infisicalfs/secret/secrettest"
)

func TestConformance(t *testing.T) {
	known := secrettest.Known{
		Dir: dev, Name: "GREETING", Value: "hello", Subfolder: "payments", Missing: dev.Child("missing"),
	}
	for name, set := range map[string]func(*secrettest.Fake){
		"plain":             func(f *secrettest.Fake) {},
		"inexact":           func(f *secrettest.Fake) { f.Inexact(true) },
		"without subfolder": func(f *secrettest.Fake) { f.NoSubfolders(true) },
	} {
		for kind, cfg := range map[string]cache.Config{
			"":           {},
			", no ttl":   {TTL: -1},
			", no bytes": {MaxBytes: 1},
			", rooted":   {Root: dev},
		} {
			fake := secrettest.NewFake()
			fake.Set(dev, "GREETING", "hello")
			fake.Set(payments, "KEY", "one")
			set(fake)
			c := cache.New(fake, cfg)
			t.Run(name+kind, func(t *testing.T) { secrettest.TestSource(t, c, known) })
			c.Close()
		}
	}
}
