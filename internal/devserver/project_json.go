package devserver

import (
	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/store"
)

type environmentJSON struct {
	Name string `json:"name"`
	Slug string `json:"slug"`
	ID   string `json:"id,omitempty"`
}

type projectJSON struct {
	ID                 string            `json:"id"`
	Name               string            `json:"name"`
	Slug               string            `json:"slug"`
	AutoCapitalization bool              `json:"autoCapitalization"`
	OrgID              string            `json:"orgId"`
	CreatedAt          string            `json:"createdAt"`
	UpdatedAt          string            `json:"updatedAt"`
	Version            int               `json:"version"`
	UpgradeStatus      *string           `json:"upgradeStatus"`
	PitVersionLimit    int               `json:"pitVersionLimit"`
	KmsCertificateKey  *string           `json:"kmsCertificateKeyId"`
	AuditLogsRetention *int              `json:"auditLogsRetentionDays"`
	UnderID            string            `json:"_id"`
	Environments       []environmentJSON `json:"environments"`

	*currentProjectJSON // nil on servers of 2024
	*julyProjectJSON    // nil on all but those of July 2024
}

type julyProjectJSON struct {
	KmsSecretManagerKey *string `json:"kmsSecretManagerKeyId"`
}

type currentProjectJSON struct {
	Description      *string  `json:"description"`
	Type             string   `json:"type"`
	DefaultProduct   *string  `json:"defaultProduct"`
	DeleteProtection bool     `json:"hasDeleteProtection"`
	SecretSharing    bool     `json:"secretSharing"`
	Roles            []string `json:"roles"`
}

func renderProject(c *call.Call, p *store.Project) projectJSON {
	j := projectJSON{
		ID: p.ID, UnderID: p.ID, Name: p.Name, Slug: p.Slug,
		AutoCapitalization: c.Old(),
		OrgID:              c.State.OrgID,
		CreatedAt:          call.Stamp(p.CreatedAt),
		UpdatedAt:          call.Stamp(p.UpdatedAt),
		Version:            3,
		PitVersionLimit:    10,
		Environments:       []environmentJSON{},
	}
	for _, e := range p.Environments {
		j.Environments = append(j.Environments, environmentJSON{Name: e.Name, Slug: e.Slug, ID: e.ID})
	}
	if c.July() {
		j.Version, j.julyProjectJSON = 2, &julyProjectJSON{}
	}
	if !c.Old() {
		j.currentProjectJSON = &currentProjectJSON{Type: "secret-manager", SecretSharing: true, Roles: []string{}}
	}
	return j
}

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
		CreatedAt: call.Stamp(t.CreatedAt), UpdatedAt: call.Stamp(t.CreatedAt),
		CreatedBy: t.CreatedBy, ProjectID: p.ID, CreatedByActorType: "identity",
	}
	if t.ByUser {
		j.CreatedByActorType = "user"
	}
	return j
}
