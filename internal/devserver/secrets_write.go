package devserver

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxKey is the width, in characters, of the database's column for names.
const maxKey = 500

// writeTarget is what the bodies of all writes have in common.
type writeTarget struct {
	project *project
	env     string
	path    string
}

// writeTarget reads the project, in the spelling of the route, the environment
// and the path. The project's slug is taken where bySlug says so, and on all old
// routes of a current server.
func (c *call) writeTarget(f *form, bySlug bool) (writeTarget, error) {
	t := writeTarget{}
	id, slug := "", ""
	switch {
	case c.v4():
		id = f.str("projectId")
	case f.has("workspaceId") || !bySlug && c.old() || !f.has("projectSlug"):
		id = f.str("workspaceId")
	default:
		slug = f.str("projectSlug")
	}
	t.env, t.path = f.str("environment"), secretPath(f.strOr("secretPath", "/"))
	if err := f.failure(); err != nil {
		return t, err
	}
	t.project = c.s.state.projectByID(id)
	if slug != "" {
		t.project = c.s.state.projectBySlug(slug)
	}
	return t, c.member(t.project, c.noProject(cmp.Or(id, slug)))
}

// writable finds the folder of a write, after the right to do it.
func (c *call) writable(t writeTarget, action, operation string) (place, error) {
	if err := c.mayWrite(action, t.project, t.env, t.path); err != nil {
		return place{}, err
	}
	at, err := c.lookup(t.project, t.env, t.path)
	if err != nil {
		return place{}, err
	}
	if at.f == nil {
		return place{}, c.noFolderFor(operation, t.env, t.path)
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
	metadata      []metadata
	skipMultiline *bool
	reminderNote  *string
	path          string // of a batch's entry that has its own; empty: the batch's
}

// draft reads a secret's fields. A server of 2024 wants a value even where only
// something else is to be changed.
func (c *call) draft(f *form, key string, valueNeeded bool) draft {
	d := draft{key: trimSpace(key)}
	if valueNeeded || c.old() {
		v := f.str("secretValue")
		d.value = &v
	} else {
		d.value = f.optStr("secretValue")
	}
	if d.value != nil {
		v := storedValue(*d.value)
		d.value = &v
	}
	if d.comment = f.optStr("secretComment"); d.comment != nil {
		v := trimSpace(*d.comment)
		d.comment = &v
	}
	d.tagIDs = f.strings("tagIds")
	if v, ok := f.value("skipMultilineEncoding").(bool); ok {
		d.skipMultiline = &v
	}
	if v, ok := f.value("secretReminderNote").(string); ok {
		d.reminderNote = &v
	}
	if !c.old() && f.has("secretMetadata") {
		d.metadata = []metadata{}
		for _, m := range f.objects("secretMetadata", 0) {
			d.metadata = append(d.metadata, metadata{m.str("key"), m.str("value"), m.boolean("isEncrypted", false)})
		}
	}
	return d
}

// checkNewKey complains about names that current servers do not take for new
// secrets. Those of 2024 take anything.
func (c *call) checkNewKey(f *form, field, key string) {
	if c.old() {
		return
	}
	switch {
	case key == "":
		f.tooShort(f.path(field), 1)
	case strings.ContainsAny(key, ":/"):
		f.custom(field, "Secret name cannot contain colon or slash")
	}
}

// storable reports the names over which the database trips.
func storable(key string) error {
	switch {
	case strings.Contains(key, "\x00"):
		return broken("Find one")
	case utf8.RuneCountInString(key) > maxKey:
		return broken("Create")
	}
	return nil
}

// apply puts the draft into x; what was not sent stays.
func (d draft) apply(x *secret) {
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

func (p *project) checkTags(ids []string) error {
	for _, id := range ids {
		if p.tag(id) == nil {
			return notFound("Tag not found")
		}
	}
	return nil
}

// alreadyExists is the same sentence in the words of both generations.
func (c *call) alreadyExists(format string, args ...any) *failure {
	if !c.old() {
		format = strings.Replace(format, "already exist", "already exists", 1)
	}
	return badRequest(format, args...)
}

func (c *call) createSecret() (any, error) {
	f := c.bodyForm()
	d := c.draft(f, c.params["secretName"], true)
	c.checkNewKey(f, "secretName", d.key)
	personal := f.oneOf("type", "shared", "shared", "personal") == "personal"
	t, err := c.writeTarget(f, false)
	if err != nil {
		return nil, err
	}
	at, err := c.writable(t, "create", "Create secret")
	if err != nil {
		return nil, err
	}
	if err := storable(d.key); err != nil {
		return nil, err
	}
	existing := at.f.shared(d.key)
	if personal {
		switch {
		case !c.who.isUser():
			return nil, badRequest("Must be user to create personal secret")
		case existing == nil:
			return nil, badRequest("Failed to create personal secret override for no corresponding shared secret")
		}
		existing = at.f.personal(d.key)
	}
	if existing != nil {
		return nil, c.alreadyExists("Secret already exist")
	}
	if err := at.p.checkTags(d.tagIDs); err != nil {
		return nil, err
	}
	if c.needsApproval(personal) {
		return c.approval(at), nil
	}
	x := at.f.addSecret(d.key, "", personal, c.now)
	d.apply(x)
	c.changed = true
	return map[string]any{"secret": c.secretJSON(at, x)}, nil
}

func (c *call) updateSecret() (any, error) {
	f := c.bodyForm()
	d := c.draft(f, c.params["secretName"], false)
	d.newKey = f.nonEmpty("newSecretName")
	if d.newKey != nil && *d.newKey != "" {
		c.checkNewKey(f, "newSecretName", *d.newKey)
	}
	personal := f.oneOf("type", "shared", "shared", "personal") == "personal"
	t, err := c.writeTarget(f, false)
	if err != nil {
		return nil, err
	}
	at, err := c.writable(t, "edit", "UpdateSecret")
	if err != nil {
		return nil, err
	}
	x := at.f.shared(d.key)
	if personal {
		x = nil
		if c.who.isUser() {
			x = at.f.personal(d.key)
		}
	}
	if x == nil {
		return nil, c.noSecret(d.key)
	}
	if personal && d.newKey != nil {
		return nil, badRequest("Personal secret cannot change the key name")
	}
	if err := c.checkUpdate(at, x, d); err != nil {
		return nil, err
	}
	if c.needsApproval(personal) {
		return c.approval(at), nil
	}
	c.update(at, x, d)

	j := c.secretJSON(at, x)
	j.Value, j.Comment = "", "" // the answer repeats what was sent, not what is stored
	if d.value != nil {
		j.Value = *d.value
	}
	if d.comment != nil {
		j.Comment = *d.comment
	}
	return map[string]any{"secret": j}, nil
}

func (c *call) checkUpdate(at place, x *secret, d draft) error {
	if x.Rotated && (d.newKey != nil || d.value != nil) {
		return badRequest("Cannot update rotated secret name or value")
	}
	if d.newKey != nil && at.f.shared(*d.newKey) != nil {
		return c.alreadyExists("Secret with the new name already exist")
	}
	return at.p.checkTags(d.tagIDs)
}

// update makes a new version, also when nothing differs. A rename keeps the id;
// a current server follows it in the references to the secret.
func (c *call) update(at place, x *secret, d draft) {
	old := x.Key
	at.f.change(x, c.now, d.apply)
	c.changed = true
	if x.Key == old || x.Personal {
		return
	}
	if p := at.f.personal(old); p != nil {
		p.Key = x.Key
	}
	if !c.old() {
		c.renameReferences(at, old, x.Key)
	}
}

func (c *call) renameReferences(at place, old, name string) {
	dotted := at.env.Slug + strings.ReplaceAll(strings.TrimSuffix(at.path, "/"), "/", ".") + "."
	for _, e := range at.p.Environments {
		for _, other := range (place{at.p, e, "/", e.Root}).below() {
			for _, x := range other.f.Secrets {
				value := strings.ReplaceAll(x.Value, "${"+dotted+old+"}", "${"+dotted+name+"}")
				if other.f == at.f {
					value = strings.ReplaceAll(value, "${"+old+"}", "${"+name+"}")
				}
				if value != x.Value {
					other.f.change(x, c.now, func(x *secret) { x.Value = value })
				}
			}
		}
	}
}

func (c *call) deleteSecret() (any, error) {
	f := c.bodyForm()
	key := trimSpace(c.params["secretName"])
	personal := f.oneOf("type", "shared", "shared", "personal") == "personal"
	t, err := c.writeTarget(f, false)
	if err != nil {
		return nil, err
	}
	at, err := c.writable(t, "delete", "Delete secret")
	if err != nil {
		return nil, err
	}
	doomed := c.doomed(at.f, key, personal)
	if len(doomed) == 0 {
		return nil, c.noSecret(key)
	}
	if slices.ContainsFunc(doomed, func(x *secret) bool { return x.Rotated }) {
		return nil, badRequest("Cannot delete rotated secrets")
	}
	if c.needsApproval(personal) {
		return c.approval(at), nil
	}
	shown := doomed[0]
	if c.old() {
		shown = doomed[len(doomed)-1] // a personal override, if there is one
	}
	for _, x := range doomed {
		at.f.removeSecret(x, c.now)
	}
	c.changed = true
	return map[string]any{"secret": c.secretJSON(at, shown)}, nil
}

// doomed are the secrets that a delete removes: all shared ones of the name (there
// can be several) and everybody's overrides of it, or the user's override only.
func (c *call) doomed(f *folder, key string, personal bool) []*secret {
	if f.shared(key) == nil && !personal || personal && !c.who.isUser() {
		return nil
	}
	var out []*secret
	for _, x := range f.Secrets {
		if x.Key == key && (x.Personal || !personal) {
			out = append(out, x)
		}
	}
	return out
}

// needsApproval: a change policy concerns what users do to shared secrets.
// Machine identities are exempt.
func (c *call) needsApproval(personal bool) bool {
	return c.s.approvals && c.who.isUser() && !personal
}

// approval is the answer, with status 200, to a write that was not done.
func (c *call) approval(at place) any {
	return map[string]any{"approval": map[string]any{
		"id": newUUID(), "policyId": newUUID(), "slug": randomHex(5), "status": "open",
		"hasMerged": false, "conflicts": nil, "folderId": at.f.ID, "committerUserId": c.who.id(),
		"statusChangedByUserId": nil, "isReplicated": nil, "bypassReason": nil,
		"createdAt": stamp(c.now), "updatedAt": stamp(c.now),
	}}
}
