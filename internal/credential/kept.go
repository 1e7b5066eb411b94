package credential

import (
	"context"
	"errors"
	"io/fs"

	"infisicalfs/client"
	"infisicalfs/internal/credential/internal/clifiles"
	"infisicalfs/internal/credential/internal/keyring"
	"infisicalfs/internal/credential/internal/vault"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// keptLogin is a login of Infisical's own tool, whose token is kept in its file vault or
// in the desktop's keyring.
type keptLogin struct {
	clifiles.Login
	home       string
	config     *clifiles.Config
	wish       clifiles.Wish
	passphrase Source // of the file vault, if the configuration has not the right one
	lookup     func(string) (string, bool)
}

func (l *keptLogin) String() string { return "the login of " + l.Key + " in " + l.config.Path }

// vault is the file of the file vault that has the token, if there is one.
func (l *keptLogin) vault() string { return vault.Path(l.home, l.Key) }

// again reads the token anew, for a server has refused the last one: people log in again,
// and may have logged in as somebody else or elsewhere since.
func (l *keptLogin) again() (secret.Value, error) {
	config, err := clifiles.Read(l.home)
	if err != nil {
		return secret.Value{}, err
	}
	login, err := config.Login(l.wish)
	if err != nil {
		return secret.Value{}, err
	}
	if login.Key != l.Key || !SameServer(login.Domain, l.Domain) {
		return secret.Value{}, exitcode.Errorf(exitcode.Login, "mount again, or have the mount read its configuration again (SIGHUP)",
			"%s is now that of %s to %s", l, login.Key, login.Domain)
	}
	now := *l
	now.config = config
	token, err := now.token(context.Background())
	return token, withCure(err)
}

// token returns the token, which has not ended. Where it is kept is tried in the order in
// which the tool does: with its type "auto" it falls back to files without
// writing that down, so files are looked for whatever it says.
func (l *keptLogin) token(ctx context.Context) (secret.Value, error) {
	places := []func(context.Context) ([]byte, error){l.fromKeyring, l.fromVault}
	if l.config.Backend == "file" {
		places = places[1:]
	}
	var failure error // the first that says more than that nothing is there
	for _, place := range places {
		entry, err := place(ctx)
		if err == nil {
			var token secret.Value
			if token, err = l.living(entry); err == nil {
				return token, nil
			}
		}
		if failure == nil || errors.Is(failure, errNotKept) && !errors.Is(err, errNotKept) {
			failure = err
		}
	}
	return secret.Value{}, failure
}

// living is the token of an entry, unless it has ended.
func (l *keptLogin) living(entry []byte) (secret.Value, error) {
	token, err := clifiles.Token(entry)
	if err != nil {
		return secret.Value{}, exitcode.Errorf(exitcode.Login, runLogin, "%s: %w", l, err)
	}
	end := client.TokenEnd(token)
	if end.IsZero() {
		return secret.Value{}, exitcode.Errorf(exitcode.Login, runLogin, "%s: its token does not say when it ends, so it is none of a person's", l)
	}
	if err := checkEnd(l.String(), token); err != nil {
		return secret.Value{}, exitcode.Errorf(exitcode.Login, runLogin+"; if this machine's clock is wrong, set it", "%w", err)
	}
	return token, nil
}

// errNotKept means that a login is known and its token is not where it was looked for.
var errNotKept = errors.New("its token is not kept there")

func (l *keptLogin) fromVault(context.Context) ([]byte, error) {
	path := l.vault()
	file, err := clifiles.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exitcode.Errorf(exitcode.Login, runLogin, "%s: %w: there is no %s", l, errNotKept, path)
	}
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Config, "let whoever mounts read it", "%s: %w", l, err)
	}
	// What the tool has written down wins over the variable, which it overwrites.
	own, err := l.config.VaultPassphrase()
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Login, "run infisical vault set file, and "+runLogin, "%w", err)
	}
	given := secret.Value{}
	if l.passphrase.From != "" {
		if given, err = l.passphrase.Read(); err != nil {
			return nil, err
		}
	}
	if own.Len() == 0 && given.Len() == 0 {
		return nil, exitcode.Errorf(exitcode.Login, "set "+vaultPassphrase.Variables[0], "%s: %s has a passphrase, which %s does not have", l, path, l.config.Path)
	}
	err = vault.ErrPassphrase
	for _, passphrase := range []secret.Value{own, given} {
		if passphrase.Len() == 0 || !errors.Is(err, vault.ErrPassphrase) {
			continue
		}
		var entry []byte
		if entry, err = vault.Open(file, passphrase.Reveal()); err == nil {
			return entry, nil
		}
	}
	hint := runLogin
	if errors.Is(err, vault.ErrPassphrase) {
		hint = "set " + vaultPassphrase.Variables[0] + " to the one that it was made with, or " + runLogin
	}
	return nil, exitcode.Errorf(exitcode.Login, hint, "%s: cannot open %s: %w", l, path, err)
}

func (l *keptLogin) fromKeyring(ctx context.Context) ([]byte, error) {
	address, err := keyring.Address(l.lookup)
	if err == nil {
		var entry []byte
		if entry, err = keyring.Get(ctx, address, "infisical-cli", l.Key); err == nil {
			return entry, nil
		}
	}
	switch {
	case errors.Is(err, keyring.ErrNone):
		return nil, exitcode.Errorf(exitcode.Login, runLogin, "%s: %w: %w", l, errNotKept, err)
	case errors.Is(err, keyring.ErrLocked):
		return nil, exitcode.Errorf(exitcode.Login, "unlock it, by logging in to the desktop or with its own program", "%s: %w", l, err)
	case errors.Is(err, keyring.ErrNoBus):
		return nil, exitcode.Errorf(exitcode.Login, "mount in the session of who is logged in; where there is none, as for system services and by sudo, use a machine identity, or infisical vault set file and infisical login",
			"%s is in the desktop's keyring, and %w", l, err)
	}
	return nil, exitcode.Errorf(exitcode.Login, "start the desktop's keyring, or have the login kept in a file: infisical vault set file, then "+runLogin,
		"%s is in the desktop's keyring: %w", l, err)
}
