package client

import (
	"encoding/json"
	"time"

	"infisicalfs/secret"
)

// The JSON shapes of answers. Fields that the client does not use are left out;
// servers add and drop others freely.

type wireProject struct {
	ID           string            `json:"id"`
	Slug         string            `json:"slug"`
	OrgID        string            `json:"orgId"`
	UpdatedAt    time.Time         `json:"updatedAt"`
	Environments []wireEnvironment `json:"environments"`
}

type wireEnvironment struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
}

type wireSecret struct {
	ID        string    `json:"id"`
	Version   int       `json:"version"`
	Type      string    `json:"type"` // shared or personal
	Key       string    `json:"secretKey"`
	Value     *string   `json:"secretValue"`
	Hidden    *bool     `json:"secretValueHidden"` // absent: the server does not hide values
	Path      string    `json:"secretPath"`
	Comment   string    `json:"secretComment"`
	Tags      []wireTag `json:"tags"`
	Metadata  []wireKV  `json:"secretMetadata"`
	Rotated   bool      `json:"isRotatedSecret"`
	CreatedAt time.Time `json:"createdAt"` // absent in imports on most servers
	UpdatedAt time.Time `json:"updatedAt"`
}

type wireTag struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
}

type wireKV struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type wireFolder struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	IsReserved   bool      `json:"isReserved"`
	RelativePath string    `json:"relativePath"` // in recursive lists: the full path from the environment's root
	UpdatedAt    time.Time `json:"updatedAt"`

	// SecretModified is when a secret directly in the folder was changed last.
	// Absent: the server does not tell. Null: never.
	SecretModified json.RawMessage `json:"lastSecretModified"`
}

const shared, personal = "shared", "personal"

// text is the value as sent, empty if none was.
func (w wireSecret) text() string {
	if w.Value == nil {
		return ""
	}
	return *w.Value
}

func (w wireSecret) secret() secret.Secret {
	s := secret.Secret{
		Name: w.Key, ID: w.ID, Version: w.Version,
		Personal: w.Type == personal, Rotated: w.Rotated, Comment: w.Comment,
		Created: w.CreatedAt, Updated: w.UpdatedAt,
	}
	switch {
	case w.Hidden != nil && *w.Hidden: // the text is a mask then
		s.Hidden, s.Reason = true, unreadable
	case w.Value == nil: // which is not the empty value
		s.Hidden, s.Reason = true, unsent
	default:
		s.Value = secret.NewValue(*w.Value)
	}
	for _, t := range w.Tags {
		s.Tags = append(s.Tags, t.Slug)
	}
	for _, m := range w.Metadata {
		s.Metadata = append(s.Metadata, secret.Metadata(m))
	}
	return s
}
