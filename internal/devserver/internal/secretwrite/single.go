package secretwrite

import (
	"slices"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/shape"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// Create creates a shared secret, or the user's override of one.
func Create(c *call.Call) (any, error) {
	f := c.BodyForm()
	d := readDraft(c, f, c.Params["secretName"], true)
	checkNewKey(c, f, "secretName", d.key)
	personal := f.OneOf("type", "shared", "shared", "personal") == "personal"
	t, err := c.Target(f, false)
	if err != nil {
		return nil, err
	}
	at, err := c.Writable(t, "create", "Create secret")
	if err != nil {
		return nil, err
	}
	if err := storable(d.key); err != nil {
		return nil, err
	}
	existing := at.Folder.Shared(d.key)
	if personal {
		switch {
		case !c.Who.IsUser():
			return nil, web.BadRequest("Must be user to create personal secret")
		case existing == nil:
			return nil, web.BadRequest("Failed to create personal secret override for no corresponding shared secret")
		}
		existing = at.Folder.Personal(d.key)
	}
	if existing != nil {
		return nil, c.AlreadyExists("Secret already exist")
	}
	if err := checkTags(at.Project, d.tagIDs); err != nil {
		return nil, err
	}
	if c.NeedsApproval(at, personal) {
		return approval(c, at, "create", d.key), nil
	}
	x := at.Folder.AddSecret(d.key, "", personal, c.Now)
	d.apply(x)
	c.Changed = true
	return map[string]any{"secret": shape.SecretOf(c, at, x)}, nil
}

// Update changes or renames a secret.
func Update(c *call.Call) (any, error) {
	f := c.BodyForm()
	d := readDraft(c, f, c.Params["secretName"], false)
	if d.newKey = f.NonEmpty("newSecretName"); c.July() { // which ignores it
		d.newKey = nil
	}
	if d.newKey != nil && *d.newKey != "" {
		checkNewKey(c, f, "newSecretName", *d.newKey)
	}
	personal := f.OneOf("type", "shared", "shared", "personal") == "personal"
	t, err := c.Target(f, false)
	if err != nil {
		return nil, err
	}
	at, err := c.Writable(t, "edit", "UpdateSecret")
	if err != nil {
		return nil, err
	}
	if personal && !c.Who.IsUser() && !c.Old() {
		return nil, web.BadRequest("Must be user to create personal secret")
	}
	x := at.Folder.Shared(d.key)
	if personal {
		x = nil
		if c.Who.IsUser() {
			x = at.Folder.Personal(d.key)
		}
	}
	if x == nil {
		return nil, c.NoSecretToChange(d.key)
	}
	if personal && d.newKey != nil {
		return nil, web.BadRequest("Personal secret cannot change the key name")
	}
	if err := checkUpdate(c, at, x, d); err != nil {
		return nil, err
	}
	if c.NeedsApproval(at, personal) {
		return approval(c, at, "update", d.key), nil
	}
	applyUpdate(c, at, x, d)

	return map[string]any{"secret": echo(c, at, x, d)}, nil
}

// echo is the answer to an update: what was sent, not what is stored.
func echo(c *call.Call, at store.Place, x *store.Secret, d draft) shape.Secret {
	j := shape.SecretOf(c, at, x)
	j.Value, j.Comment = "", ""
	if d.value != nil {
		j.Value = *d.value
	}
	if d.comment != nil {
		j.Comment = *d.comment
	}
	return j
}

func checkUpdate(c *call.Call, at store.Place, x *store.Secret, d draft) error {
	if x.Rotated && (d.newKey != nil || d.value != nil) {
		return web.BadRequest("Cannot update rotated secret name or value")
	}
	if d.newKey != nil && at.Folder.Shared(*d.newKey) != nil {
		return c.AlreadyExists("Secret with the new name already exist")
	}
	return checkTags(at.Project, d.tagIDs)
}

// applyUpdate makes a new version, also when nothing differs. A rename keeps the id;
// a current server follows it in the references to the secret.
func applyUpdate(c *call.Call, at store.Place, x *store.Secret, d draft) {
	old := x.Key
	at.Folder.Change(x, c.Now, d.apply)
	c.Changed = true
	if x.Key == old || x.Personal {
		return
	}
	if p := at.Folder.Personal(old); p != nil {
		p.Key = x.Key
	}
	if !c.Old() {
		at.RenameReferences(old, x.Key, c.Now)
	}
}

// Delete deletes a name, or the user's override of it.
func Delete(c *call.Call) (any, error) {
	f := c.BodyForm()
	key := store.TrimSpace(c.Params["secretName"])
	personal := f.OneOf("type", "shared", "shared", "personal") == "personal"
	t, err := c.Target(f, false)
	if err != nil {
		return nil, err
	}
	at, err := c.Writable(t, "delete", "Delete secret")
	if err != nil {
		return nil, err
	}
	if personal && !c.Who.IsUser() && !c.Old() {
		return nil, web.BadRequest("Must be user to delete personal secret")
	}
	doomed := secretsToDelete(c, at.Folder, key, personal)
	if len(doomed) == 0 {
		return nil, c.NoSecretToChange(key)
	}
	if slices.ContainsFunc(doomed, func(x *store.Secret) bool { return x.Rotated }) {
		return nil, web.BadRequest("Cannot delete rotated secrets")
	}
	if c.NeedsApproval(at, personal) {
		return approval(c, at, "delete", key), nil
	}
	shown := doomed[0]
	if c.Old() {
		shown = doomed[len(doomed)-1] // a personal override, if there is one
	}
	for _, x := range doomed {
		at.Folder.RemoveSecret(x, c.Now)
	}
	c.Changed = true
	return map[string]any{"secret": shape.SecretOf(c, at, shown)}, nil
}

// secretsToDelete are the secrets that a delete removes: all shared ones of the name (there
// can be several) and everybody's overrides of it, or the user's override only.
func secretsToDelete(c *call.Call, f *store.Folder, key string, personal bool) []*store.Secret {
	if f.Shared(key) == nil && !personal || personal && !c.Who.IsUser() {
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
