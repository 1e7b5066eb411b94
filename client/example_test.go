package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// exampleClient talks to the development server, without a socket. With a real one
// URL and Auth are all that there is to say.
func exampleClient() (*client.Client, func(), error) {
	server, err := devserver.New(devserver.Config{})
	if err != nil {
		return nil, nil, err
	}
	identity := server.Credentials("admin")
	c, err := client.New(client.Config{
		URL:       "http://127.0.0.1:1",
		Auth:      client.UniversalAuth(identity.ClientID, secret.NewValue(identity.ClientSecret)),
		Transport: devserver.Transport(server),
	})
	if err != nil {
		server.Close()
		return nil, nil, err
	}
	return c, func() { c.Close(); server.Close() }, nil
}

// Reading a folder: its secrets, sorted, with their values in locked memory.
func Example() {
	ctx := context.Background()
	c, end, err := exampleClient()
	if err != nil {
		log.Fatal(err)
	}
	defer end()

	folder, err := c.Fetch(ctx, secret.Dir{Project: "demo", Env: "dev", Path: "/"}, nil)
	if err != nil {
		log.Fatal(err)
	}
	if greeting, ok := folder.Secret("GREETING"); ok {
		fmt.Println(greeting.Name, greeting.Value.Reveal())
	}
	for _, f := range folder.Folders {
		fmt.Println(f.Name + "/")
	}

	_, err = c.Fetch(ctx, secret.Dir{Project: "demo", Env: "dev", Path: "/nowhere"}, nil)
	fmt.Println(errors.Is(err, secret.ErrNotFound))
	// Output:
	// GREETING hello, world
	// payments/
	// true
}

// A change is stored when the call returns nil, and what was stored comes back.
func ExampleClient_Create() {
	ctx := context.Background()
	c, end, err := exampleClient()
	if err != nil {
		log.Fatal(err)
	}
	defer end()

	dir := secret.Dir{Project: "demo", Env: "dev", Path: "/"}
	made, err := c.Create(ctx, dir, "FAKE_KEY", secret.NewValue("obviously fake"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(made.Name, "version", made.Version)

	_, err = c.Create(ctx, dir, "FAKE_KEY", secret.NewValue("another"))
	fmt.Println(errors.Is(err, secret.ErrExists))
	// Output:
	// FAKE_KEY version 1
	// true
}
