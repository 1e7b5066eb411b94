package secretread

import (
	"slices"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/shape"
	"infisicalfs/internal/devserver/internal/store"
)

// resolved is one import of a folder with the secrets that it brings, those of
// imports of imports included.
type resolved struct {
	at      store.Place // the source
	secrets []importedSecret
}

type importedSecret struct {
	at store.Place
	x  *store.Secret
}

// resolve follows the imports of the places. What the sources import themselves
// is put into the same entry, behind the source's own secrets, so that the first
// of a name counts. Sources that do not exist, or that the caller may not read, are
// left out without a word. Each source is followed once; a server of 2024 takes
// two sources of one path for the same even if their environments differ, and
// so loses part of a chain. The backend in Node follows what a source imports and
// no further, and what two entries lead to belongs to the later one; the one in Go
// follows chains to their end, and never back to the place that asks.
func resolve(c *call.Call, places []store.Place) []resolved {
	w := importWalk{c: c, seen: map[string]bool{}}
	if c.GoReads() {
		for _, at := range places {
			w.seen[at.Env.Slug+":"+at.Path] = true
		}
	}
	var out []resolved
	for _, at := range places {
		for _, im := range at.Folder.Imports {
			src, ok := source(c, at.Project, im)
			if !ok || c.GoReads() && w.seen[w.key(im)] {
				continue
			}
			w.seen[w.key(im)] = true
			out = append(out, resolved{at: src, secrets: importable(c, src)})
		}
	}
	if c.Old() || c.GoReads() {
		for i := range out {
			w.follow(&out[i], store.MaxDepth)
		}
		return out
	}
	for i := range slices.Backward(out) {
		w.follow(&out[i], 1)
	}
	return out
}

// importWalk remembers which sources were followed.
type importWalk struct {
	c    *call.Call
	seen map[string]bool
}

// key is by what two sources are taken for the same.
func (w *importWalk) key(im *store.SecretImport) string {
	if w.c.Old() {
		return im.Path
	}
	return im.Env + ":" + im.Path
}

// follow adds to an entry what its source imports, so many levels deep.
func (w *importWalk) follow(r *resolved, levels int) {
	level := []store.Place{r.at}
	for n := 0; n < levels && len(level) > 0; n++ {
		var next []store.Place
		for _, at := range level {
			for _, im := range at.Folder.Imports {
				src, ok := source(w.c, at.Project, im)
				if !ok || w.seen[w.key(im)] {
					continue
				}
				w.seen[w.key(im)] = true
				r.secrets = append(r.secrets, importable(w.c, src)...)
				next = append(next, src)
			}
		}
		level = next
	}
}

func source(c *call.Call, p *store.Project, im *store.SecretImport) (store.Place, bool) {
	at, err := c.Lookup(p, im.Env, im.Path)
	return at, err == nil && at.Folder != nil && !c.Denied(p, im.Env, im.Path)
}

// importable are the shared secrets whose value the caller may read.
func importable(c *call.Call, at store.Place) []importedSecret {
	var out []importedSecret
	for _, x := range at.Folder.Secrets {
		if !x.Personal && !c.Hidden(at.Project, at.Env.Slug, at.Path, x.Key) {
			out = append(out, importedSecret{at, x})
		}
	}
	return out
}

func firstOfEachName(list []importedSecret) []importedSecret {
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(s importedSecret) bool {
		twice := seen[s.x.Key]
		seen[s.x.Key] = true
		return twice
	})
}

// importsOf renders the imports of a list. Servers expand the references in them
// whether asked or not, but for the backend in Go. Today's v4 looks for a reference's
// target in the importing folder first; v3 looks in the source only.
func importsOf(c *call.Call, places []store.Place, q readQuery, ex *expander) []shape.Import {
	var first []store.Place
	if c.V4() {
		first = places[:1]
	}
	out := []shape.Import{}
	for _, r := range resolve(c, places) {
		entry := shape.Import{SecretPath: r.at.Path, Environment: r.at.Env.Slug, FolderID: r.at.Folder.ID, Secrets: []shape.Secret{}}
		if c.Old() || q.view && !c.GoReads() { // today names are made unique on the way through expansion
			r.secrets = firstOfEachName(r.secrets)
		}
		for _, s := range r.secrets {
			j := shape.ImportedSecretOf(c, s.at, s.x)
			if !q.view {
				j.Hide()
			} else if q.expand || !c.GoReads() {
				j.Value = ex.expand(s.x.Value, s.at.Env.Slug, s.at.Path, first...)
			}
			entry.Secrets = append(entry.Secrets, j)
		}
		out = append(out, entry)
	}
	return out
}

// findImported finds a name in the imports of a folder, the last import first.
// The place is the source's.
func findImported(c *call.Call, at store.Place, name string) (store.Place, *store.Secret) {
	imports := resolve(c, []store.Place{at})
	for _, r := range slices.Backward(imports) {
		for _, s := range r.secrets {
			if s.x.Key == name {
				return s.at, s.x
			}
		}
	}
	return at, nil
}

// ImportedSecrets renders what the imports of a folder bring, unexpanded and with dates.
func ImportedSecrets(c *call.Call, at store.Place) []shape.Import {
	list := []shape.Import{}
	for _, r := range resolve(c, []store.Place{at}) {
		e := r.at.Env
		entry := shape.Import{
			SecretPath: r.at.Path, Environment: e.Slug, FolderID: r.at.Folder.ID,
			EnvironmentInfo: &shape.Environment{Name: e.Name, Slug: e.Slug, ID: e.ID}, Secrets: []shape.Secret{},
		}
		for _, s := range firstOfEachName(r.secrets) {
			j := shape.ImportedSecretOf(c, s.at, s.x)
			j.CreatedAt, j.UpdatedAt = call.Stamp(s.x.CreatedAt), call.Stamp(s.x.UpdatedAt)
			entry.Secrets = append(entry.Secrets, j)
		}
		list = append(list, entry)
	}
	return list
}
