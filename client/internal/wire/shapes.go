package wire

import (
	"time"

	"infisicalfs/secret"
)

// Project is a project, of a single answer or of a list. Current servers have it under
// "project" or in "projects", those of 2024 under "workspace" or in "workspaces", and
// some as the whole body.
type Project struct {
	ID           string        `json:"id"`
	Slug         string        `json:"slug"`
	OrgID        string        `json:"orgId"`
	UpdatedAt    time.Time     `json:"updatedAt"`
	Environments []Environment `json:"environments"`
}

// Environment is one of a project's.
type Environment struct {
	ID   string `json:"id"` // some servers leave it out
	Slug string `json:"slug"`
}

// Secret is a secret, of a single answer or of a list.
type Secret struct {
	ID        string     `json:"id"`
	Version   int        `json:"version"`
	Type      string     `json:"type"` // shared or personal
	Key       string     `json:"secretKey"`
	Value     *string    `json:"secretValue"`       // a mask where it is hidden
	Hidden    *bool      `json:"secretValueHidden"` // since March 2025; absent: the server does not hide values
	Path      string     `json:"secretPath"`        // current; 2024: in lists only
	Comment   string     `json:"secretComment"`
	Tags      []Tag      `json:"tags"`            // of reads, not of changes; not in lists of July 2024
	Metadata  []KeyValue `json:"secretMetadata"`  // of reads, not of changes; since 2025
	Rotated   bool       `json:"isRotatedSecret"` // since 2025
	CreatedAt time.Time  `json:"createdAt"`       // since October 2024, but of imported secrets; July 2024: of these alone
	UpdatedAt time.Time  `json:"updatedAt"`       // likewise
}

// Tag is a label that a project has.
type Tag struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
}

// KeyValue is an entry of a secret's metadata.
type KeyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Folder is a folder, of a single answer or of a list.
type Folder struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	IsReserved   bool      `json:"isReserved"`   // the server keeps it for itself, and it is not shown
	RelativePath string    `json:"relativePath"` // in recursive lists of current servers: the full path from the environment's root
	UpdatedAt    time.Time `json:"updatedAt"`

	// TellsModified: a list says when a secret directly in the folder was changed last
	// ("lastSecretModified"), as no server of 2024 does. NeverModified: it says that none
	// ever was (null).
	TellsModified, NeverModified bool `json:"-"`
}

// The types of a secret.
const Shared, Personal = "shared", "personal"

// Text is the value as sent, empty if none was.
func (w Secret) Text() string {
	if w.Value == nil {
		return ""
	}
	return *w.Value
}

// Secret is what a snapshot has of it.
func (w Secret) Secret() secret.Secret {
	s := secret.Secret{
		Name: w.Key, ID: w.ID, Version: w.Version,
		Personal: w.Type == Personal, Rotated: w.Rotated, Comment: w.Comment,
		Created: w.CreatedAt, Updated: w.UpdatedAt,
	}
	switch {
	case w.Hidden != nil && *w.Hidden: // the text is a mask then
		s.Hidden, s.Reason = true, Unreadable
	case w.Value == nil: // which is not the empty value
		s.Hidden, s.Reason = true, Unsent
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

// Why a secret that is listed has no value.
const (
	Unreadable = "the identity may not read this value"
	Unsent     = "the server sent no value"
)

// Hide takes the value of s away, for a reason.
func Hide(s *secret.Secret, reason string) {
	s.Value, s.Hidden, s.Garbled, s.Reason = secret.Value{}, true, false, reason
}
