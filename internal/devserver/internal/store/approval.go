package store

import (
	"slices"
	"time"
)

// Policies says in which environments a change policy wants approvals.
type Policies struct {
	All  bool     // in all
	Envs []string // slugs
}

// Covers reports whether there is a policy for an environment.
func (p Policies) Covers(env string) bool { return p.All || slices.Contains(p.Envs, env) }

// Approval is a request for an approval, which a change by a user has become.
type Approval struct {
	ID, Slug  string
	Env, Path string
	Change    string // create, update, delete or move
	Names     []string
	Committer string // a user's id
	At        time.Time
}
