// Package clifiles reads the configuration of Infisical's own command line tool, in
// ~/.infisical/infisical-config.json: who is logged in there, to which server, and where
// the token of that login is kept.
//
//	config, err := clifiles.Read(home)        // wraps fs.ErrNotExist: the tool was never used
//	login, err := config.Login(clifiles.Wish{Dir: dir})
//	// login.Key is what the token is kept under, login.Domain the server it is for
//
// There are two layouts. In the older one a login has the name of its e-mail address, and one of
// them is the current one. Since autumn 2026 there are profiles with names of their own, which can
// be bound to directories; configurations that have been carried over have both.
//
// The package reads and decides. It asks no server and opens no vault.
package clifiles
