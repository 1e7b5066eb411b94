// Package integration tests the cache over the client over a server in memory,
// without a mount and on a clock of its own (testing/synctest): what refers to
// what, what is polled, and hours of failures. There is nothing in it but tests.
package integration
