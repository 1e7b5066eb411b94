package store

import (
	"fmt"
	"slices"
	"time"
)

// AddProject makes a project with these environments. Nobody but the user is in
// it until Grant.
func (e *Editor) AddProject(slug, name string, envs ...string) error {
	return e.change(func(st *State, now time.Time) error {
		if st.ProjectBySlug(slug) != nil {
			return fmt.Errorf("there is a project %s already", slug)
		}
		p := st.AddProject(slug, name, now)
		for _, env := range envs {
			p.AddEnvironment(env, "", now)
		}
		return nil
	})
}

// RemoveProject removes a project with all that is in it.
func (e *Editor) RemoveProject(slug string) error {
	return e.project(slug, func(st *State, p *Project, _ time.Time) error {
		st.Projects = slices.DeleteFunc(st.Projects, func(x *Project) bool { return x == p })
		for _, id := range st.Identities {
			id.Leave(p)
		}
		return nil
	})
}

// AddEnvironment adds an environment to a project; an empty name is the usual one.
func (e *Editor) AddEnvironment(projectSlug, slug, name string) error {
	return e.project(projectSlug, func(_ *State, p *Project, now time.Time) error {
		if p.Env(slug) != nil {
			return fmt.Errorf("there is an environment %s already", slug)
		}
		p.AddEnvironment(slug, name, now)
		return nil
	})
}

// RemoveEnvironment removes an environment with all that is in it.
func (e *Editor) RemoveEnvironment(projectSlug, slug string) error {
	return e.environment(projectSlug, slug, func(p *Project, en *Environment, _ time.Time) error {
		p.Environments = slices.DeleteFunc(p.Environments, func(x *Environment) bool { return x == en })
		return nil
	})
}

// Grant gives an identity a role ("admin", "viewer" or "no-access") in a project; the
// empty role takes it out.
func (e *Editor) Grant(identityName, projectSlug, role string) error {
	return e.identity(identityName, func(st *State, id *Identity, now time.Time) error {
		p := st.ProjectBySlug(projectSlug)
		switch {
		case p == nil:
			return fmt.Errorf("there is no project %s", projectSlug)
		case role == "":
			id.Leave(p)
		default:
			id.Join(p, role, now)
		}
		return nil
	})
}

// Hide makes a secret, or with an empty name all secrets of a folder, such that
// the identity may know of them but not read their values. (A server of 2024
// does not know that difference and shows nothing.)
func (e *Editor) Hide(identityName, projectSlug, env, path, name string) error {
	return e.addRule(identityName, projectSlug, Rule{Env: env, Path: path, Name: name, Hide: true})
}

// Deny takes every right to the secrets of a path and all below from an
// identity. Names of folders stay visible, as they are to all members.
func (e *Editor) Deny(identityName, projectSlug, env, path string) error {
	return e.addRule(identityName, projectSlug, Rule{Env: env, Path: path, Deny: true})
}

// GrantFolder gives a member of a project a role in one folder, until a time or, if that is
// zero, for good. It replaces what the member was granted there before. As on the server,
// administrators have no use for it, and who may hand on the right has it for good.
func (e *Editor) GrantFolder(identityName, projectSlug, env, path string, role FolderRole, until time.Time) error {
	return e.identity(identityName, func(st *State, id *Identity, _ time.Time) error {
		at, err := st.place(projectSlug, env, path)
		if err != nil {
			return err
		}
		switch m := id.Membership(at.Project.ID); {
		case m == nil:
			return fmt.Errorf("%s is not a member of project %s", identityName, projectSlug)
		case m.Role == "admin":
			return fmt.Errorf("%s is an administrator of project %s and may do everything in each folder", identityName, projectSlug)
		case role == FolderFull && !until.IsZero():
			return fmt.Errorf("the role %s cannot be temporary", role)
		}
		st.revokeFolder(id.ID, at.Folder.ID)
		st.FolderGrants = append(st.FolderGrants, FolderGrant{IdentityID: id.ID, FolderID: at.Folder.ID, Role: role, Until: until})
		return nil
	})
}

// RevokeFolder takes back what GrantFolder gave; then the role in the project counts again.
func (e *Editor) RevokeFolder(identityName, projectSlug, env, path string) error {
	return e.identity(identityName, func(st *State, id *Identity, _ time.Time) error {
		at, err := st.place(projectSlug, env, path)
		if err == nil {
			st.revokeFolder(id.ID, at.Folder.ID)
		}
		return err
	})
}

func (st *State) revokeFolder(identityID, folderID string) {
	st.FolderGrants = slices.DeleteFunc(st.FolderGrants, func(g FolderGrant) bool {
		return g.IdentityID == identityID && g.FolderID == folderID
	})
}

func (e *Editor) addRule(identityName, projectSlug string, r Rule) error {
	return e.identity(identityName, func(st *State, id *Identity, _ time.Time) error {
		p := st.ProjectBySlug(projectSlug)
		if p == nil {
			return fmt.Errorf("there is no project %s", projectSlug)
		}
		r.IdentityID, r.ProjectID = id.ID, p.ID
		st.Rules = append(st.Rules, r)
		return nil
	})
}

// Allow takes back all that Hide and Deny did to an identity.
func (e *Editor) Allow(identityName string) error {
	return e.identity(identityName, func(st *State, id *Identity, _ time.Time) error {
		st.Rules = slices.DeleteFunc(st.Rules, func(r Rule) bool { return r.IdentityID == id.ID })
		return nil
	})
}

// Revoke kills all access tokens of an identity; it can log in again.
func (e *Editor) Revoke(identityName string) error {
	return e.identity(identityName, func(st *State, id *Identity, _ time.Time) error {
		for _, t := range slices.Clone(st.Tokens) {
			if t.IdentityID == id.ID {
				e.dropToken(t)
			}
		}
		return nil
	})
}

// ChangeClientSecret makes a new client secret for an identity, which only
// Credentials tells, and forgets wrong logins. Its tokens live on.
func (e *Editor) ChangeClientSecret(identityName string) error {
	return e.identity(identityName, func(_ *State, id *Identity, _ time.Time) error {
		id.ClientSecretID, id.ClientSecret = NewUUID(), RandomHex(32)
		id.Failures, id.LockedUntil = 0, time.Time{}
		return nil
	})
}

// SetToken sets the life of the tokens that an identity gets from now on.
func (e *Editor) SetToken(identityName string, config TokenConfig) error {
	return e.identity(identityName, func(_ *State, id *Identity, _ time.Time) error {
		id.Token = &config
		return nil
	})
}

// SetApprovals says whether users' changes of shared secrets need an approval.
func (e *Editor) SetApprovals(on bool) error {
	return e.change(func(*State, time.Time) error {
		e.setApprovals(Policies{All: on})
		return nil
	})
}

// SetApprovalsIn has users' changes of shared secrets in these environments, and in no
// others, need an approval.
func (e *Editor) SetApprovalsIn(envs ...string) error {
	return e.change(func(*State, time.Time) error {
		e.setApprovals(Policies{Envs: envs})
		return nil
	})
}
