package secretwrite

import (
	"slices"
	"strings"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/shape"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// The batch routes do all or nothing.

// CreateBatch creates shared secrets.
func CreateBatch(c *call.Call) (any, error) {
	f := c.BodyForm()
	var drafts []draft
	for _, e := range f.Objects("secrets", 1) {
		d := readDraft(c, e, e.Str("secretKey"), true)
		checkNewKey(c, e, "secretKey", d.key)
		drafts = append(drafts, d)
	}
	t, err := c.Target(f, true)
	if err != nil {
		return nil, err
	}
	at, err := c.Writable(t, "create", "Create secret")
	if err != nil {
		return nil, err
	}
	if !c.Old() {
		drafts = lastOfEachKey(drafts)
	}
	var taken []string
	for _, d := range drafts {
		if err := storable(d.key); err != nil {
			return nil, err
		}
		if at.Folder.Shared(d.key) != nil {
			taken = append(taken, d.key)
		}
		if err := checkTags(at.Project, d.tagIDs); err != nil {
			return nil, err
		}
	}
	if len(taken) > 0 {
		return nil, c.AlreadyExists("Secret already exist: %s", strings.Join(taken, ","))
	}
	if c.NeedsApproval(at, false) {
		return approval(c, at, "create", keysOf(drafts)...), nil
	}
	list := []shape.Secret{}
	for _, d := range drafts {
		x := at.Folder.AddSecret(d.key, "", false, c.Now)
		d.apply(x)
		list = append(list, shape.SecretOf(c, at, x))
	}
	c.Changed = true
	return map[string]any{"secrets": list}, nil
}

func keysOf(drafts []draft) (keys []string) {
	for _, d := range drafts {
		keys = append(keys, d.key)
	}
	return keys
}

func lastOfEachKey(drafts []draft) []draft {
	var out []draft
	for i, d := range drafts {
		if !slices.ContainsFunc(drafts[i+1:], func(later draft) bool { return later.key == d.key }) {
			out = append(out, d)
		}
	}
	return out
}

// update is one entry of a batch update, found or to be created.
type update struct {
	at store.Place
	x  *store.Secret // nil: create it
	d  draft
}

// UpdateBatch changes shared secrets, and creates missing ones if asked to.
func UpdateBatch(c *call.Call) (any, error) {
	f := c.BodyForm()
	mode := "failOnNotFound" // all that a server of 2024 knows
	if !c.Old() {
		mode = f.OneOf("mode", mode, mode, "ignore", "upsert")
	}
	var drafts []draft
	for _, e := range f.Objects("secrets", 1) {
		d := readDraft(c, e, e.Str("secretKey"), false)
		if d.newKey = e.NonEmpty("newSecretName"); c.July() {
			d.newKey = nil
		} else if d.newKey != nil {
			checkNewKey(c, e, "newSecretName", *d.newKey)
		}
		if !c.Old() && e.Has("secretPath") {
			d.path = store.SecretPath(e.Str("secretPath"))
		}
		drafts = append(drafts, d)
	}
	t, err := c.Target(f, true)
	if err != nil {
		return nil, err
	}
	updates, err := planUpdates(c, t, drafts, mode)
	if err != nil {
		return nil, err
	}
	if len(updates) > 0 && c.NeedsApproval(updates[0].at, false) {
		return approval(c, updates[0].at, "update", keysOf(drafts)...), nil
	}
	list := []shape.Secret{}
	for _, u := range updates {
		if u.x == nil {
			u.x = u.at.Folder.AddSecret(u.d.key, "", false, c.Now)
			u.d.apply(u.x)
			c.Changed = true
		} else {
			applyUpdate(c, u.at, u.x, u.d)
		}
		list = append(list, shape.SecretOf(c, u.at, u.x))
	}
	return map[string]any{"secrets": list}, nil
}

// planUpdates checks everything before anything is changed. About a missing
// secret a server of 2024 names those of the batch that do exist.
func planUpdates(c *call.Call, t call.Target, drafts []draft, mode string) ([]update, error) {
	var updates []update
	var there, missing []string
	for _, d := range drafts {
		own := t
		if d.path != "" {
			own.Path = d.path
		}
		at, err := c.Writable(own, "edit", "UpdateSecret")
		if err != nil {
			return nil, err
		}
		x := at.Folder.Shared(d.key)
		if x == nil {
			missing = append(missing, d.key)
			if mode == "upsert" {
				updates = append(updates, update{at, nil, d})
			}
			continue
		}
		there = append(there, d.key)
		if err := checkUpdate(c, at, x, d); err != nil {
			return nil, err
		}
		updates = append(updates, update{at, x, d})
	}
	if len(missing) > 0 && mode == "failOnNotFound" {
		if c.Old() {
			missing = there
		}
		return nil, web.NotFound("Secret does not exist: %s", strings.Join(missing, ","))
	}
	return updates, nil
}

// deletedKey names a secret, or the user's override of one, in a batch.
type deletedKey struct {
	name     string
	personal bool
}

// DeleteBatch deletes shared secrets and overrides.
func DeleteBatch(c *call.Call) (any, error) {
	f := c.BodyForm()
	var keys []deletedKey
	for _, e := range f.Objects("secrets", 1) {
		keys = append(keys, deletedKey{store.TrimSpace(e.Str("secretKey")), e.OneOf("type", "shared", "shared", "personal") == "personal"})
	}
	t, err := c.Target(f, true)
	if err != nil {
		return nil, err
	}
	at, err := c.Writable(t, "delete", "Delete secret")
	if err != nil {
		return nil, err
	}
	doomed, err := secretsOfBatch(c, at.Folder, keys)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(doomed, func(x *store.Secret) bool { return x.Rotated }) {
		return nil, web.BadRequest("Cannot delete rotated secrets")
	}
	if c.NeedsApproval(at, false) {
		var names []string
		for _, k := range keys {
			names = append(names, k.name)
		}
		return approval(c, at, "delete", names...), nil
	}
	list := []shape.Secret{}
	for _, x := range doomed {
		if !x.Personal {
			list = append(list, shape.SecretOf(c, at, x))
		}
		at.Folder.RemoveSecret(x, c.Now)
	}
	c.Changed = true
	return map[string]any{"secrets": list}, nil
}

// secretsOfBatch finds what a batch deletes, all or nothing.
func secretsOfBatch(c *call.Call, f *store.Folder, keys []deletedKey) ([]*store.Secret, error) {
	var doomed []*store.Secret
	var there, missing []string
	for _, k := range keys {
		found := secretsToDelete(c, f, k.name, k.personal)
		if len(found) == 0 {
			missing = append(missing, k.name)
			continue
		}
		there = append(there, k.name)
		doomed = append(doomed, found...)
	}
	if len(missing) > 0 {
		if c.Old() {
			missing = there
		}
		return nil, web.NotFound("One or more secrets does not exist: %s", strings.Join(missing, ","))
	}
	return doomed, nil
}
