package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"infisicalfs/secret"
)

// api is a generation of routes.
type api uint32

const (
	unknown api = iota
	current     // v4 secrets, v1 projects, v2 folders: servers since September 2025
	legacy      // v3 raw secrets, workspaces, v1 folders: all servers before, and still served after
)

func (a api) String() string {
	return [...]string{"unknown", "current", "legacy"}[a]
}

// doubtAfter is how long a server is believed to have the legacy routes only.
// Current servers still have those, so without doubt neither an upgrade nor a
// proxy's mistake would ever be noticed.
const doubtAfter = time.Hour

// generation remembers which routes the server has. There is no version to ask
// for, so the first request tries the current ones and learns from a "no such
// route".
type generation struct {
	mu    sync.Mutex // guards all below
	known api
	doubt time.Time // when legacy is put to the test again

	deaf      bool      // the server ignored a new name: before August 2024 there was no rename
	hears     bool      // it obeyed one
	deafUntil time.Time // when that is put to the test again
}

// renames returns whether legacy routes rename, as far as that was found out.
func (g *generation) renames() (able, known bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hears, g.hears || g.deaf && time.Now().Before(g.deafUntil)
}

func (g *generation) learnRenames(able bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hears, g.deaf, g.deafUntil = able, !able, time.Now().Add(doubtAfter)
}

func (g *generation) get() api {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.known
}

// order returns which routes to try first. Of many callers only one finds out
// whether legacy still holds.
func (g *generation) order() (first, second api) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.known != legacy {
		return current, legacy
	}
	if now := time.Now(); !now.Before(g.doubt) {
		g.doubt = now.Add(doubtAfter)
		return current, legacy
	}
	return legacy, current
}

func (g *generation) set(a api) (old api) {
	g.mu.Lock()
	defer g.mu.Unlock()
	old, g.known = g.known, a
	if old != a {
		g.doubt = time.Now().Add(doubtAfter)
	}
	return old
}

// withRoutes runs ask with the generation that the server is known to have,
// and with the other one if the route turns out not to exist, which also
// happens when a server is upgraded or rolled back under a running mount.
func (c *Client) withRoutes(ctx context.Context, ask func(context.Context, api) error) error {
	first, second := c.generation.order()
	err := ask(ctx, first)
	if !errors.Is(err, errNoRoute) {
		if first == current { // that legacy routes answer is no news: all servers have them
			c.learnGeneration(first, err)
		}
		return err
	}
	again := ask(ctx, second)
	if errors.Is(again, errNoRoute) {
		return fmt.Errorf("%s does not have Infisical's routes, is the address right? %w", c.Server(), err)
	}
	c.learnGeneration(second, again)
	return again
}

// learnGeneration remembers routes that gave an answer of their own. A verdict
// on what was asked is one; a failure to log in or to reach the server is not.
func (c *Client) learnGeneration(a api, err error) {
	answered := err == nil || errors.Is(err, secret.ErrNotFound) || errors.Is(err, secret.ErrDenied) || errors.Is(err, secret.ErrInvalid)
	if !answered {
		return
	}
	if old := c.generation.set(a); old != a {
		c.log.Info("server generation", "routes", a.String(), "before", old.String())
	}
}
