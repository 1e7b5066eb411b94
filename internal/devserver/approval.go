package devserver

import "infisicalfs/internal/devserver/internal/store"

// needsApproval: a change policy concerns what users do to shared secrets.
// Machine identities are exempt; servers of July 2024 did not look at policies on
// these routes.
func (c *call) needsApproval(personal bool) bool {
	return c.s.approvals && !c.july() && c.who.isUser() && !personal
}

// approval is the answer, with status 200, to a write that was not done.
func (c *call) approval(at store.Place) any {
	return map[string]any{"approval": map[string]any{
		"id": store.NewUUID(), "policyId": store.NewUUID(), "slug": store.RandomHex(5), "status": "open",
		"hasMerged": false, "conflicts": nil, "folderId": at.Folder.ID, "committerUserId": c.who.id(),
		"statusChangedByUserId": nil, "isReplicated": nil, "bypassReason": nil,
		"createdAt": stamp(c.now), "updatedAt": stamp(c.now),
	}}
}
