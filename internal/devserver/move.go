package devserver

import "strings"

// moveSecrets moves secrets by id to another folder of the project. What arrives
// is a new secret with a new id; with shouldOverwrite the one that is there gets
// a new version instead. A current server leaves alone what is there with the
// same value, and rewrites references, also in the moved value.
func (c *call) moveSecrets() (any, error) {
	f := c.bodyForm()
	var p *project
	project := ""
	if c.v4() {
		project = f.str("projectId")
		p = c.s.state.projectByID(project)
	} else {
		project = f.str("projectSlug")
		p = c.s.state.projectBySlug(project)
	}
	from := writeTarget{p, f.str("sourceEnvironment"), secretPath(f.strOr("sourceSecretPath", "/"))}
	to := writeTarget{p, f.str("destinationEnvironment"), secretPath(f.strOr("destinationSecretPath", "/"))}
	ids := f.strings("secretIds")
	overwrite := f.boolean("shouldOverwrite", false)
	if err := f.failure(); err != nil {
		return nil, err
	}
	if err := c.member(p, c.noProject(project)); err != nil {
		return nil, err
	}
	source, err := c.writable(from, "delete", "Move secrets")
	if err != nil {
		return nil, err
	}
	destination, err := c.writable(to, "create", "Move secrets")
	if err != nil {
		return nil, err
	}
	moving, err := c.movable(source, destination, ids, overwrite)
	if err != nil {
		return nil, err
	}
	if c.needsApproval(false) {
		return map[string]bool{"isSourceUpdated": false, "isDestinationUpdated": false}, nil
	}
	var arrived []*secret
	var keys []string
	for _, x := range moving {
		if y := c.move(source.f, destination.f, x); y != nil {
			arrived = append(arrived, y)
		}
		keys = append(keys, x.Key)
	}
	if !c.old() {
		for _, x := range arrived {
			x.Value = movedText(x.Value, source, destination)
		}
		c.moveReferences(source, destination, keys)
	}
	c.changed = true
	return map[string]bool{"isSourceUpdated": true, "isDestinationUpdated": true}, nil
}

func (c *call) movable(source, destination place, ids []string, overwrite bool) ([]*secret, error) {
	if source.f == destination.f {
		return nil, badRequest("Source and destination folder are the same")
	}
	var moving []*secret
	var taken []string
	equal := 0
	for _, id := range ids {
		x := find(source.f.Secrets, func(x *secret) bool { return x.ID == id && !x.Personal })
		if x == nil {
			return nil, notFound("One or more secrets to move were not found in the source")
		}
		if x.Rotated {
			return nil, badRequest("Cannot move rotated secrets")
		}
		there := destination.f.shared(x.Key)
		if there != nil && (c.old() || there.Value != x.Value) {
			taken = append(taken, x.Key)
		}
		if there != nil && there.Value == x.Value {
			equal++
		}
		moving = append(moving, x)
	}
	if !c.old() && equal > 0 && equal == len(moving) {
		return nil, badRequest("Selected secrets already exist in the destination.")
	}
	if len(taken) > 0 && !overwrite {
		return nil, badRequest("Failed to move secrets. The following secrets already exist in the destination: %s", strings.Join(taken, ","))
	}
	return moving, nil
}

// move returns the secret that has arrived, nil if what is there stays as it is.
func (c *call) move(from, to *folder, x *secret) *secret {
	take := func(y *secret) {
		y.Value, y.Comment, y.SkipMultiline = x.Value, x.Comment, x.SkipMultiline
		y.Tags, y.Metadata = x.Tags, x.Metadata
	}
	y := to.shared(x.Key)
	switch {
	case y == nil:
		y = to.addSecret(x.Key, "", false, c.now)
		take(y)
	case !c.old() && (x.Value == "" || x.Value == y.Value):
		y = nil
	default:
		to.change(y, c.now, take)
	}
	for _, gone := range c.doomed(from, x.Key, false) {
		from.removeSecret(gone, c.now)
	}
	return y
}
