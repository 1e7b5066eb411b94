package secretread

import (
	"slices"
	"strings"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/shape"
	"infisicalfs/internal/devserver/internal/store"
)

type listAnswer struct {
	Secrets []shape.Secret  `json:"secrets"`
	Imports *[]shape.Import `json:"imports,omitempty"`
}

// List answers with the secrets of a folder, or of all below, and with imports.
func List(c *call.Call) (any, error) {
	f := c.QueryForm()
	recursive := f.Flag("recursive", false)
	tagSlugs := f.StrOr("tagSlugs", "")
	filter := f.StrOr("metadataFilter", "")
	q, err := parseReadQuery(c, f)
	if err != nil {
		return nil, err
	}
	at, err := c.Lookup(q.project, q.env, q.path)
	if err != nil {
		return nil, err
	}
	switch denied := c.Denied(q.project, q.env, q.path); {
	case denied && c.Old(), c.Blind(q.project) && !c.GoReads(), c.Who.ServiceToken() != nil && denied && !c.GoReads():
		return nil, call.PermissionDenied(c.ReadAction(), "secrets")
	case at.Folder == nil:
		return missingList(c, at, q, recursive)
	}
	return listOf(c, at, q, recursive, listFilters{tags: tagSlugs, metadata: filter})
}

// listFilters leave out secrets that are not asked for; empty: none.
type listFilters struct{ tags, metadata string }

// listOf lists a folder that exists and that the caller may see.
func listOf(c *call.Call, at store.Place, q readQuery, recursive bool, filters listFilters) (any, error) {
	places := []store.Place{at}
	if recursive {
		places = at.Below()
	}
	list := listAnswer{Secrets: []shape.Secret{}}
	ex := newExpander(c, q.project)
	for _, pl := range places {
		secrets, err := secretsOf(c, pl, q, ex, recursive)
		if err != nil {
			return nil, err
		}
		list.Secrets = append(list.Secrets, secrets...)
	}
	if filters.tags != "" && !c.July() {
		list.Secrets = slices.DeleteFunc(list.Secrets, func(j shape.Secret) bool { return !j.KeepTags(strings.Split(filters.tags, ",")) })
	}
	if !c.Old() && filters.metadata != "" {
		list.Secrets = slices.DeleteFunc(list.Secrets, func(j shape.Secret) bool { return !hasMetadata(j, filters.metadata) })
	}
	slices.SortFunc(list.Secrets, func(a, b shape.Secret) int { return strings.Compare(a.ID, b.ID) })
	switch {
	case q.imports:
		imports := importsOf(c, places, q, ex)
		if len(imports) > 0 || !c.GoReads() {
			list.Imports = &imports
		}
	case c.July():
		list.Imports = &[]shape.Import{}
	}
	return list, ex.failure()
}

// missingList answers for an environment or path that does not exist.
func missingList(c *call.Call, at store.Place, q readQuery, recursive bool) (any, error) {
	if !c.Old() {
		return nil, c.NoFolder(at, q.env, q.path)
	}
	list := listAnswer{Secrets: []shape.Secret{}}
	if !recursive || c.July() {
		list.Imports = &[]shape.Import{}
	}
	return list, nil
}

// secretsOf renders the own secrets of one folder, those that may be known of. One
// value in the folder that was asked for that may be known of and not read spoils the
// list of the backend in Node, and the one in Go hides it. Further down both leave the
// secret out.
func secretsOf(c *call.Call, at store.Place, q readQuery, ex *expander, recursive bool) ([]shape.Secret, error) {
	if c.Denied(at.Project, at.Env.Slug, at.Path) {
		return nil, nil
	}
	var out []shape.Secret
	for _, x := range at.Folder.Secrets {
		if !listed(c, at.Folder, x, q) {
			continue
		}
		hidden := c.Hidden(at.Project, at.Env.Slug, at.Path, x.Key)
		mask := hidden && c.GoReads() && at.Path == q.path
		if hidden && !mask && (q.view || c.Old()) {
			if recursive && at.Path != q.path || c.Old() || c.GoReads() {
				continue
			}
			return nil, call.PermissionDenied(c.ReadAction(), "secrets")
		}
		j := shape.ReadSecretOf(c, at, x)
		j.SecretPath = at.Path
		if c.July() { // which shows tags in single answers only
			j.Tags = nil
		}
		if !q.view || mask {
			j.Hide()
		} else if q.expand {
			j.Value = ex.expand(x.Value, at.Env.Slug, at.Path)
		}
		out = append(out, j)
	}
	return out, nil
}

// listed reports whether a list shows x: to identities only shared secrets, to
// the user on v3 both kinds, on v4 one of the two.
func listed(c *call.Call, f *store.Folder, x *store.Secret, q readQuery) bool {
	switch {
	case !c.Who.IsUser():
		return !x.Personal
	case !c.V4():
		return true
	case !q.personal:
		return !x.Personal
	default:
		return x.Personal || f.Personal(x.Key) == nil
	}
}

// hasMetadata applies a filter like key=a,value=b|key=c,value=d; all parts must match.
func hasMetadata(j shape.Secret, filter string) bool {
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
