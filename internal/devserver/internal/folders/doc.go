// Package folders is how the embedded Infisical shows and changes folders, and the
// imports by which a folder shows the secrets of others.
//
// [Routes] and [ImportRoutes] are what a server adds to its routes; their handlers
// are called with the lock of the state held, as [call.On] says. Every member of
// a project sees all folders, whatever it may read in them; the rights of writes
// are those of secrets. What an import brings, and in which order, is not decided
// here but in package secretread, where the secrets are read.
package folders
