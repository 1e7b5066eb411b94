package store

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Seed is what a new server contains. It can be written as JSON.
type Seed struct {
	Projects   []SeedProject  `json:"projects"`
	Identities []SeedIdentity `json:"identities,omitempty"` // none: admin, viewer, no-access
}

// SeedProject is a project. An empty Name is the slug.
type SeedProject struct {
	Slug         string            `json:"slug"`
	Name         string            `json:"name,omitempty"`
	Environments []SeedEnvironment `json:"environments"`
}

// SeedEnvironment is an environment and its root folder. An empty Name is the
// usual one of the slug.
type SeedEnvironment struct {
	Slug string `json:"slug"`
	Name string `json:"name,omitempty"`
	SeedContent
}

// SeedFolder is a folder below an environment's root.
type SeedFolder struct {
	Name string `json:"name"`
	SeedContent
}

// SeedContent is what a folder contains.
type SeedContent struct {
	Secrets []SeedSecret `json:"secrets,omitempty"`
	Folders []SeedFolder `json:"folders,omitempty"`
	Imports []SeedImport `json:"imports,omitempty"`
}

// SeedSecret is a shared secret. The value is stored as it stands, untrimmed.
type SeedSecret struct {
	Name     string            `json:"name"`
	Value    string            `json:"value"`
	Comment  string            `json:"comment,omitempty"`
	Tags     []string          `json:"tags,omitempty"` // slugs; made as needed
	Metadata map[string]string `json:"metadata,omitempty"`
	Personal *string           `json:"personal,omitempty"` // the user's override
	Rotated  bool              `json:"rotated,omitempty"`
}

// SeedImport imports the secrets of another folder of the same project.
type SeedImport struct {
	Env  string `json:"env"`
	Path string `json:"path"`
}

// SeedIdentity is a machine identity. Roles are "admin" and "viewer" by project
// slug; "*" stands for every project. OrgRole is "admin", "member" or
// "no-access"; empty is "member".
type SeedIdentity struct {
	Name    string            `json:"name"`
	OrgRole string            `json:"orgRole,omitempty"`
	Roles   map[string]string `json:"roles,omitempty"`
	Token   *TokenConfig      `json:"token,omitempty"` // nil: the server's
}

// ReadSeed reads a Seed written as JSON. A field that no seed has is an error, so
// that a slip of the pen is not silently ignored.
func ReadSeed(r io.Reader) (*Seed, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	seed := new(Seed)
	if err := dec.Decode(seed); err != nil {
		return nil, fmt.Errorf("cannot read the seed: %w", err)
	}
	return seed, nil
}

func defaultIdentities() []SeedIdentity {
	return []SeedIdentity{
		{Name: "admin", Roles: map[string]string{"*": "admin"}},
		{Name: "viewer", Roles: map[string]string{"*": "viewer"}},
		{Name: "no-access", OrgRole: "no-access"},
	}
}

var usualEnvironmentNames = map[string]string{"dev": "Development", "staging": "Staging", "prod": "Production"}

// New makes the state of a new server, with ids and credentials made at random. It
// fails when the seed contradicts itself.
func New(seed *Seed, now time.Time) (*State, error) {
	st := &State{
		OrgID:      NewUUID(),
		SigningKey: make([]byte, 32),
		User:       User{ID: NewUUID(), Email: "user@example.invalid"},
	}
	rand.Read(st.SigningKey) // never fails
	for _, sp := range seed.Projects {
		if err := st.seedProject(sp, now); err != nil {
			return nil, err
		}
	}
	identities := seed.Identities
	if identities == nil {
		identities = defaultIdentities()
	}
	for _, si := range identities {
		if err := st.seedIdentity(si, now); err != nil {
			return nil, err
		}
	}
	return st, nil
}

func (st *State) seedProject(sp SeedProject, now time.Time) error {
	if sp.Slug == "" {
		return fmt.Errorf("a project of the seed has no slug")
	}
	if st.ProjectBySlug(sp.Slug) != nil {
		return fmt.Errorf("the seed has two projects %q", sp.Slug)
	}
	p := st.AddProject(sp.Slug, sp.Name, now)
	for _, se := range sp.Environments {
		if se.Slug == "" || p.Env(se.Slug) != nil {
			return fmt.Errorf("project %q of the seed: environment %q is empty or there twice", sp.Slug, se.Slug)
		}
		e := p.AddEnvironment(se.Slug, se.Name, now)
		p.seedFolder(e.Root, se.SeedContent, now)
	}
	return nil
}

func (p *Project) seedFolder(f *Folder, content SeedContent, now time.Time) {
	for _, ss := range content.Secrets {
		x := f.AddSecret(ss.Name, ss.Value, false, now)
		x.Comment, x.Rotated = ss.Comment, ss.Rotated
		for _, slug := range ss.Tags {
			x.Tags = append(x.Tags, p.EnsureTag(slug, now).ID)
		}
		for _, key := range SortedKeys(ss.Metadata) {
			x.Metadata = append(x.Metadata, Metadata{Key: key, Value: ss.Metadata[key]})
		}
		if ss.Personal != nil {
			f.AddSecret(ss.Name, *ss.Personal, true, now)
		}
	}
	for _, sf := range content.Folders {
		p.seedFolder(f.AddFolder(sf.Name, now), sf.SeedContent, now)
	}
	for _, im := range content.Imports {
		f.AddImport(im.Env, im.Path, now)
	}
}

func (st *State) seedIdentity(si SeedIdentity, now time.Time) error {
	if st.IdentityNamed(si.Name) != nil {
		return fmt.Errorf("the seed has two identities %q", si.Name)
	}
	id := &Identity{
		ID:             NewUUID(),
		Name:           si.Name,
		ClientID:       NewUUID(),
		ClientSecretID: NewUUID(),
		ClientSecret:   RandomHex(32),
		OrgRole:        si.OrgRole,
		Token:          si.Token,
	}
	if id.OrgRole == "" {
		id.OrgRole = "member"
	}
	for _, slug := range SortedKeys(si.Roles) {
		if slug != "*" && st.ProjectBySlug(slug) == nil {
			return fmt.Errorf("identity %q of the seed has a role in %q, which is no project", si.Name, slug)
		}
		for _, p := range st.Projects {
			if slug == "*" || slug == p.Slug {
				id.Join(p, si.Roles[slug], now)
			}
		}
	}
	st.Identities = append(st.Identities, id)
	return nil
}
