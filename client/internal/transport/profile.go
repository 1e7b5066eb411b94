package transport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"infisicalfs/secret"
)

// Routes is a set of routes that a server has.
type Routes uint32

const (
	Unknown Routes = iota
	Current        // v4 secrets, v1 projects, v2 folders: servers since September 2025
	Legacy         // v3 raw secrets, workspaces, v1 folders: all servers before, and still served after
)

func (a Routes) String() string {
	return [...]string{"unknown", "current", "legacy"}[a]
}

// doubtAfter is how long a server is believed to have the legacy routes only.
// Current servers still have those, so without doubt neither an upgrade nor a
// proxy's mistake would ever be noticed.
const doubtAfter = time.Hour

// ServerProfile remembers which routes the server has. There is no version to ask
// for, so the first request tries the current ones and learns from a "no such
// route".
type ServerProfile struct {
	mu    sync.Mutex // guards all below
	known Routes
	doubt time.Time // when legacy is put to the test again

	deaf      bool      // the server ignored a new name: before August 2024 there was no rename
	hears     bool      // it obeyed one
	deafUntil time.Time // when that is put to the test again

	strictNames bool // it has refused a name with a colon or a slash
}

// Renames returns whether legacy routes rename, as far as that was found out.
func (p *ServerProfile) Renames() (able, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hears, p.hears || p.deaf && time.Now().Before(p.deafUntil)
}

// LearnRenames notes whether a rename had an effect.
func (p *ServerProfile) LearnRenames(able bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hears, p.deaf, p.deafUntil = able, !able, time.Now().Add(doubtAfter)
}

// LearnStrictNames notes that the server refused a name with a colon or a slash.
func (p *ServerProfile) LearnStrictNames() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strictNames = true
}

// StrictNames reports whether the server takes no new name with a colon or a
// slash, as far as that was found out.
func (p *ServerProfile) StrictNames() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.strictNames
}

// Routes returns the routes that the server is known to have.
func (p *ServerProfile) Routes() Routes {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known
}

// order returns which routes to try first. Of many callers only one finds out
// whether legacy still holds.
func (p *ServerProfile) order() (first, second Routes) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != Legacy {
		return Current, Legacy
	}
	if now := time.Now(); !now.Before(p.doubt) {
		p.doubt = now.Add(doubtAfter)
		return Current, Legacy
	}
	return Legacy, Current
}

func (p *ServerProfile) set(a Routes) (old Routes) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old, p.known = p.known, a
	if old != a {
		p.doubt = time.Now().Add(doubtAfter)
	}
	return old
}

// WithRoutes runs ask with the routes that the server is known to have,
// and with the other one if the route turns out not to exist, which also
// happens when a server is upgraded or rolled back under a running mount.
func (t *Transport) WithRoutes(ctx context.Context, ask func(context.Context, Routes) error) error {
	first, second := t.Profile.order()
	err := ask(ctx, first)
	if !errors.Is(err, ErrNoRoute) {
		if first == Current { // that legacy routes answer is no news: all servers have them
			t.learnRoutes(first, err)
		}
		return err
	}
	again := ask(ctx, second)
	if errors.Is(again, ErrNoRoute) {
		return fmt.Errorf("%s does not have Infisical's routes, is the address right? %w", t.Address(), err)
	}
	t.learnRoutes(second, again)
	return again
}

// learnRoutes remembers routes that gave an answer of their own. A verdict
// on what was asked is one; a failure to log in or to reach the server is not.
func (t *Transport) learnRoutes(a Routes, err error) {
	answered := err == nil || errors.Is(err, secret.ErrNotFound) || errors.Is(err, secret.ErrDenied) || errors.Is(err, secret.ErrInvalid)
	if !answered {
		return
	}
	if old := t.Profile.set(a); old != a {
		t.log.Info("server generation", "routes", a.String(), "before", old.String())
	}
}
