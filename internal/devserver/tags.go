package devserver

import (
	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/shape"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

func listTags(c *call.Call) (any, error) {
	p, err := projectOfPath(c)
	if err != nil {
		return nil, err
	}
	list := []shape.Tag{}
	for _, t := range p.Tags {
		list = append(list, shape.TagOf(p, t))
	}
	return map[string]any{"workspaceTags": list}, nil
}

func createTag(c *call.Call) (any, error) {
	f := c.BodyForm()
	slug, color := f.Str("slug"), f.StrOr("color", "")
	if c.July() {
		f.Str("name")
	}
	if err := f.Failure(); err != nil {
		return nil, err
	}
	p, err := projectOfPath(c)
	if err != nil {
		return nil, err
	}
	if err := c.MayWrite("create", p, "", ""); err != nil {
		return nil, call.PermissionDenied("create", "tags")
	}
	if store.Find(p.Tags, func(t *store.Tag) bool { return t.Slug == slug }) != nil {
		return nil, web.BadRequest("Tag already exist")
	}
	t := &store.Tag{ID: store.NewUUID(), Slug: slug, Color: color, CreatedAt: c.Now, CreatedBy: c.Who.ID(), ByUser: c.Who.IsUser()}
	p.Tags = append(p.Tags, t)
	c.Changed = true
	return map[string]any{"workspaceTag": shape.TagOf(p, t)}, nil
}

// listMemberships lists the projects of an identity. It needs the right to read
// identities in the organisation, which the role no-access has not.
func listMemberships(c *call.Call) (any, error) {
	id := c.State.IdentityByID(c.Params["identity"])
	if !c.Who.IsUser() && c.Who.Identity.OrgRole == "no-access" {
		return nil, call.PermissionDenied("read", "identity")
	}
	if id == nil {
		return nil, web.NotFound("Identity with ID '%s' not found", c.Params["identity"])
	}
	list := []map[string]any{}
	for _, m := range id.Memberships {
		p := c.State.ProjectByID(m.ProjectID)
		list = append(list, map[string]any{
			"id": m.ID, "identityId": id.ID, "createdAt": call.Stamp(m.CreatedAt), "updatedAt": call.Stamp(m.CreatedAt),
			"roles": []map[string]any{{
				"id": m.RoleID, "role": m.Role, "customRoleId": nil, "customRoleName": nil, "customRoleSlug": nil,
				"isTemporary": false, "temporaryMode": nil, "temporaryRange": nil,
				"temporaryAccessStartTime": nil, "temporaryAccessEndTime": nil,
			}},
			"identity": map[string]any{"name": id.Name, "id": id.ID, "authMethod": "universal-auth"},
			"project":  map[string]any{"name": p.Name, "id": p.ID},
		})
	}
	return map[string]any{"identityMemberships": list}, nil
}
