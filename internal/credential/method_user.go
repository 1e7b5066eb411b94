package credential

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"infisicalfs/client"
	"infisicalfs/internal/credential/internal/clifiles"
	"infisicalfs/internal/exitcode"
)

var (
	userProfile = Setting{Flag: "profile", Usage: "`name` of a login of Infisical's own tool (user; default: the one for the working directory)", Variables: []string{"INFISICAL_PROFILE"}, Shared: true}

	// userOrganization is the tool's own choice among the organisations of a login.
	userOrganization = Setting{Variables: []string{"INFISICAL_ORG"}, Free: true, Shared: true}

	// vaultPassphrase counts where the tool's configuration does not have the right one.
	vaultPassphrase = Setting{Variables: []string{"INFISICAL_VAULT_FILE_PASSPHRASE"}, Secret: true, Free: true, Shared: true}
)

// ofOwnTool reports whether a place, by its name, can only be for a login of Infisical's own tool.
func ofOwnTool(name string) bool {
	return slices.Contains(userProfile.Variables, name) || slices.Contains(vaultPassphrase.Variables, name)
}

// startDir is the directory in which the program was started, which may be bound to a
// profile. A mount in the background has another one later.
var startDir, _ = os.Getwd()

// loggedInUser is a person who has logged in with Infisical's own command line tool.
func loggedInUser() *Method {
	return &Method{
		Name: "user", Summary: "whoever is logged in with Infisical's own tool",
		Settings: []Setting{userProfile, userOrganization, vaultPassphrase},
		Elsewhere: func(_ context.Context, s *Search, rank Rank) string {
			if rank != OwnTool {
				return ""
			}
			login, err := s.ownLogin()
			switch {
			case errors.Is(err, fs.ErrNotExist), errors.Is(err, clifiles.ErrNobody):
				return ""
			case err != nil: // is no absence: it is told when the method is taken
				return "the login of Infisical's own tool"
			}
			return login.String()
		},
		Open: func(s *Search) (client.Auth, error) {
			login, err := s.ownLogin()
			if err != nil {
				return nil, s.noOwnLogin(err)
			}
			if err := s.IssuedBy(login.String(), login.Domain); err != nil {
				return nil, err
			}
			passphrase, err := s.Secret(vaultPassphrase)
			if err != nil {
				return nil, err
			}
			login.passphrase = passphrase
			if _, err := login.token(context.Background()); err != nil {
				return nil, err
			}
			if err := s.guard(login.String(), login.vault()); err != nil {
				return nil, err
			}
			s.identity = "user " + login.Key + " at " + login.Domain
			return client.TokenAuth(login.again), nil
		},
	}
}

// ownLogin is the login of Infisical's own tool that is meant. It notes nothing, as methods
// are asked side by side whether they are seen.
func (s *Search) ownLogin() (*keptLogin, error) {
	home := s.variable("HOME")
	if !filepath.IsAbs(home) {
		return nil, fs.ErrNotExist
	}
	config, err := clifiles.Read(home)
	if err != nil {
		return nil, err
	}
	wish := clifiles.Wish{Dir: startDir}
	named, ok := s.at(userProfile, Explicit)
	if !ok {
		named, _ = s.at(userProfile, Environment)
	}
	wish.Profile, wish.By = named.text, named.name
	wish.Organization = s.variable(userOrganization.Variables[0])
	login, err := config.Login(wish)
	if err != nil {
		return nil, err
	}
	return &keptLogin{Login: login, home: home, config: config, wish: wish, lookup: s.Lookup}, nil
}

// noOwnLogin is the error where Infisical's own tool has no login that could be used.
func (s *Search) noOwnLogin(err error) error {
	hint := runLogin
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, clifiles.ErrNobody):
		if who := s.behindSudo(); who != "" {
			return exitcode.Errorf(exitcode.Login, "mount as "+who+", without sudo, or give --token-file",
				"user was picked, and nobody is logged in with Infisical's own tool in root's home: by sudo that of %s is not looked at", who)
		}
		if !errors.Is(err, clifiles.ErrNobody) {
			return exitcode.Errorf(exitcode.Login, runLogin+", or give --token-file", "user was picked, and nobody is logged in with Infisical's own tool: there is no $HOME/.infisical/infisical-config.json")
		}
	case errors.Is(err, clifiles.ErrNoProfile):
		hint = "name another with --profile, or " + runLogin
	case errors.Is(err, clifiles.ErrOrganization):
		hint = "name a profile of that organisation with --profile, or " + runLogin + ", or unset INFISICAL_ORG"
	case errors.Is(err, fs.ErrPermission):
		hint = "let whoever mounts read it"
	}
	return exitcode.Errorf(exitcode.Login, hint, "the login of Infisical's own tool: %w", err)
}

const runLogin = "run infisical login"

// behindSudo is who has started this as root by sudo, empty if nobody has.
func (s *Search) behindSudo() string {
	if who := s.variable("SUDO_USER"); who != "root" && os.Geteuid() == 0 {
		return who
	}
	return ""
}
