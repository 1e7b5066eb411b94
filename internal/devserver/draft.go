package devserver

import (
	"cmp"
	"strings"
	"unicode/utf8"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// maxKey is the width, in characters, of the database's column for names.
const maxKey = 500

// writeTarget is what the bodies of all writes have in common.
type writeTarget struct {
	project *store.Project
	env     string
	path    string
}

// writeTarget reads the project, in the spelling of the route, the environment
// and the path. The project's slug is taken where bySlug says so, and on all old
// routes of a current server; the batches of July 2024 take nothing else.
func (c *call) writeTarget(f *web.Form, bySlug bool) (writeTarget, error) {
	t := writeTarget{}
	id, slug := "", ""
	switch {
	case c.v4():
		id = f.Str("projectId")
	case bySlug && c.july():
		slug = f.Str("projectSlug")
	case f.Has("workspaceId") || !bySlug && c.old() || !f.Has("projectSlug"):
		id = f.Str("workspaceId")
	default:
		slug = f.Str("projectSlug")
	}
	t.env, t.path = f.Str("environment"), store.SecretPath(f.StrOr("secretPath", "/"))
	if err := f.Failure(); err != nil {
		return t, err
	}
	t.project = c.state.ProjectByID(id)
	if slug != "" {
		t.project = c.state.ProjectBySlug(slug)
	}
	return t, c.member(t.project, c.noProject(cmp.Or(id, slug)))
}

// writable finds the folder of a write, after the right to do it.
func (c *call) writable(t writeTarget, action, operation string) (store.Place, error) {
	if err := c.mayWrite(action, t.project, t.env, t.path); err != nil {
		return store.Place{}, err
	}
	at, err := c.lookup(t.project, t.env, t.path)
	if err != nil {
		return store.Place{}, err
	}
	if at.Folder == nil {
		return store.Place{}, c.noFolderFor(at, operation, t.env, t.path)
	}
	return at, nil
}

// draft is what a create or update sends about one secret; nil is not sent.
type draft struct {
	key           string
	newKey        *string
	value         *string
	comment       *string
	tagIDs        []string
	metadata      []store.Metadata
	skipMultiline *bool
	reminderNote  *string
	path          string // of a batch's entry that has its own; empty: the batch's
}

// draft reads a secret's fields. A server of 2024 wants a value even where only
// something else is to be changed.
func (c *call) draft(f *web.Form, key string, valueNeeded bool) draft {
	d := draft{key: store.TrimSpace(key)}
	if valueNeeded || c.old() {
		v := f.Str("secretValue")
		d.value = &v
	} else {
		d.value = f.OptStr("secretValue")
	}
	if d.value != nil {
		v := store.StoredValue(*d.value)
		d.value = &v
	}
	if d.comment = f.OptStr("secretComment"); d.comment != nil {
		v := store.TrimSpace(*d.comment)
		d.comment = &v
	}
	d.tagIDs = f.Strings("tagIds")
	if v, ok := f.Value("skipMultilineEncoding").(bool); ok {
		d.skipMultiline = &v
	}
	if v, ok := f.Value("secretReminderNote").(string); ok {
		d.reminderNote = &v
	}
	if !c.old() && f.Has("secretMetadata") {
		d.metadata = []store.Metadata{}
		for _, m := range f.Objects("secretMetadata", 0) {
			d.metadata = append(d.metadata, store.Metadata{Key: m.Str("key"), Value: m.Str("value"), IsEncrypted: m.Boolean("isEncrypted", false)})
		}
	}
	return d
}

// checkNewKey complains about names that current servers do not take for new
// secrets. Those of 2024 take anything.
func (c *call) checkNewKey(f *web.Form, field, key string) {
	if c.old() {
		return
	}
	switch {
	case key == "":
		f.TooShort(f.Path(field), 1)
	case strings.ContainsAny(key, ":/"):
		f.Custom(field, "Secret name cannot contain colon or slash")
	}
}

// storable reports the names over which the database trips.
func storable(key string) error {
	switch {
	case strings.Contains(key, "\x00"):
		return web.Broken("Find one")
	case utf8.RuneCountInString(key) > maxKey:
		return web.Broken("Create")
	}
	return nil
}

// apply puts the draft into x; what was not sent stays.
func (d draft) apply(x *store.Secret) {
	if d.newKey != nil {
		x.Key = *d.newKey
	}
	if d.value != nil {
		x.Value = *d.value
	}
	if d.comment != nil {
		x.Comment = *d.comment
	}
	if d.tagIDs != nil {
		x.Tags = d.tagIDs
	}
	if d.metadata != nil {
		x.Metadata = d.metadata
	}
	if d.skipMultiline != nil {
		x.SkipMultiline = *d.skipMultiline
	}
	if d.reminderNote != nil {
		x.ReminderNote = d.reminderNote
	}
}

func checkTags(p *store.Project, ids []string) error {
	for _, id := range ids {
		if p.Tag(id) == nil {
			return web.NotFound("Tag not found")
		}
	}
	return nil
}

// alreadyExists is the same sentence in the words of both generations.
func (c *call) alreadyExists(format string, args ...any) *web.Failure {
	if !c.old() {
		format = strings.Replace(format, "already exist", "already exists", 1)
	}
	return web.BadRequest(format, args...)
}
