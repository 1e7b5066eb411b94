package fs

import (
	"slices"
	"weak"

	"infisicalfs/secret"
)

// watchedGeneration has a generation revoked for as long as anybody uses it.
type watchedGeneration struct {
	dir        secret.Dir
	generation weak.Pointer[generation]
}

func (r *watchedGeneration) folder() secret.Dir { return r.dir }

func (r *watchedGeneration) revoke() {
	if g := r.generation.Value(); g != nil {
		g.snap.Store(nil)
	}
}

// hides reports whether the generation shows a secret that snap hides.
func (r *watchedGeneration) hides(snap *secret.Folder) bool {
	g := r.generation.Value()
	if g == nil || r.dir != snap.Dir {
		return false
	}
	mine := g.snap.Load()
	return mine != nil && slices.ContainsFunc(snap.Secrets, func(s secret.Secret) bool {
		was, ok := mine.Secret(s.Name)
		return ok && s.Denied() && !was.Denied()
	})
}

// forget makes the kernel forget what it has of the generation's files.
func (r *watchedGeneration) forget() {
	g := r.generation.Value()
	if g == nil {
		return
	}
	if at := g.at.GetChild(g.name); at != nil {
		for _, child := range at.Children() {
			child.NotifyContent(0, 0)
		}
	}
}
