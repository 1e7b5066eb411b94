package devserver

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// state is all that a server knows; it is what the data file holds.
type state struct {
	OrgID      string      `json:"orgId"`
	SigningKey []byte      `json:"signingKey"`
	Identities []*identity `json:"identities"`
	User       user        `json:"user"`
	Projects   []*project  `json:"projects"`
	Tokens     []*token    `json:"tokens"`
	Rules      []rule      `json:"rules"`
}

// identity is a machine identity with universal auth.
type identity struct {
	ID             string       `json:"id"`
	Name           string       `json:"name"`
	ClientID       string       `json:"clientId"`
	ClientSecretID string       `json:"clientSecretId"`
	ClientSecret   string       `json:"clientSecret"`
	OrgRole        string       `json:"orgRole"`
	Memberships    []membership `json:"memberships"`
	Token          *TokenConfig `json:"token,omitempty"`
	Failures       int          `json:"failures,omitempty"` // wrong secrets in a row
	LastFailure    time.Time    `json:"lastFailure,omitzero"`
	LockedUntil    time.Time    `json:"lockedUntil,omitzero"`
}

type membership struct {
	ID        string    `json:"id"`
	RoleID    string    `json:"roleId"`
	ProjectID string    `json:"projectId"`
	Role      string    `json:"role"`
	CreatedAt time.Time `json:"createdAt"`
}

// user is the one person who can log in.
type user struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

// token is an issued access token of an identity.
type token struct {
	ID         string      `json:"id"`
	IdentityID string      `json:"identityId"`
	Config     TokenConfig `json:"config"`
	Created    time.Time   `json:"created"`
	Renewed    time.Time   `json:"renewed"`
	Uses       int         `json:"uses"`
	Revoked    bool        `json:"revoked,omitempty"`
}

type project struct {
	ID           string         `json:"id"`
	Name         string         `json:"name"`
	Slug         string         `json:"slug"`
	CreatedAt    time.Time      `json:"createdAt"`
	UpdatedAt    time.Time      `json:"updatedAt"`
	Environments []*environment `json:"environments"`
	Tags         []*tag         `json:"tags"`
}

type environment struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Slug      string    `json:"slug"`
	CreatedAt time.Time `json:"createdAt"`
	Root      *folder   `json:"root"`
}

type tag struct {
	ID        string    `json:"id"`
	Slug      string    `json:"slug"`
	Color     string    `json:"color"`
	CreatedAt time.Time `json:"createdAt"`
	CreatedBy string    `json:"createdBy"`
	ByUser    bool      `json:"byUser,omitempty"`
}

type folder struct {
	ID             string          `json:"id"`
	Name           string          `json:"name"`
	Version        int             `json:"version"`
	Description    *string         `json:"description,omitempty"`
	CreatedAt      time.Time       `json:"createdAt"`
	UpdatedAt      time.Time       `json:"updatedAt"`
	SecretModified time.Time       `json:"secretModified,omitzero"`
	Folders        []*folder       `json:"folders,omitempty"`
	Secrets        []*secret       `json:"secrets,omitempty"`
	Imports        []*secretImport `json:"imports,omitempty"`
}

// secret is one row: a shared secret, or a user's override of one.
type secret struct {
	ID            string     `json:"id"`
	Key           string     `json:"key"`
	Value         string     `json:"value"`
	Comment       string     `json:"comment,omitempty"`
	Personal      bool       `json:"personal,omitempty"`
	Version       int        `json:"version"`
	CreatedAt     time.Time  `json:"createdAt"`
	UpdatedAt     time.Time  `json:"updatedAt"`
	Tags          []string   `json:"tags,omitempty"` // ids
	Metadata      []metadata `json:"metadata,omitempty"`
	SkipMultiline bool       `json:"skipMultiline,omitempty"`
	ReminderNote  *string    `json:"reminderNote,omitempty"`
	ReminderDays  *float64   `json:"reminderDays,omitempty"`
	Rotated       bool       `json:"rotated,omitempty"`
	History       []version  `json:"history,omitempty"` // all versions but the present one
}

type version struct {
	Number    int       `json:"number"`
	Key       string    `json:"key"`
	Value     string    `json:"value"`
	Comment   string    `json:"comment,omitempty"`
	UpdatedAt time.Time `json:"updatedAt"`
}

type metadata struct {
	Key         string `json:"key"`
	Value       string `json:"value"`
	IsEncrypted bool   `json:"isEncrypted,omitempty"`
}

type secretImport struct {
	ID        string    `json:"id"`
	Env       string    `json:"env"` // slug
	Path      string    `json:"path"`
	Version   int       `json:"version"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
				return false
			}
		}
	}
	return true
}

func (st *state) identityNamed(name string) *identity {
	return find(st.Identities, func(i *identity) bool { return i.Name == name })
}

func (st *state) identityByID(id string) *identity {
	return find(st.Identities, func(i *identity) bool { return i.ID == id })
}

func (st *state) projectByID(id string) *project {
	return find(st.Projects, func(p *project) bool { return p.ID == id })
}

func (st *state) projectBySlug(slug string) *project {
	return find(st.Projects, func(p *project) bool { return p.Slug == slug })
}

func (p *project) env(slug string) *environment {
	return find(p.Environments, func(e *environment) bool { return e.Slug == slug })
}

func (p *project) tag(id string) *tag {
	return find(p.Tags, func(t *tag) bool { return t.ID == id })
}

func (i *identity) membership(projectID string) *membership {
	k := slices.IndexFunc(i.Memberships, func(m membership) bool { return m.ProjectID == projectID })
	if k < 0 {
		return nil
	}
	return &i.Memberships[k]
}

// child returns the first folder of that name, nil if there is none. Two
// folders of one name can exist: the server has no constraint against it.
func (f *folder) child(name string) *folder {
	return find(f.Folders, func(c *folder) bool { return c.Name == name })
}

// shared returns the first shared secret of that name, nil if there is none.
func (f *folder) shared(key string) *secret {
	return find(f.Secrets, func(x *secret) bool { return x.Key == key && !x.Personal })
}

// personal returns the user's override of that name, nil if there is none.
func (f *folder) personal(key string) *secret {
	return find(f.Secrets, func(x *secret) bool { return x.Key == key && x.Personal })
}

func find[T any](list []*T, ok func(*T) bool) *T {
	i := slices.IndexFunc(list, ok)
	if i < 0 {
		return nil
	}
	return list[i]
}
