package devserver

import (
	"slices"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

func (c *call) createSecret() (any, error) {
	f := c.bodyForm()
	d := c.draft(f, c.params["secretName"], true)
	c.checkNewKey(f, "secretName", d.key)
	personal := f.OneOf("type", "shared", "shared", "personal") == "personal"
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
	existing := at.Folder.Shared(d.key)
	if personal {
		switch {
		case !c.who.isUser():
			return nil, web.BadRequest("Must be user to create personal secret")
		case existing == nil:
			return nil, web.BadRequest("Failed to create personal secret override for no corresponding shared secret")
		}
		existing = at.Folder.Personal(d.key)
	}
	if existing != nil {
		return nil, c.alreadyExists("Secret already exist")
	}
	if err := checkTags(at.Project, d.tagIDs); err != nil {
		return nil, err
	}
	if c.needsApproval(personal) {
		return c.approval(at), nil
	}
	x := at.Folder.AddSecret(d.key, "", personal, c.now)
	d.apply(x)
	c.changed = true
	return map[string]any{"secret": c.secretJSON(at, x)}, nil
}

func (c *call) updateSecret() (any, error) {
	f := c.bodyForm()
	d := c.draft(f, c.params["secretName"], false)
	if d.newKey = f.NonEmpty("newSecretName"); c.july() { // which ignores it
		d.newKey = nil
	}
	if d.newKey != nil && *d.newKey != "" {
		c.checkNewKey(f, "newSecretName", *d.newKey)
	}
	personal := f.OneOf("type", "shared", "shared", "personal") == "personal"
	t, err := c.writeTarget(f, false)
	if err != nil {
		return nil, err
	}
	at, err := c.writable(t, "edit", "UpdateSecret")
	if err != nil {
		return nil, err
	}
	if personal && !c.who.isUser() && !c.old() {
		return nil, web.BadRequest("Must be user to create personal secret")
	}
	x := at.Folder.Shared(d.key)
	if personal {
		x = nil
		if c.who.isUser() {
			x = at.Folder.Personal(d.key)
		}
	}
	if x == nil {
		return nil, c.noSecretToChange(d.key)
	}
	if personal && d.newKey != nil {
		return nil, web.BadRequest("Personal secret cannot change the key name")
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

func (c *call) checkUpdate(at store.Place, x *store.Secret, d draft) error {
	if x.Rotated && (d.newKey != nil || d.value != nil) {
		return web.BadRequest("Cannot update rotated secret name or value")
	}
	if d.newKey != nil && at.Folder.Shared(*d.newKey) != nil {
		return c.alreadyExists("Secret with the new name already exist")
	}
	return checkTags(at.Project, d.tagIDs)
}

// update makes a new version, also when nothing differs. A rename keeps the id;
// a current server follows it in the references to the secret.
func (c *call) update(at store.Place, x *store.Secret, d draft) {
	old := x.Key
	at.Folder.Change(x, c.now, d.apply)
	c.changed = true
	if x.Key == old || x.Personal {
		return
	}
	if p := at.Folder.Personal(old); p != nil {
		p.Key = x.Key
	}
	if !c.old() {
		at.RenameReferences(old, x.Key, c.now)
	}
}

func (c *call) deleteSecret() (any, error) {
	f := c.bodyForm()
	key := store.TrimSpace(c.params["secretName"])
	personal := f.OneOf("type", "shared", "shared", "personal") == "personal"
	t, err := c.writeTarget(f, false)
	if err != nil {
		return nil, err
	}
	at, err := c.writable(t, "delete", "Delete secret")
	if err != nil {
		return nil, err
	}
	if personal && !c.who.isUser() && !c.old() {
		return nil, web.BadRequest("Must be user to delete personal secret")
	}
	doomed := c.doomed(at.Folder, key, personal)
	if len(doomed) == 0 {
		return nil, c.noSecretToChange(key)
	}
	if slices.ContainsFunc(doomed, func(x *store.Secret) bool { return x.Rotated }) {
		return nil, web.BadRequest("Cannot delete rotated secrets")
	}
	if c.needsApproval(personal) {
		return c.approval(at), nil
	}
	shown := doomed[0]
	if c.old() {
		shown = doomed[len(doomed)-1] // a personal override, if there is one
	}
	for _, x := range doomed {
		at.Folder.RemoveSecret(x, c.now)
	}
	c.changed = true
	return map[string]any{"secret": c.secretJSON(at, shown)}, nil
}

// doomed are the secrets that a delete removes: all shared ones of the name (there
// can be several) and everybody's overrides of it, or the user's override only.
func (c *call) doomed(f *store.Folder, key string, personal bool) []*store.Secret {
	if f.Shared(key) == nil && !personal || personal && !c.who.isUser() {
		return nil
	}
	var out []*store.Secret
	for _, x := range f.Secrets {
		if x.Key == key && (x.Personal || !personal) {
			out = append(out, x)
		}
	}
	return out
}

// needsApproval: a change policy concerns what users do to shared secrets.
// Machine identities are exempt; servers of July 2024 did not look at policies on
// these routes.
func (c *call) needsApproval(personal bool) bool {
	return c.approvals && !c.july() && c.who.isUser() && !personal
}

// approval is the answer, with status 200, to a write that was not done.
func (c *call) approval(at store.Place) any {
	return map[string]any{"approval": map[string]any{
		"id": store.NewUUID(), "policyId": store.NewUUID(), "slug": store.RandomHex(5), "status": "open",
		"hasMerged": false, "conflicts": nil, "folderId": at.Folder.ID, "committerUserId": c.who.id(),
		"statusChangedByUserId": nil, "isReplicated": nil, "bypassReason": nil,
		"createdAt": stamp(c.now), "updatedAt": stamp(c.now),
	}}
}
