// Package rooms tests the cache over the client over a server in memory: what
// takes hours, without a mount and on a clock of its own. There is nothing in it
// but tests.
package rooms
