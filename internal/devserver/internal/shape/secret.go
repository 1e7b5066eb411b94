package shape

import (
	"encoding/json"
	"slices"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/store"
)

// Secret is a secret in an answer. Which fields it has depends on route and
// profile; a nil RawMessage or pointer leaves its field out.
type Secret struct {
	ID              string            `json:"id"`
	UnderID         string            `json:"_id"`
	Workspace       string            `json:"workspace"`
	Environment     string            `json:"environment"`
	Version         int               `json:"version"`
	Type            string            `json:"type"`
	Key             string            `json:"secretKey"`
	Value           string            `json:"secretValue"`
	Comment         string            `json:"secretComment"`
	ReminderNote    json.RawMessage   `json:"secretReminderNote,omitempty"`
	ReminderDays    json.RawMessage   `json:"secretReminderRepeatDays,omitempty"`
	SkipMultiline   *bool             `json:"skipMultilineEncoding,omitempty"`
	Metadata        json.RawMessage   `json:"metadata,omitempty"` // internal to the server, always null
	CreatedAt       string            `json:"createdAt,omitempty"`
	UpdatedAt       string            `json:"updatedAt,omitempty"`
	SecretPath      string            `json:"secretPath,omitempty"`
	Tags            *[]Tag            `json:"tags,omitempty"`
	ValueHidden     *bool             `json:"secretValueHidden,omitempty"`
	SecretMetadata  *[]store.Metadata `json:"secretMetadata,omitempty"`
	IsRotatedSecret *bool             `json:"isRotatedSecret,omitempty"`
	RotationID      json.RawMessage   `json:"rotationId,omitempty"`
}

// HiddenValue stands in for a value that is not shown.
const HiddenValue = "<hidden-by-infisical>"

// SecretOf renders x as single answers show it: without path and tags on a
// server of 2024.
func SecretOf(c *call.Call, at store.Place, x *store.Secret) Secret {
	j := Secret{
		ID: x.ID, UnderID: x.ID,
		Workspace:   at.Project.ID,
		Environment: at.Env.Slug,
		Version:     x.Version,
		Type:        "shared",
		Key:         x.Key,
		Value:       x.Value,
		Comment:     x.Comment,
	}
	if !c.July() {
		skip := x.SkipMultiline
		j.SkipMultiline, j.Metadata = &skip, json.RawMessage("null")
		j.ReminderNote, j.ReminderDays = rawJSON(x.ReminderNote), rawJSON(x.ReminderDays)
		j.CreatedAt, j.UpdatedAt = call.Stamp(x.CreatedAt), call.Stamp(x.UpdatedAt)
	}
	if x.Personal {
		j.Type = "personal"
	}
	if !c.Old() {
		j.SecretPath = at.Path
		j.ValueHidden = new(bool)
		rotated := x.Rotated
		j.IsRotatedSecret = &rotated
		j.RotationID = json.RawMessage("null")
		if rotated {
			j.RotationID = rawJSON(&x.ID) // a rotation of its own
		}
	}
	return j
}

// ReadSecretOf renders x as reading shows it: with tags, and on a current server
// with metadata.
func ReadSecretOf(c *call.Call, at store.Place, x *store.Secret) Secret {
	j := SecretOf(c, at, x)
	tags := []Tag{}
	for _, id := range x.Tags {
		if t := at.Project.Tag(id); t != nil {
			tags = append(tags, Tag{ID: t.ID, Slug: t.Slug, Color: t.Color, Name: t.Slug})
		}
	}
	j.Tags = &tags
	if !c.Old() {
		m := append([]store.Metadata{}, x.Metadata...)
		j.SecretMetadata = &m
	}
	return j
}

// ImportedSecretOf renders x as an entry of a list's imports: without dates and
// reminders (July 2024: with dates, which its own secrets lack), and on a server
// of 2024 without the project.
func ImportedSecretOf(c *call.Call, at store.Place, x *store.Secret) Secret {
	j := SecretOf(c, at, x)
	j.CreatedAt, j.UpdatedAt, j.SecretPath = "", "", ""
	j.ReminderNote, j.ReminderDays = nil, nil
	if c.Old() {
		j.Workspace = ""
	}
	if c.July() {
		j.CreatedAt, j.UpdatedAt = call.Stamp(x.CreatedAt), call.Stamp(x.UpdatedAt)
	}
	return j
}

func rawJSON[T any](v *T) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("devserver: cannot encode a field: " + err.Error())
	}
	return b
}

// Hide puts the stand-in where the value is.
func (j *Secret) Hide() {
	yes := true
	j.Value, j.ValueHidden = HiddenValue, &yes
}

// KeepTags leaves only the tags that a filter asked for, as the server does, and
// reports whether there are any.
func (j *Secret) KeepTags(slugs []string) bool {
	*j.Tags = slices.DeleteFunc(*j.Tags, func(t Tag) bool { return !slices.Contains(slugs, t.Slug) })
	return len(*j.Tags) > 0
}

// Import is one import of a list with the secrets that it brings.
type Import struct {
	SecretPath      string       `json:"secretPath"`
	Environment     string       `json:"environment"`
	EnvironmentInfo *Environment `json:"environmentInfo,omitempty"`
	FolderID        string       `json:"folderId"`
	Secrets         []Secret     `json:"secrets"`
}
