package devserver

import (
	"encoding/json"
	"slices"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/store"
)

// secretJSON is a secret in an answer. Which fields it has depends on route and
// profile; a nil RawMessage or pointer leaves its field out.
type secretJSON struct {
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
	Tags            *[]tagJSON        `json:"tags,omitempty"`
	ValueHidden     *bool             `json:"secretValueHidden,omitempty"`
	SecretMetadata  *[]store.Metadata `json:"secretMetadata,omitempty"`
	IsRotatedSecret *bool             `json:"isRotatedSecret,omitempty"`
	RotationID      json.RawMessage   `json:"rotationId,omitempty"`
}

// hiddenValue stands in for a value that is not shown.
const hiddenValue = "<hidden-by-infisical>"

// renderSecret renders x as single answers show it: without path and tags on a
// server of 2024.
func renderSecret(c *call.Call, at store.Place, x *store.Secret) secretJSON {
	j := secretJSON{
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

// renderRead renders x as reading shows it: with tags, and on a current server
// with metadata.
func renderRead(c *call.Call, at store.Place, x *store.Secret) secretJSON {
	j := renderSecret(c, at, x)
	tags := []tagJSON{}
	for _, id := range x.Tags {
		if t := at.Project.Tag(id); t != nil {
			tags = append(tags, tagJSON{ID: t.ID, Slug: t.Slug, Color: t.Color, Name: t.Slug})
		}
	}
	j.Tags = &tags
	if !c.Old() {
		m := append([]store.Metadata{}, x.Metadata...)
		j.SecretMetadata = &m
	}
	return j
}

// renderImported renders x as an entry of a list's imports: without dates and
// reminders (July 2024: with dates, which its own secrets lack), and on a server
// of 2024 without the project.
func renderImported(c *call.Call, at store.Place, x *store.Secret) secretJSON {
	j := renderSecret(c, at, x)
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

// hide puts the stand-in where the value is.
func (j *secretJSON) hide() {
	yes := true
	j.Value, j.ValueHidden = hiddenValue, &yes
}

// keepTags leaves only the tags that a filter asked for, as the server does, and
// reports whether there are any.
func (j *secretJSON) keepTags(slugs []string) bool {
	*j.Tags = slices.DeleteFunc(*j.Tags, func(t tagJSON) bool { return !slices.Contains(slugs, t.Slug) })
	return len(*j.Tags) > 0
}

// importJSON is one import of a list with the secrets that it brings.
type importJSON struct {
	SecretPath      string           `json:"secretPath"`
	Environment     string           `json:"environment"`
	EnvironmentInfo *environmentJSON `json:"environmentInfo,omitempty"`
	FolderID        string           `json:"folderId"`
	Secrets         []secretJSON     `json:"secrets"`
}
