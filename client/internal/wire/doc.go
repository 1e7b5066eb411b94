// Package wire has the JSON shapes of Infisical's answers and the readers of its
// three lists: of secrets, folders and projects. Only package client imports it. A
// reader takes a list as it arrives, by [jsonstream.Scanner], puts each value into
// locked memory from where it was read, and accounts for what it keeps; all other
// answers are small and decoded by encoding/json. Nothing here asks a server for
// anything, and nothing is shared: a reader belongs to the goroutine that calls it.
//
// Fields that the client does not use are left out; servers add and drop others
// freely. Which servers send a field is said at the field; one without such a remark
// is sent by all. "2024" are the servers before 2025, which have the legacy routes
// alone, "July 2024" the oldest of them, "2025" those that added fields on the legacy
// routes, and "current" the servers with the routes of September 2025.
package wire
