package client

import (
	"context"
	"sync"
	"time"

	"infisicalfs/client/internal/wire"
)

// projectTable translates slugs, which people see, to ids, which routes want.
type projectTable struct {
	sem chan struct{} // semaphore of whoever asks the server because the table lacks something

	mu      sync.Mutex // guards all below
	bySlug  map[string]wire.Project
	count   uint64    // lists that have arrived
	checked time.Time // when a refusal was last looked into
	byOrg   bool      // the server refuses the plain list and gives the organisation's
	empty   string    // the organisation, if it had no projects
}

func (t *projectTable) tellEmpty(organization string, empty bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.empty = ""; empty {
		t.empty = organization
	}
}

func (t *projectTable) emptyOrganization() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.empty
}

func newProjectTable() *projectTable {
	return &projectTable{sem: make(chan struct{}, 1), bySlug: map[string]wire.Project{}}
}

// acquire waits for its turn to ask the server.
func (t *projectTable) acquire(ctx context.Context) (release func(), err error) {
	select {
	case t.sem <- struct{}{}:
		return func() { <-t.sem }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// get returns the project that has this slug or id.
func (t *projectTable) get(idOrSlug string) (wire.Project, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p, ok := t.bySlug[idOrSlug]; ok {
		return p, true
	}
	for _, p := range t.bySlug {
		if p.ID == idOrSlug {
			return p, true
		}
	}
	return wire.Project{}, false
}

// add remembers a project that was asked for alone.
func (t *projectTable) add(p wire.Project) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bySlug[p.Slug] = p
}

// replace takes in a list of all projects. A slug that a project had before
// still leads to it, for those who mounted it by that name, unless another
// project has the slug now; a project that is not listed any more is forgotten.
func (t *projectTable) replace(list []wire.Project) {
	bySlug, byID := map[string]wire.Project{}, map[string]wire.Project{}
	for _, p := range list {
		bySlug[p.Slug], byID[p.ID] = p, p
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for slug, old := range t.bySlug {
		if p, listed := byID[old.ID]; listed && bySlug[slug].ID == "" {
			bySlug[slug] = p
		}
	}
	t.bySlug = bySlug
	t.count++
}

func (t *projectTable) lists() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

// mayCheck reports, once a minute, that the table may be held against the server.
func (t *projectTable) mayCheck() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if now.Before(t.checked.Add(time.Minute)) {
		return false
	}
	t.checked = now
	return true
}

func (t *projectTable) prefersOrganization() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byOrg
}

func (t *projectTable) preferOrganization(yes bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byOrg = yes
}
