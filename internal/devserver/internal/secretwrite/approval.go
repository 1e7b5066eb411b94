package secretwrite

import (
	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/store"
)

// approval is the answer, with status 200, to a write that was not done: the request
// for an approval that it has become.
func approval(c *call.Call, at store.Place, change string, names ...string) any {
	a := request(c, at, change, names)
	return map[string]any{"approval": map[string]any{
		"id": a.ID, "policyId": store.NewUUID(), "slug": a.Slug, "status": "open",
		"hasMerged": false, "conflicts": nil, "folderId": at.Folder.ID, "committerUserId": a.Committer,
		"statusChangedByUserId": nil, "isReplicated": nil, "bypassReason": nil,
		"createdAt": call.Stamp(c.Now), "updatedAt": call.Stamp(c.Now),
	}}
}

func request(c *call.Call, at store.Place, change string, names []string) store.Approval {
	a := store.Approval{
		ID: store.NewUUID(), Slug: store.RandomHex(5), Env: at.Env.Slug, Path: at.Path,
		Change: change, Names: names, Committer: c.Who.ID(), At: c.Now,
	}
	if c.Requested != nil {
		c.Requested(a)
	}
	return a
}
