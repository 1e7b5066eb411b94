package volume

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"infisicalfs/client"
	"infisicalfs/internal/mount"
	"infisicalfs/internal/options"
)

// identity is what all volumes of one identity share: one client, which has one token and
// one set of connections, and one hub, which has the cache.
type identity struct {
	client *client.Client
	hub    *mount.Hub
	who    string // Login.Identity, and in which organisation; "": not known

	another atomic.Bool // somebody else than who has logged in since, and may have read what is known

	url, organization string // what its login is for

	uncount func() // has what it has counted go to the past
}

// identities makes them as they are wanted, and keeps them until the Manager is closed.
type identities struct {
	cfg Config

	making chan struct{} // semaphore of who makes one, which reads files

	mu     sync.Mutex              // guards all below
	known  map[string]*identity    // by the name that volumes have for it; "" for the service's own
	handed map[Account]*handedOver // those whose credentials come with volumes
	asked  map[asked]bool          // that talk to servers, those of identities among them
	past   ServerCounts            // of those that do not any more
	gates  map[string]*client.Gate // by the address of the server, which counts all of them together
}

func newIdentities(cfg Config) *identities {
	return &identities{cfg: cfg, making: make(chan struct{}, 1), known: map[string]*identity{}, handed: map[Account]*handedOver{}, asked: map[asked]bool{}, gates: map[string]*client.Gate{}}
}

// get returns the identity of that name. It asks no server.
func (l *identities) get(ctx context.Context, name string) (*identity, error) {
	done, err := l.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if known := l.lookup(name); known != nil {
		return known, nil
	}
	cfg, err := l.cfg.Login(name)
	if err != nil {
		if name != "" {
			err = fmt.Errorf("the identity %s: %w", name, err)
		}
		return nil, err
	}
	log := l.cfg.Log
	if name != "" {
		log = log.With("identity", name)
	}
	made, err := l.make(cfg, log)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known[name] = made
	return made, nil
}

// turn waits until nobody else makes an identity. The caller calls done.
func (l *identities) turn(ctx context.Context) (done func(), err error) {
	select {
	case l.making <- struct{}{}:
		return func() { <-l.making }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// make makes the identity that cfg is the login of.
func (l *identities) make(cfg Login, log *slog.Logger) (*identity, error) {
	// Volumes show what a project has, not what a person has in its place.
	cfg.SharedOnly, cfg.RawReferences, cfg.Gate = true, false, l.gate(cfg.URL)
	c, err := options.NewClient(cfg.Config)
	if err != nil {
		return nil, err
	}
	hub := mount.NewHub(mount.HubConfig{Upstream: c, Writer: c, MaxSecrets: c.MaxSecrets(), Cache: l.cfg.Cache, Log: log})
	return &identity{client: c, hub: hub, who: cfg.who(), url: cfg.URL, organization: cfg.Organization, uncount: l.count(asked{c, hub})}, nil
}

// close gives the token back and forgets what was read. No volume of i is mounted any more.
func (i *identity) close() {
	i.hub.Close()
	i.client.Close()
	i.uncount()
}

func (l Login) who() string {
	if l.Identity == "" {
		return ""
	}
	return fmt.Sprintf("%q in %q", l.Identity, l.Organization)
}

func (l *identities) lookup(name string) *identity {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known[name]
}

func (l *identities) gate(address string) *client.Gate {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gates[address] == nil {
		l.gates[address] = client.NewGate()
	}
	return l.gates[address]
}

// close gives the tokens back. No volume is mounted any more.
func (l *identities) close() {
	l.making <- struct{}{} // and nobody makes another
	l.mu.Lock()
	known := slices.Collect(maps.Values(l.known))
	for _, over := range l.handed {
		if over.identity != nil {
			known = append(known, over.identity)
		}
	}
	l.known, l.handed = nil, nil
	l.mu.Unlock()
	var all sync.WaitGroup
	for _, i := range known {
		all.Go(i.close)
	}
	all.Wait()
}
