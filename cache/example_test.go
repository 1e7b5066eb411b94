package cache_test

import (
	"context"
	"fmt"
	"time"

	"infisicalfs/cache"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// A Cache answers from a snapshot while it is fresh, and marks it as stale when the
// server cannot be reached.
func Example() {
	server := secrettest.NewFake() // a client.Client otherwise
	dir := secret.Dir{Project: "demo", Env: "dev", Path: "/"}
	server.Set(dir, "GREETING", "hello")

	c := cache.New(server, cache.Config{TTL: time.Minute, MaxStale: 15 * time.Minute})
	defer c.Close()
	show := func() {
		folder, err := c.Folder(context.Background(), dir, secret.NeedEntry)
		if err != nil {
			fmt.Println(err)
			return
		}
		s, _ := folder.Secret("GREETING")
		fmt.Println(s.Value.Reveal(), "stale:", folder.Stale, "hits:", c.Stats().Hits)
	}
	show() // asks the server
	show() // does not
	server.FailAll(secret.ErrUnavailable)
	c.Expire() // as if a TTL had passed
	show()
	// Output:
	// hello stale: false hits: 0
	// hello stale: false hits: 1
	// hello stale: true hits: 1
}

// What is written through the cache's Writer is shown at once, without a request.
func ExampleCache_Writer() {
	ctx := context.Background()
	server := secrettest.NewFake()
	dir := secret.Dir{Project: "demo", Env: "dev", Path: "/"}
	server.Set(dir, "GREETING", "hello")

	told := make(chan secret.Change, 1)
	c := cache.New(server, cache.Config{OnChange: func(change secret.Change) { told <- change }})
	defer c.Close()
	if _, err := c.Folder(ctx, dir, secret.NeedEntry); err != nil {
		fmt.Println(err)
	}
	if _, err := c.Writer(server.Writer()).Update(ctx, dir, "GREETING", secret.NewValue("good morning")); err != nil {
		fmt.Println(err)
	}
	folder, err := c.Folder(ctx, dir, secret.NeedEntry)
	if err != nil {
		fmt.Println(err)
	}
	s, _ := folder.Secret("GREETING")
	fmt.Println(s.Value.Reveal(), "requests:", c.Stats().Fetches)
	fmt.Println("changed:", (<-told).Names)
	// Output:
	// good morning requests: 1
	// changed: [GREETING]
}
