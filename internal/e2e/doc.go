// Package e2e tests what users rely on: the built program, mounted by the
// kernel, on a real HTTP server, looked at with the programs that people use.
// There is nothing in it but tests.
package e2e
