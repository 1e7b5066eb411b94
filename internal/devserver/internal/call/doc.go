// Package call is one request on its way through the embedded Infisical, between
// the server that takes it and the handler that answers it: which route it is
// for, who makes it, what its fields are, and what that caller may do.
//
// The server finds the [Route] by [Match], makes a [Call], has it authenticated
// and parsed, and calls the route's handler with the lock of the state held. The
// handler reads fields from [Call.BodyForm] or [Call.QueryForm], finds projects
// and folders in the State by way of [Call.Member], [Call.Lookup] and
// [Call.Target], which know the refusals, changes what it has to and says so in
// Changed. It returns what is to be encoded, or a failure.
//
// The generations of servers differ in what they say about the same mistake. What
// several handlers say is in missing.go and permissions.go; a handler asks
// [Call.Old], [Call.July], [Call.V4] and [Call.GoReads] about the rest.
package call
