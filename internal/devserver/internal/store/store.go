package store

import (
	"slices"
	"time"
)

// State is all that a server knows; it is what the data file holds.
type State struct {
	OrgID      string      `json:"orgId"`
	SigningKey []byte      `json:"signingKey"`
	Identities []*Identity `json:"identities"`
	User       User        `json:"user"`
	Projects   []*Project  `json:"projects"`
	Tokens     []*Token    `json:"tokens"`
	Rules      []Rule      `json:"rules"`

	FolderGrants  []FolderGrant     `json:"folderGrants,omitempty"`
	ServiceTokens []*ServiceToken   `json:"serviceTokens,omitempty"`
	IssuerKey     []byte            `json:"issuerKey,omitempty"`     // of the JWTs that IssueJWT makes, PKCS #8
	Organizations map[string]string `json:"organizations,omitempty"` // ids of sub-organisations, by slug
}

// Identity is a machine identity with universal auth.
type Identity struct {
	ID             string       `json:"id"`
	Name           string       `json:"name"`
	ClientID       string       `json:"clientId"`
	ClientSecretID string       `json:"clientSecretId"`
	ClientSecret   string       `json:"clientSecret"`
	OrgRole        string       `json:"orgRole"`
	Memberships    []Membership `json:"memberships"`
	Token          *TokenConfig `json:"token,omitempty"`
	Addresses      []string     `json:"addresses,omitempty"`     // from which universal auth is allowed; none: any
	Organizations  []string     `json:"organizations,omitempty"` // slugs of the sub-organisations that it is a member of
	Logins         []*Login     `json:"logins,omitempty"`        // besides universal auth
	Lockout                     // of universal auth
}

// Lockout counts wrong logins.
type Lockout struct {
	Failures    int       `json:"failures,omitempty"` // in a row
	LastFailure time.Time `json:"lastFailure,omitzero"`
	LockedUntil time.Time `json:"lockedUntil,omitzero"`
}

// Membership is the role of an identity in a project: "admin", "viewer", or "no-access",
// which makes it a member that may do nothing but for folder grants.
type Membership struct {
	ID        string    `json:"id"`
	RoleID    string    `json:"roleId"`
	ProjectID string    `json:"projectId"`
	Role      string    `json:"role"`
	CreatedAt time.Time `json:"createdAt"`
}

// Rule takes something away from an identity that its role would give.
type Rule struct {
	IdentityID string `json:"identityId"`
	ProjectID  string `json:"projectId"`
	Env        string `json:"env"`
	Path       string `json:"path"`
	Name       string `json:"name,omitempty"` // of a secret; empty: all
	Deny       bool   `json:"deny,omitempty"` // the path and all below: neither seen nor read nor written
	Hide       bool   `json:"hide,omitempty"` // the secrets of the path: seen, the value not readable
}

// FolderGrant is what an identity may do in one folder, and not below it, in the place of what
// its role and all rules give it there. It belongs to the folder and not to its path.
type FolderGrant struct {
	IdentityID string     `json:"identityId"`
	FolderID   string     `json:"folderId"`
	Role       FolderRole `json:"role"`
	Until      time.Time  `json:"until,omitzero"` // zero: for good
}

// FolderRole is the role of a folder grant; each may what those before it may.
type FolderRole string

// The roles of folder grants.
const (
	FolderList   FolderRole = "list" // names without values
	FolderRead   FolderRole = "read"
	FolderEdit   FolderRole = "edit"
	FolderManage FolderRole = "manage"
	FolderFull   FolderRole = "full-access" // and to delete the folders in it
)

// Grants returns the role that an identity was granted in a folder and still has, empty if none.
func (st *State) Grants(identityID, folderID string, now time.Time) FolderRole {
	for _, g := range st.FolderGrants {
		if g.IdentityID == identityID && g.FolderID == folderID && g.live(now) {
			return g.Role
		}
	}
	return ""
}

func (g FolderGrant) live(now time.Time) bool { return g.Until.IsZero() || now.Before(g.Until) }

// GrantedIn reports whether an identity has a folder grant anywhere in a project.
func (st *State) GrantedIn(p *Project, identityID string, now time.Time) bool {
	for _, e := range p.Environments {
		for _, at := range (Place{Project: p, Env: e, Path: "/", Folder: e.Root}).Below() {
			if st.Grants(identityID, at.Folder.ID, now) != "" {
				return true
			}
		}
	}
	return false
}

// User is the one person who can log in.
type User struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

// Token is an issued access token of an identity.
type Token struct {
	ID         string      `json:"id"`
	IdentityID string      `json:"identityId"`
	Config     TokenConfig `json:"config"`
	Created    time.Time   `json:"created"`
	Renewed    time.Time   `json:"renewed"`
	Uses       int         `json:"uses"`
	Revoked    bool        `json:"revoked,omitempty"`
	Method     string      `json:"method,omitempty"` // of the login; empty: universal-auth
	OrgID      string      `json:"orgId,omitempty"`  // a sub-organisation's; empty: the identity's own
}

// Project is a project and what is in it. Environments are in the order in which they were made.
type Project struct {
	ID           string         `json:"id"`
	Name         string         `json:"name"`
	Slug         string         `json:"slug"`
	CreatedAt    time.Time      `json:"createdAt"`
	UpdatedAt    time.Time      `json:"updatedAt"`
	Environments []*Environment `json:"environments"`
	Tags         []*Tag         `json:"tags"`
}

// Environment is an environment of a project; its Root always exists.
type Environment struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Slug      string    `json:"slug"`
	CreatedAt time.Time `json:"createdAt"`
	Root      *Folder   `json:"root"`
}

// Tag is a tag that secrets of its project can have.
type Tag struct {
	ID        string    `json:"id"`
	Slug      string    `json:"slug"`
	Color     string    `json:"color"`
	CreatedAt time.Time `json:"createdAt"`
	CreatedBy string    `json:"createdBy"`
	ByUser    bool      `json:"byUser,omitempty"`
}

// Folder is a folder with what is in it, each in the order in which it was made.
type Folder struct {
	ID             string          `json:"id"`
	Name           string          `json:"name"`
	Version        int             `json:"version"`
	Description    *string         `json:"description,omitempty"`
	CreatedAt      time.Time       `json:"createdAt"`
	UpdatedAt      time.Time       `json:"updatedAt"`
	SecretModified time.Time       `json:"secretModified,omitzero"`
	Folders        []*Folder       `json:"folders,omitempty"`
	Secrets        []*Secret       `json:"secrets,omitempty"`
	Imports        []*SecretImport `json:"imports,omitempty"`
}

// Secret is one row: a shared secret, or a user's override of one.
type Secret struct {
	ID            string     `json:"id"`
	Key           string     `json:"key"`
	Value         string     `json:"value"`
	Comment       string     `json:"comment,omitempty"`
	Personal      bool       `json:"personal,omitempty"`
	Version       int        `json:"version"`
	CreatedAt     time.Time  `json:"createdAt"`
	UpdatedAt     time.Time  `json:"updatedAt"`
	Tags          []string   `json:"tags,omitempty"` // ids
	Metadata      []Metadata `json:"metadata,omitempty"`
	SkipMultiline bool       `json:"skipMultiline,omitempty"`
	ReminderNote  *string    `json:"reminderNote,omitempty"`
	ReminderDays  *float64   `json:"reminderDays,omitempty"`
	Rotated       bool       `json:"rotated,omitempty"`
	History       []Version  `json:"history,omitempty"` // all versions but the present one
}

// Version is what a secret was before a change.
type Version struct {
	Number    int       `json:"number"`
	Key       string    `json:"key"`
	Value     string    `json:"value"`
	Comment   string    `json:"comment,omitempty"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// Metadata is one key and value that somebody attached to a secret.
type Metadata struct {
	Key         string `json:"key"`
	Value       string `json:"value"`
	IsEncrypted bool   `json:"isEncrypted,omitempty"`
}

// SecretImport makes a folder show the secrets of another one of the same project.
type SecretImport struct {
	ID        string    `json:"id"`
	Env       string    `json:"env"` // slug
	Path      string    `json:"path"`
	Version   int       `json:"version"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// IdentityNamed returns the identity of that name, nil if there is none.
func (st *State) IdentityNamed(name string) *Identity {
	return Find(st.Identities, func(i *Identity) bool { return i.Name == name })
}

// IdentityByID returns the identity with that id, nil if there is none.
func (st *State) IdentityByID(id string) *Identity {
	return Find(st.Identities, func(i *Identity) bool { return i.ID == id })
}

// ProjectByID returns the project with that id, nil if there is none.
func (st *State) ProjectByID(id string) *Project {
	return Find(st.Projects, func(p *Project) bool { return p.ID == id })
}

// ProjectBySlug returns the project of that slug, nil if there is none.
func (st *State) ProjectBySlug(slug string) *Project {
	return Find(st.Projects, func(p *Project) bool { return p.Slug == slug })
}

// Env returns the environment of that slug, nil if there is none.
func (p *Project) Env(slug string) *Environment {
	return Find(p.Environments, func(e *Environment) bool { return e.Slug == slug })
}

// Tag returns the tag with that id, nil if there is none.
func (p *Project) Tag(id string) *Tag {
	return Find(p.Tags, func(t *Tag) bool { return t.ID == id })
}

// Membership returns the role of an identity in a project, nil if it is not in it.
func (i *Identity) Membership(projectID string) *Membership {
	k := slices.IndexFunc(i.Memberships, func(m Membership) bool { return m.ProjectID == projectID })
	if k < 0 {
		return nil
	}
	return &i.Memberships[k]
}

// Child returns the first folder of that name, nil if there is none. Two
// folders of one name can exist: the server has no constraint against it.
func (f *Folder) Child(name string) *Folder {
	return Find(f.Folders, func(c *Folder) bool { return c.Name == name })
}

// Shared returns the first shared secret of that name, nil if there is none.
func (f *Folder) Shared(key string) *Secret {
	return Find(f.Secrets, func(x *Secret) bool { return x.Key == key && !x.Personal })
}

// Personal returns the user's override of that name, nil if there is none.
func (f *Folder) Personal(key string) *Secret {
	return Find(f.Secrets, func(x *Secret) bool { return x.Key == key && x.Personal })
}

// VersionOf finds the secret that had the name in its version of that number. So
// versions from before a rename are found by the old name, and by it only.
func (f *Folder) VersionOf(name string, number int) *Secret {
	return Find(f.Secrets, func(x *Secret) bool {
		v, ok := x.VersionAt(number)
		return ok && v.Key == name && !x.Personal
	})
}

// VersionAt returns one of the versions that x had or has.
func (x *Secret) VersionAt(number int) (Version, bool) {
	if number == x.Version {
		return Version{x.Version, x.Key, x.Value, x.Comment, x.UpdatedAt}, true
	}
	for _, v := range x.History {
		if v.Number == number {
			return v, true
		}
	}
	return Version{}, false
}
