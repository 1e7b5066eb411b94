// Package arch holds no code. Its tests hold the picture of who may import whom
// against the code, keep what is for tests out of the program, and print the
// table of packages with how many arrows between files run up in each:
//
//	go test -v -run Table ./internal/arch
package arch
