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

// recheckAfter is how long a server is believed to have the legacy routes only.
// Current servers still have those, so without asking again neither an upgrade nor a
// proxy's mistake would ever be noticed.
const recheckAfter = time.Hour

// ServerProfile remembers which routes the server has. There is no version to ask
// for, so the first request tries the current ones and learns from a "no such
// route".
type ServerProfile struct {
	mu      sync.Mutex // guards all below
	routes  Routes
	recheck time.Time // when legacy is put to the test again

	ignoresRenames bool      // the server ignored a new name: before August 2024 there was no rename
	obeysRenames   bool      // it obeyed one
	renamesUntil   time.Time // when the former is put to the test again

	strictNames bool // it has refused a name with a colon or a slash
}

// Renames returns whether legacy routes rename, as far as that was found out.
func (p *ServerProfile) Renames() (able, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.obeysRenames, p.obeysRenames || p.ignoresRenames && time.Now().Before(p.renamesUntil)
}

// LearnRenames notes whether a rename had an effect.
func (p *ServerProfile) LearnRenames(able bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.obeysRenames, p.ignoresRenames, p.renamesUntil = able, !able, time.Now().Add(recheckAfter)
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
	return p.routes
}

// order returns which routes to try first. Of many callers only one finds out
// whether legacy still holds.
func (p *ServerProfile) order() (first, second Routes) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.routes != Legacy {
		return Current, Legacy
	}
	if now := time.Now(); !now.Before(p.recheck) {
		p.recheck = now.Add(recheckAfter)
		return Current, Legacy
	}
	return Legacy, Current
}

func (p *ServerProfile) set(a Routes) (old Routes) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old, p.routes = p.routes, a
	if old != a {
		p.recheck = time.Now().Add(recheckAfter)
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
		if first == Current { // that legacy routes answer says nothing: all servers have them
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
		t.log.Info("server profile", "routes", a.String(), "before", old.String())
	}
}
