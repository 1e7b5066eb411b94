// Package clitest makes, for tests, what Infisical's own command line tool leaves on a
// machine where a person has logged in: its configuration, the file vault, and a keyring
// of the desktop's on a bus. All of it is written by how the formats are documented, and not by what the
// readers in internal/credential look for.
//
//	home := t.TempDir()
//	clitest.LogIn(t, home, clitest.Login{Key: "a@example.com", Domain: url, Token: token})
package clitest
