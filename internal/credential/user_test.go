package credential

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential/clitest"
	"infisicalfs/internal/credential/internal/vault"
	"infisicalfs/internal/exitcode"
)

const (
	person   = "a.b+c@example.com"
	personal = "https://infisical.example.com"
)

// userToken is a JWT that ends then, and has a word in it that no error may have.
func userToken(end time.Time) string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return part(`{"alg":"HS256"}`) + "." + part(fmt.Sprintf(`{"exp":%d}`, end.Unix())) + ".canary"
}

func living() string { return userToken(time.Now().Add(time.Hour)) }

// login is one in the file vault with all that it takes, but for what change changes.
func login(change func(*clitest.Login)) clitest.Login {
	l := clitest.Login{Key: person, Domain: personal + "/api", Token: living(), Passphrase: "canary horse"}
	if change != nil {
		change(&l)
	}
	return l
}

func TestAPersonIsFound(t *testing.T) {
	ring := clitest.NewKeyring(t)
	ring.Store(person, clitest.Entry(t, person, living()))
	bus := variables{"DBUS_SESSION_BUS_ADDRESS": ring.Address()}
	nobus := variables{"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere/bus"}
	profiles := func(l *clitest.Login) { l.Key, l.Profile = person+"--acme", true }
	bound := func(l *clitest.Login) { profiles(l); l.Directory = map[string]string{startDir: l.Key} }
	for _, c := range []struct {
		name  string
		flags words
		env   variables
		login clitest.Login
		key   string
	}{
		{"the file vault", nil, nil, login(nil), person},
		{"picked", words{"auth": "user"}, nil, login(nil), person},
		{"the tool's own variable", nil, variables{"INFISICAL_AUTH_METHOD": "user"}, login(nil), person},
		{"a profile", nil, nil, login(profiles), person + "--acme"},
		{"by its name", words{"profile": person + "--acme"}, variables{"INFISICAL_PROFILE": "gone"}, login(profiles), person + "--acme"},
		{"by the variable", nil, variables{"INFISICAL_PROFILE": person + "--acme"}, login(profiles), person + "--acme"},
		{"by the directory", nil, nil, login(bound), person + "--acme"},
		{"the passphrase in a variable", nil, variables{"INFISICAL_VAULT_FILE_PASSPHRASE": "canary horse"}, login(func(l *clitest.Login) { l.Unkept = true }), person},
		{"the configuration's before it", nil, variables{"INFISICAL_VAULT_FILE_PASSPHRASE": "another"}, login(nil), person},
		{"files in spite of auto", nil, nobus, login(func(l *clitest.Login) { l.Backend = "auto" }), person},
		{"the desktop's keyring", nil, bus, login(func(l *clitest.Login) { l.Backend, l.Token = "auto", userToken(time.Unix(1, 0)) }), person},
		{"files if the keyring's has ended", nil, bus, login(func(l *clitest.Login) { l.Backend, l.Key = "auto", "b@example.com" }), "b@example.com"},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := t.TempDir()
			clitest.LogIn(t, home, c.login)
			env := variables{"HOME": home}
			for name, value := range c.env {
				env[name] = value
			}
			s := Search{Flags: c.flags.flags(), Lookup: env.lookup, Server: "https://app.infisical.com", Default: true}
			found, err := s.Find(t.Context())
			require.NoError(t, err)
			require.Equal(t, "user", found.Method)
			require.True(t, SameServer(personal, found.Server))
			require.Contains(t, found.Identity, c.key)
			require.Empty(t, found.Warnings)
			require.NotContains(t, found.String(), "canary")
		})
	}
}

func TestAPersonComesLast(t *testing.T) {
	home := t.TempDir()
	clitest.LogIn(t, home, login(nil))
	found, err := find(nil, variables{"HOME": home, "INFISICAL_TOKEN": "x"})
	require.NoError(t, err)
	require.Equal(t, "token", found.Method)
}

// What keeps a person's login from being used: one line, the cure, exit code 3 or 4.
func TestAPersonThatCannotBe(t *testing.T) {
	ring := func(change func(*clitest.Keyring)) func(t *testing.T, home string) variables {
		return func(t *testing.T, home string) variables {
			clitest.LogIn(t, home, login(func(l *clitest.Login) { l.Backend = "auto" }))
			require.NoError(t, os.Remove(vault.Path(home, person)))
			k := clitest.NewKeyring(t)
			change(k)
			return variables{"DBUS_SESSION_BUS_ADDRESS": k.Address()}
		}
	}
	with := func(change func(*clitest.Login)) func(t *testing.T, home string) variables {
		return func(t *testing.T, home string) variables { clitest.LogIn(t, home, login(change)); return nil }
	}
	raw := func(file string) func(t *testing.T, home string) variables {
		return func(t *testing.T, home string) variables {
			clitest.LogIn(t, home, login(nil))
			clitest.Vault(t, home, person, []byte(file))
			return nil
		}
	}
	ended := clitest.Entry(t, person, userToken(time.Now().Add(-time.Hour)))
	for _, c := range []struct {
		name       string
		set        func(t *testing.T, home string) variables
		server     string // that is named; empty: none
		code       int
		says, cure string
	}{
		{"an end in the past", with(func(l *clitest.Login) { l.Token = userToken(time.Now().Add(-time.Hour)) }), "", exitcode.Login, "the token has ended", "run infisical login"},
		{"no end", with(func(l *clitest.Login) { l.Token = "a.b.canary" }), "", exitcode.Login, "does not say when it ends", "run infisical login"},
		{"no token", with(func(l *clitest.Login) { l.Token = "" }), "", exitcode.Login, "no token", "run infisical login"},
		{"another server", with(nil), "https://other.example.com", exitcode.Login, "is not sent there", "leave out --url"},
		{"no passphrase", with(func(l *clitest.Login) { l.Unkept = true }), "", exitcode.Login, "has a passphrase", "set INFISICAL_VAULT_FILE_PASSPHRASE"},
		{"a wrong passphrase", func(t *testing.T, home string) variables {
			with(func(l *clitest.Login) { l.Unkept = true })(t, home)
			return variables{"INFISICAL_VAULT_FILE_PASSPHRASE": "canary mule"}
		}, "", exitcode.Login, "the passphrase is wrong", "set INFISICAL_VAULT_FILE_PASSPHRASE"},
		{"a damaged file", raw("canary"), "", exitcode.Login, "damaged", "run infisical login"},
		{"an empty file", raw(""), "", exitcode.Login, "damaged", "run infisical login"},
		{"no file", func(t *testing.T, home string) variables {
			clitest.LogIn(t, home, login(nil))
			require.NoError(t, os.Remove(vault.Path(home, person)))
			return nil
		}, "", exitcode.Login, "not kept there", "run infisical login"},
		{"a damaged configuration", func(t *testing.T, home string) variables {
			clitest.Config(t, home, []string{"canary"})
			return nil
		}, "", exitcode.Login, "no JSON of the form", "run infisical login"},
		{"a profile that is not there", func(t *testing.T, home string) variables {
			clitest.LogIn(t, home, login(nil))
			return variables{"INFISICAL_PROFILE": "gone"}
		}, "", exitcode.Login, `INFISICAL_PROFILE picks "gone": there is no such profile`, "--profile"},
		{"another organisation", func(t *testing.T, home string) variables {
			with(func(l *clitest.Login) { l.Key, l.Profile = person+"--acme", true })(t, home)
			return variables{"INFISICAL_ORG": "other"}
		}, "", exitcode.Login, "it is logged in to another organisation", "unset INFISICAL_ORG"},
		{"a locked keyring", ring(func(k *clitest.Keyring) { k.Store(person, ended); k.Lock() }), "", exitcode.Login, "locked", "unlock it"},
		{"an empty keyring", ring(func(*clitest.Keyring) {}), "", exitcode.Login, "not in the keyring", "run infisical login"},
		{"no keyring", ring((*clitest.Keyring).Leave), "", exitcode.Login, "no keyring answers", "vault set file"},
		{"an end in the keyring", ring(func(k *clitest.Keyring) { k.Store(person, ended) }), "", exitcode.Login, "has ended", "run infisical login"},
		{"no bus", func(t *testing.T, home string) variables {
			ring(func(*clitest.Keyring) {})(t, home)
			return variables{"XDG_RUNTIME_DIR": home}
		}, "", exitcode.Login, "no session bus", "machine identity"},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := t.TempDir()
			env := variables{"HOME": home}
			for name, value := range c.set(t, home) {
				env[name] = value
			}
			s := Search{Flags: new(Flags), Lookup: env.lookup, Server: c.server, Default: c.server == ""}
			_, err := s.Find(t.Context())
			require.ErrorContains(t, err, c.says)
			require.Contains(t, hintOf(err), c.cure)
			require.Equal(t, c.code, exitcode.Of(err))
			require.NotContains(t, err.Error()+hintOf(err), "canary")
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestNobodyIsLoggedIn(t *testing.T) {
	home := t.TempDir()
	env := variables{"HOME": home}
	_, err := find(nil, env)
	require.ErrorIs(t, err, ErrNoCredentials)
	// The tool was used, and nobody has logged in.
	clitest.Config(t, home, map[string]string{"loggedInUserEmail": "", "vaultBackendType": "file"})
	_, err = find(nil, env)
	require.ErrorIs(t, err, ErrNoCredentials)
	_, err = find(words{"auth": "user"}, env)
	require.ErrorContains(t, err, "nobody is logged in")
	if os.Geteuid() != 0 {
		return
	}
	env["SUDO_USER"] = "gnat"
	_, err = find(words{"auth": "user"}, env)
	require.ErrorContains(t, err, "root's home")
	require.Contains(t, hintOf(err), "mount as gnat")
	_, err = find(nil, env)
	require.ErrorIs(t, err, ErrNoCredentials)
	require.Contains(t, hintOf(err), "by sudo")
}

func TestOthersCanReadTheVault(t *testing.T) {
	home := t.TempDir()
	clitest.LogIn(t, home, login(nil))
	require.NoError(t, os.Chmod(vault.Path(home, person), 0o644))
	env := variables{"HOME": home}
	s := Search{Flags: new(Flags), Lookup: env.lookup, Default: true}
	found, err := s.Find(t.Context())
	require.NoError(t, err)
	require.Len(t, found.Warnings, 1)
	s = Search{Flags: words{"strict": ""}.flags(), Lookup: env.lookup, Default: true}
	_, err = s.Find(t.Context())
	require.ErrorContains(t, err, "can be read by others")
}

// After a refusal the token is read anew, but a login as somebody else is not followed.
func TestAPersonLogsInAgain(t *testing.T) {
	home := t.TempDir()
	clitest.LogIn(t, home, login(nil))
	s := Search{Flags: new(Flags), Lookup: variables{"HOME": home}.lookup, Default: true}
	kept, err := s.ownLogin()
	require.NoError(t, err)
	next := userToken(time.Now().Add(2 * time.Hour))
	clitest.LogIn(t, home, login(func(l *clitest.Login) { l.Token, l.Passphrase = next, "new horse" }))
	token, err := kept.again()
	require.NoError(t, err)
	require.Equal(t, next, token.Reveal())
	for _, change := range []func(*clitest.Login){
		func(l *clitest.Login) { l.Key = "b@example.com" },
		func(l *clitest.Login) { l.Domain = "https://other.example.com/api" },
	} {
		clitest.LogIn(t, home, login(change))
		_, err = kept.again()
		require.ErrorContains(t, err, "is now that of")
	}
	require.NoError(t, os.RemoveAll(filepath.Join(home, ".infisical")))
	_, err = kept.again()
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Who names a profile is not to become somebody else by a variable that happens to be there.
func TestAProfileByFlagWinsOverVariables(t *testing.T) {
	env := variables{"INFISICAL_TOKEN": "a", "INFISICAL_AUTH_METHOD": "token"}
	_, err := find(words{"profile": "work"}, env)
	require.ErrorContains(t, err, "nobody is logged in")
	require.Equal(t, exitcode.Login, exitcode.Of(err))
	_, err = find(words{"profile": "work", "token-file": write(t, "a")}, env)
	require.ErrorContains(t, err, "two credentials at once: --profile and --token-file")
	found, err := find(words{"profile": "work", "auth": "token"}, variables{"INFISICAL_TOKEN": "a"})
	require.NoError(t, err)
	require.Equal(t, "token", found.Method)
}
