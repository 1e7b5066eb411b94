//go:build linux

package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"infisicalfs/internal/devserver"
)

// trouble is something that happens to the server for a while.
type trouble struct {
	name  string
	lasts time.Duration
	fault devserver.Fault                 // in force meanwhile
	do    func(*devserver.Editor) error   // instead of a fault
	undo  func(*devserver.Editor) error   // at the end
	note  func(t *truth, since time.Time) // told when it began, and with the zero time when it ended
}

var troubles = []trouble{
	{name: "connections are cut", lasts: 3 * time.Second, fault: devserver.Fault{Reset: true}},
	{name: "away for longer than old answers last", lasts: ttl + maxStale + 3*time.Second, fault: devserver.Fault{Reset: true}},
	{name: "no answer", lasts: 4 * time.Second, fault: devserver.Fault{Hang: true}},
	{name: "slow", lasts: 4 * time.Second, fault: devserver.Fault{Delay: 700 * time.Millisecond}},
	{name: "502", lasts: 3 * time.Second, fault: devserver.Fault{Status: http.StatusBadGateway, Body: "<html>bad gateway</html>"}},
	{name: "429", lasts: 4 * time.Second, fault: devserver.Fault{Status: http.StatusTooManyRequests,
		Header: http.Header{"Retry-After": {"1"}}, Body: `{"error":"RateLimitExceeded"}`}},
	{name: "answers are cut short", lasts: 3 * time.Second, fault: devserver.Fault{Truncate: 40}},
	{name: "it acts, and the answer is lost", lasts: 3 * time.Second, fault: devserver.Fault{Reset: true, After: true}},
	{name: "tokens are revoked", lasts: time.Second, do: func(e *devserver.Editor) error { return e.Revoke("admin") }},
	{name: "a folder is denied", lasts: deniedLimit + 4*time.Second,
		do:   func(e *devserver.Editor) error { return e.Deny("admin", project, filesDir, "/"+deniedFolder) },
		undo: func(e *devserver.Editor) error { return e.Allow("admin") },
		note: (*truth).deny},
}

const recovers = 3 * time.Second // between two troubles

// happen has one trouble after another, each round in an order of its own.
func (l *load) happen(ctx context.Context) {
	for ctx.Err() == nil {
		for _, i := range rand.Perm(len(troubles)) {
			pause(ctx, recovers)
			if ctx.Err() != nil {
				return
			}
			if err := l.suffer(ctx, troubles[i]); err != nil {
				l.counts.violation("the development server", "%v", err)
				return
			}
			l.counts.did("trouble: " + troubles[i].name)
		}
	}
}

func (l *load) suffer(ctx context.Context, t trouble) error {
	heal := func() error { return nil }
	if t.do != nil {
		if err := l.site.Edit(t.do); err != nil {
			return err
		}
		if t.undo != nil {
			heal = func() error { return l.site.Edit(t.undo) }
		}
	} else {
		remove := l.site.Inject(t.fault)
		heal = func() error { remove(); return nil }
	}
	if t.note != nil {
		t.note(l.truth, time.Now())
	}
	pause(ctx, t.lasts)
	if t.note != nil {
		t.note(l.truth, time.Time{})
	}
	return heal()
}
