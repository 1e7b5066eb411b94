package devserver

import (
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// tagJSON is a tag as it stands in a project; inside a secret only the first
// four fields are sent.
type tagJSON struct {
	ID                 string `json:"id"`
	Slug               string `json:"slug"`
	Color              string `json:"color"`
	Name               string `json:"name,omitempty"`
	CreatedAt          string `json:"createdAt,omitempty"`
	UpdatedAt          string `json:"updatedAt,omitempty"`
	CreatedBy          string `json:"createdBy,omitempty"`
	ProjectID          string `json:"projectId,omitempty"`
	CreatedByActorType string `json:"createdByActorType,omitempty"`
}

func tagJSONOf(p *store.Project, t *store.Tag) tagJSON {
	j := tagJSON{
		ID: t.ID, Slug: t.Slug, Color: t.Color,
		CreatedAt: stamp(t.CreatedAt), UpdatedAt: stamp(t.CreatedAt),
		CreatedBy: t.CreatedBy, ProjectID: p.ID, CreatedByActorType: "identity",
	}
	if t.ByUser {
		j.CreatedByActorType = "user"
	}
	return j
}

func (c *call) listTags() (any, error) {
	p, err := c.projectOfPath()
	if err != nil {
		return nil, err
	}
	list := []tagJSON{}
	for _, t := range p.Tags {
		list = append(list, tagJSONOf(p, t))
	}
	return map[string]any{"workspaceTags": list}, nil
}

func (c *call) createTag() (any, error) {
	f := c.bodyForm()
	slug, color := f.Str("slug"), f.StrOr("color", "")
	if c.july() {
		f.Str("name")
	}
	if err := f.Failure(); err != nil {
		return nil, err
	}
	p, err := c.projectOfPath()
	if err != nil {
		return nil, err
	}
	if err := c.mayWrite("create", p, "", ""); err != nil {
		return nil, permissionDenied("create", "tags")
	}
	if store.Find(p.Tags, func(t *store.Tag) bool { return t.Slug == slug }) != nil {
		return nil, web.BadRequest("Tag already exist")
	}
	t := &store.Tag{ID: store.NewUUID(), Slug: slug, Color: color, CreatedAt: c.now, CreatedBy: c.who.id(), ByUser: c.who.isUser()}
	p.Tags = append(p.Tags, t)
	c.changed = true
	return map[string]any{"workspaceTag": tagJSONOf(p, t)}, nil
}

// listMemberships lists the projects of an identity. It needs the right to read
// identities in the organisation, which the role no-access has not.
func (c *call) listMemberships() (any, error) {
	id := c.state.IdentityByID(c.params["identity"])
	if !c.who.isUser() && c.who.identity.OrgRole == "no-access" {
		return nil, permissionDenied("read", "identity")
	}
	if id == nil {
		return nil, web.NotFound("Identity with ID '%s' not found", c.params["identity"])
	}
	list := []map[string]any{}
	for _, m := range id.Memberships {
		p := c.state.ProjectByID(m.ProjectID)
		list = append(list, map[string]any{
			"id": m.ID, "identityId": id.ID, "createdAt": stamp(m.CreatedAt), "updatedAt": stamp(m.CreatedAt),
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
