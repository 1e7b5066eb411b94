// Package login is how identities log in to the embedded Infisical, and how their access
// tokens are renewed and revoked.
//
// Every method that has an identity id in its body is a row of the table in methods.go:
// which fields its body has, and a check that judges them against what the identity was
// set up with ([store.Login]). What all have in common is in identity.go, in the order
// of the real server: the method is not set up for the identity (404), the check (401, and
// 500 "Something went wrong" where a cloud refuses), the caller's address (403), the
// sub-organisation (404, 401). Universal auth, which has no such id, is in universal.go.
//
// JWTs are those that the server has made itself ([store.State.IssueJWT]): whoever tests
// asks for one with the claims that a cluster, a CI system or a cloud would put into it.
package login
