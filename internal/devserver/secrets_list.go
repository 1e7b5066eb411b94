package devserver

import (
	"slices"
	"strings"

	"infisicalfs/internal/devserver/internal/store"
)

type importJSON struct {
	SecretPath      string           `json:"secretPath"`
	Environment     string           `json:"environment"`
	EnvironmentInfo *environmentJSON `json:"environmentInfo,omitempty"`
	FolderID        string           `json:"folderId"`
	Secrets         []secretJSON     `json:"secrets"`
}

type listAnswer struct {
	Secrets []secretJSON  `json:"secrets"`
	Imports *[]importJSON `json:"imports,omitempty"`
}

func (c *call) listSecrets() (any, error) {
	f := c.queryForm()
	recursive := f.Flag("recursive", false)
	tagSlugs := f.StrOr("tagSlugs", "")
	filter := f.StrOr("metadataFilter", "")
	q, err := c.readQuery(f)
	if err != nil {
		return nil, err
	}
	at, err := c.lookup(q.project, q.env, q.path)
	if err != nil {
		return nil, err
	}
	switch {
	case c.denied(q.project, q.env, q.path) && c.goReads():
		return emptyList(), nil
	case c.denied(q.project, q.env, q.path):
		return nil, permissionDenied(c.readAction(), "secrets")
	case at.Folder == nil:
		return c.missingList(at, q, recursive)
	}
	places := []store.Place{at}
	if recursive {
		places = at.Below()
	}
	list := listAnswer{Secrets: []secretJSON{}}
	ex := c.expander(q.project)
	for _, pl := range places {
		secrets, err := c.secretsOf(pl, q, ex, recursive)
		if err != nil {
			return nil, err
		}
		list.Secrets = append(list.Secrets, secrets...)
	}
	if tagSlugs != "" && !c.july() {
		list.Secrets = slices.DeleteFunc(list.Secrets, func(j secretJSON) bool { return !j.keepTags(strings.Split(tagSlugs, ",")) })
	}
	if !c.old() && filter != "" {
		list.Secrets = slices.DeleteFunc(list.Secrets, func(j secretJSON) bool { return !hasMetadata(j, filter) })
	}
	slices.SortFunc(list.Secrets, func(a, b secretJSON) int { return strings.Compare(a.ID, b.ID) })
	switch {
	case q.imports:
		imports := c.importsOf(places, q, ex)
		if len(imports) > 0 || !c.goReads() {
			list.Imports = &imports
		}
	case c.july():
		list.Imports = &[]importJSON{}
	}
	return list, ex.failure()
}

// missingList answers for an environment or path that does not exist.
func (c *call) missingList(at store.Place, q readQuery, recursive bool) (any, error) {
	if !c.old() {
		return nil, c.noFolder(at, q.env, q.path)
	}
	list := listAnswer{Secrets: []secretJSON{}}
	if !recursive || c.july() {
		list.Imports = &[]importJSON{}
	}
	return list, nil
}

// secretsOf renders the own secrets of one folder. One value that may be known
// of and not read spoils a plain list of the backend in Node; a recursive one
// leaves the secret out. The backend in Go hides the value, and leaves out what
// is further down.
func (c *call) secretsOf(at store.Place, q readQuery, ex *expander, recursive bool) ([]secretJSON, error) {
	if c.denied(at.Project, at.Env.Slug, at.Path) {
		return nil, nil
	}
	var out []secretJSON
	for _, x := range at.Folder.Secrets {
		if !c.listed(at.Folder, x, q) {
			continue
		}
		hidden := c.hidden(at.Project, at.Env.Slug, at.Path, x.Key)
		mask := hidden && c.goReads() && at.Path == q.path
		if hidden && !mask && (q.view || c.old()) {
			if recursive || c.old() {
				continue
			}
			return nil, permissionDenied(c.readAction(), "secrets")
		}
		j := c.readJSON(at, x)
		j.SecretPath = at.Path
		if c.july() { // which shows tags in single answers only
			j.Tags = nil
		}
		if !q.view || mask {
			j.hide()
		} else if q.expand {
			j.Value = ex.expand(x.Value, at.Env.Slug, at.Path)
		}
		out = append(out, j)
	}
	return out, nil
}

// listed reports whether a list shows x: to identities only shared secrets, to
// the user on v3 both kinds, on v4 one of the two.
func (c *call) listed(f *store.Folder, x *store.Secret, q readQuery) bool {
	switch {
	case !c.who.isUser():
		return !x.Personal
	case !c.v4():
		return true
	case !q.personal:
		return !x.Personal
	default:
		return x.Personal || f.Personal(x.Key) == nil
	}
}

// readAction names the right that reading a value takes.
func (c *call) readAction() string {
	if c.old() {
		return "read"
	}
	return "readValue"
}

// keepTags leaves only the tags that a filter asked for, as the server does, and
// reports whether there are any.
func (j *secretJSON) keepTags(slugs []string) bool {
	*j.Tags = slices.DeleteFunc(*j.Tags, func(t tagJSON) bool { return !slices.Contains(slugs, t.Slug) })
	return len(*j.Tags) > 0
}

// hasMetadata applies a filter like key=a,value=b|key=c,value=d; all parts must match.
func hasMetadata(j secretJSON, filter string) bool {
	for part := range strings.SplitSeq(filter, "|") {
		key, value, hasValue := strings.Cut(strings.TrimPrefix(part, "key="), ",value=")
		if !slices.ContainsFunc(*j.SecretMetadata, func(m store.Metadata) bool {
			return !m.IsEncrypted && m.Key == key && (!hasValue || m.Value == value)
		}) {
			return false
		}
	}
	return true
}
