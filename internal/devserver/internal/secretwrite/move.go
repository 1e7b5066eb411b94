package secretwrite

import (
	"strings"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// Move moves secrets by id to another folder of the project. What arrives
// is a new secret with a new id; with shouldOverwrite the one that is there gets
// a new version instead. A current server leaves alone what is there with the
// same value, and rewrites references, also in the moved value.
func Move(c *call.Call) (any, error) {
	m, err := readMove(c)
	if err != nil {
		return nil, err
	}
	source, err := c.Writable(m.from, "delete", "Move secrets")
	if err != nil {
		return nil, err
	}
	destination, err := c.Writable(m.to, "create", "Move secrets")
	if err != nil {
		return nil, err
	}
	moving, err := movable(c, source, destination, m.ids, m.overwrite)
	if err != nil {
		return nil, err
	}
	leaves, arrives := !c.NeedsApproval(source, false), !c.NeedsApproval(destination, false)
	carryOut(c, source, destination, moving, leaves, arrives)
	return map[string]bool{"isSourceUpdated": leaves, "isDestinationUpdated": arrives}, nil
}

// carryOut moves secrets, or does the half of it for which no approval is needed:
// what leaves and does not arrive yet is nowhere meanwhile, and what arrives and does
// not leave yet is in both places.
func carryOut(c *call.Call, source, destination store.Place, moving []*store.Secret, leaves, arrives bool) {
	var arrived []*store.Secret
	var keys []string
	for _, x := range moving {
		keys = append(keys, x.Key)
		if arrives {
			if y := arrive(c, destination.Folder, x); y != nil {
				arrived = append(arrived, y)
			}
		}
		if leaves {
			for _, gone := range secretsToDelete(c, source.Folder, x.Key, false) {
				source.Folder.RemoveSecret(gone, c.Now)
			}
		}
	}
	if !arrives {
		request(c, destination, "create", keys)
	}
	if !leaves {
		request(c, source, "delete", keys)
	}
	if !c.Old() && leaves && arrives {
		for _, x := range arrived {
			x.Value = store.MovedText(x.Value, source, destination)
		}
		store.MoveReferences(source, destination, keys, c.Now)
	}
	c.Changed = leaves || arrives
}

// moveRequest is what the body of a move says.
type moveRequest struct {
	from, to  call.Target
	ids       []string
	overwrite bool
}

func readMove(c *call.Call) (m moveRequest, err error) {
	f := c.BodyForm()
	var p *store.Project
	project := ""
	if c.V4() {
		project = f.Str("projectId")
		p = c.State.ProjectByID(project)
	} else {
		project = f.Str("projectSlug")
		p = c.State.ProjectBySlug(project)
	}
	m.from = call.Target{Project: p, Env: f.Str("sourceEnvironment"), Path: store.SecretPath(f.StrOr("sourceSecretPath", "/"))}
	m.to = call.Target{Project: p, Env: f.Str("destinationEnvironment"), Path: store.SecretPath(f.StrOr("destinationSecretPath", "/"))}
	m.ids = f.Strings("secretIds")
	m.overwrite = f.Boolean("shouldOverwrite", false)
	if err := f.Failure(); err != nil {
		return m, err
	}
	return m, c.Member(p, c.NoProject(project))
}

func movable(c *call.Call, source, destination store.Place, ids []string, overwrite bool) ([]*store.Secret, error) {
	if source.Folder == destination.Folder {
		return nil, web.BadRequest("Source and destination folder are the same")
	}
	var moving []*store.Secret
	var taken []string
	equal := 0
	for _, id := range ids {
		x := store.Find(source.Folder.Secrets, func(x *store.Secret) bool { return x.ID == id && !x.Personal })
		if x == nil {
			return nil, web.NotFound("One or more secrets to move were not found in the source")
		}
		if x.Rotated {
			return nil, web.BadRequest("Cannot move rotated secrets")
		}
		there := destination.Folder.Shared(x.Key)
		if there != nil && (c.Old() || there.Value != x.Value) {
			taken = append(taken, x.Key)
		}
		if there != nil && there.Value == x.Value {
			equal++
		}
		moving = append(moving, x)
	}
	if !c.Old() && equal > 0 && equal == len(moving) {
		return nil, web.BadRequest("Selected secrets already exist in the destination.")
	}
	if len(taken) > 0 && !overwrite {
		return nil, web.BadRequest("Failed to move secrets. The following secrets already exist in the destination: %s", strings.Join(taken, ","))
	}
	return moving, nil
}

// arrive returns the secret that has arrived, nil if what is there stays as it is.
func arrive(c *call.Call, to *store.Folder, x *store.Secret) *store.Secret {
	take := func(y *store.Secret) {
		y.Value, y.Comment, y.SkipMultiline = x.Value, x.Comment, x.SkipMultiline
		y.Tags, y.Metadata = x.Tags, x.Metadata
	}
	y := to.Shared(x.Key)
	switch {
	case y == nil:
		y = to.AddSecret(x.Key, "", false, c.Now)
		take(y)
	case !c.Old() && (x.Value == "" || x.Value == y.Value):
		y = nil
	default:
		to.Change(y, c.Now, take)
	}
	return y
}
