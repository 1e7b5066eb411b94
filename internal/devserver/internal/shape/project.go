package shape

import (
	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/store"
)

// Environment is an environment as it stands in a project or an import.
type Environment struct {
	Name string `json:"name"`
	Slug string `json:"slug"`
	ID   string `json:"id,omitempty"`
}

// Project is a project in an answer; what is embedded depends on the profile.
type Project struct {
	ID                 string        `json:"id"`
	Name               string        `json:"name"`
	Slug               string        `json:"slug"`
	AutoCapitalization bool          `json:"autoCapitalization"`
	OrgID              string        `json:"orgId"`
	CreatedAt          string        `json:"createdAt"`
	UpdatedAt          string        `json:"updatedAt"`
	Version            int           `json:"version"`
	UpgradeStatus      *string       `json:"upgradeStatus"`
	PitVersionLimit    int           `json:"pitVersionLimit"`
	KmsCertificateKey  *string       `json:"kmsCertificateKeyId"`
	AuditLogsRetention *int          `json:"auditLogsRetentionDays"`
	UnderID            string        `json:"_id"`
	Environments       []Environment `json:"environments"`

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

// ProjectOf renders p as the profile of the call has it.
func ProjectOf(c *call.Call, p *store.Project) Project {
	j := Project{
		ID: p.ID, UnderID: p.ID, Name: p.Name, Slug: p.Slug,
		AutoCapitalization: c.Old(),
		OrgID:              c.State.OrgID,
		CreatedAt:          call.Stamp(p.CreatedAt),
		UpdatedAt:          call.Stamp(p.UpdatedAt),
		Version:            3,
		PitVersionLimit:    10,
		Environments:       []Environment{},
	}
	for _, e := range p.Environments {
		j.Environments = append(j.Environments, Environment{Name: e.Name, Slug: e.Slug, ID: e.ID})
	}
	if c.July() {
		j.Version, j.julyProjectJSON = 2, &julyProjectJSON{}
	}
	if !c.Old() {
		j.currentProjectJSON = &currentProjectJSON{Type: "secret-manager", SecretSharing: true, Roles: []string{}}
	}
	return j
}

// Tag is a tag as it stands in a project; inside a secret only the first
// four fields are sent.
type Tag struct {
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

// TagOf renders t as it stands in its project.
func TagOf(p *store.Project, t *store.Tag) Tag {
	j := Tag{
		ID: t.ID, Slug: t.Slug, Color: t.Color,
		CreatedAt: call.Stamp(t.CreatedAt), UpdatedAt: call.Stamp(t.CreatedAt),
		CreatedBy: t.CreatedBy, ProjectID: p.ID, CreatedByActorType: "identity",
	}
	if t.ByUser {
		j.CreatedByActorType = "user"
	}
	return j
}
