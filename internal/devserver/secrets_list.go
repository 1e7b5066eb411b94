package devserver

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

func secretRoutes(p Profile) []route {
	const raw = "/api/v3/secrets/raw"
	routes := []route{
		{"GET", raw, secretClass, members, (*call).listSecrets},
		{"GET", raw + "/:secretName", secretClass, members, (*call).getSecret},
		{"POST", raw + "/:secretName", secretClass, members, (*call).createSecret},
		{"PATCH", raw + "/:secretName", secretClass, members, (*call).updateSecret},
		{"DELETE", raw + "/:secretName", secretClass, members, (*call).deleteSecret},
		{"POST", "/api/v3/secrets/batch/raw", secretClass, members, (*call).createSecrets},
		{"PATCH", "/api/v3/secrets/batch/raw", secretClass, members, (*call).updateSecrets},
		{"DELETE", "/api/v3/secrets/batch/raw", secretClass, members, (*call).deleteSecrets},
		{"POST", "/api/v3/secrets/move", secretClass, members, (*call).moveSecrets},
	}
	if p == Current {
		const v4 = "/api/v4/secrets"
		routes = append(routes,
			route{"GET", raw + "/id/:secretId", secretClass, members, (*call).getSecretByID},
			route{"GET", v4, secretClass, members, (*call).listSecrets},
			route{"GET", v4 + "/id/:secretId", secretClass, members, (*call).getSecretByID},
			route{"GET", v4 + "/:secretName", secretClass, members, (*call).getSecret},
			route{"POST", v4 + "/:secretName", secretClass, members, (*call).createSecret},
			route{"PATCH", v4 + "/:secretName", secretClass, members, (*call).updateSecret},
			route{"DELETE", v4 + "/:secretName", secretClass, members, (*call).deleteSecret},
			route{"POST", v4 + "/batch", secretClass, members, (*call).createSecrets},
			route{"PATCH", v4 + "/batch", secretClass, members, (*call).updateSecrets},
			route{"DELETE", v4 + "/batch", secretClass, members, (*call).deleteSecrets},
			route{"POST", v4 + "/move", secretClass, members, (*call).moveSecrets},
			route{"GET", "/api/v1/secret/:secretId/secret-versions", readClass, userOnly, (*call).listVersions},
		)
	}
	return routes
}

// v4 reports whether the request came in on the newest secret routes.
func (c *call) v4() bool { return strings.HasPrefix(c.route.pattern, "/api/v4/") }

// readQuery is what list and get have in common.
type readQuery struct {
	project  *project
	env      string
	path     string
	view     bool // show values
	expand   bool
	imports  bool
	personal bool // may answer with the user's overrides
}

// readQuery reads the common parameters. The defaults differ between the
// generations: today's v4 expands and imports, v3 does neither.
func (c *call) readQuery(f *form) (readQuery, error) {
	v4 := c.v4()
	q := readQuery{env: f.strOr("environment", ""), path: secretPath(f.strOr("secretPath", "/"))}
	q.expand = f.flag("expandSecretReferences", v4)
	q.imports = f.flag("include_imports", v4)
	q.view = true
	if !c.old() {
		q.view = f.flag("viewSecretValue", true)
	}
	if v4 {
		q.imports = f.flag("includeImports", q.imports)
		q.personal = f.flag("includePersonalOverrides", false)
	}
	id, slug := "", ""
	if v4 {
		id = f.strOr("projectId", "")
	} else {
		id, slug = f.strOr("workspaceId", ""), f.strOr("workspaceSlug", "")
	}
	if err := f.failure(); err != nil {
		return q, err
	}
	if q.env == "" || id == "" && slug == "" {
		if v4 {
			return q, badRequest("Missing project id or environment")
		}
		return q, badRequest("Missing workspace id or environment")
	}
	q.project = c.s.state.projectByID(id)
	if id == "" {
		q.project = c.s.state.projectBySlug(slug)
	}
	return q, c.member(q.project, c.noProject(cmp.Or(id, slug)))
}

// noProject is what the secret routes say about an unknown project.
func (c *call) noProject(id string) *failure {
	if c.old() {
		return notFound("Project not found during bot lookup. Are you sure you are using the correct project ID?")
	}
	return notFound("Project with ID '%s' not found", id)
}

// noFolder is what a current server says about a missing environment or path.
func (c *call) noFolder(env, path string) *failure {
	return fail(http.StatusNotFound, "SecretPathNotFound",
		"Folder with path '%s' in environment '%s' was not found. Please ensure the environment slug and secret path are correct.", path, env)
}

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
	recursive := f.flag("recursive", false)
	tagSlugs := f.strOr("tagSlugs", "")
	filter := f.strOr("metadataFilter", "")
	q, err := c.readQuery(f)
	if err != nil {
		return nil, err
	}
	at, err := c.lookup(q.project, q.env, q.path)
	if err != nil {
		return nil, err
	}
	if c.denied(q.project, q.env, q.path) {
		return nil, permissionDenied(c.readAction(), "secrets")
	}
	if at.f == nil {
		return c.missingList(q, recursive)
	}
	places := []place{at}
	if recursive {
		places = at.below()
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
	if !c.v4() && tagSlugs != "" {
		list.Secrets = slices.DeleteFunc(list.Secrets, func(j secretJSON) bool { return !hasTag(j, strings.Split(tagSlugs, ",")) })
	}
	if !c.old() && filter != "" {
		list.Secrets = slices.DeleteFunc(list.Secrets, func(j secretJSON) bool { return !hasMetadata(j, filter) })
	}
	slices.SortFunc(list.Secrets, func(a, b secretJSON) int { return strings.Compare(a.ID, b.ID) })
	if q.imports {
		imports := c.importsOf(places, q, ex)
		list.Imports = &imports
	}
	return list, ex.failureUnless(c.old())
}

// missingList answers for an environment or path that does not exist.
func (c *call) missingList(q readQuery, recursive bool) (any, error) {
	if !c.old() {
		return nil, c.noFolder(q.env, q.path)
	}
	list := listAnswer{Secrets: []secretJSON{}}
	if !recursive {
		list.Imports = &[]importJSON{}
	}
	return list, nil
}

// secretsOf renders the own secrets of one folder. One value that may be known
// of and not read spoils a plain list; a recursive one leaves the secret out.
func (c *call) secretsOf(at place, q readQuery, ex *expander, recursive bool) ([]secretJSON, error) {
	if c.denied(at.p, at.env.Slug, at.path) {
		return nil, nil
	}
	var out []secretJSON
	for _, x := range at.f.Secrets {
		if !c.listed(at.f, x, q) {
			continue
		}
		if c.hidden(at.p, at.env.Slug, at.path, x.Key) && (q.view || c.old()) {
			if recursive || c.old() {
				continue
			}
			return nil, permissionDenied(c.readAction(), "secrets")
		}
		j := c.readJSON(at, x)
		j.SecretPath = at.path
		if !q.view {
			j.hide()
		} else if q.expand {
			j.Value = ex.expand(x.Value, at.env.Slug, at.path)
		}
		out = append(out, j)
	}
	return out, nil
}

// listed reports whether a list shows x: to identities only shared secrets, to
// the user on v3 both kinds, on v4 one of the two.
func (c *call) listed(f *folder, x *secret, q readQuery) bool {
	switch {
	case !c.who.isUser():
		return !x.Personal
	case !c.v4():
		return true
	case !q.personal:
		return !x.Personal
	default:
		return x.Personal || f.personal(x.Key) == nil
	}
}

// readAction names the right that reading a value takes.
func (c *call) readAction() string {
	if c.old() {
		return "read"
	}
	return "readValue"
}

func (e *expander) failureUnless(old bool) error {
	if old {
		return nil
	}
	return e.failure()
}

func hasTag(j secretJSON, slugs []string) bool {
	return slices.ContainsFunc(*j.Tags, func(t tagJSON) bool { return slices.Contains(slugs, t.Slug) })
}

// hasMetadata applies a filter like key=a,value=b|key=c,value=d; all parts must match.
func hasMetadata(j secretJSON, filter string) bool {
	for part := range strings.SplitSeq(filter, "|") {
		key, value, hasValue := strings.Cut(strings.TrimPrefix(part, "key="), ",value=")
		if !slices.ContainsFunc(*j.SecretMetadata, func(m metadata) bool {
			return !m.IsEncrypted && m.Key == key && (!hasValue || m.Value == value)
		}) {
			return false
		}
	}
	return true
}
