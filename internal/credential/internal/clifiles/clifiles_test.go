package clifiles_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential/internal/clifiles"
)

// configuration is a home directory with that configuration.
func configuration(t *testing.T, text string) (home string) {
	home = t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(home, ".infisical"), 0o755))
	require.NoError(t, os.WriteFile(clifiles.Path(home), []byte(text), 0o600))
	return home
}

const older = `{"loggedInUserEmail":"a@example.com","LoggedInUserDomain":"https://one.example.com/api",
	"loggedInUsers":[{"email":"a@example.com","domain":"https://one.example.com/api"},{"email":"b@example.com","domain":"https://two.example.com/api"}],
	"domains":["https://one.example.com"]}`

// newer has profiles, and copies of the older fields for the one that is named by its address.
const newer = `{"activeProfile":"a@example.com--acme","lastIdentifiedEmail":"a@example.com",
	"profiles":[{"name":"a@example.com--acme","email":"a@example.com","domain":"https://acme.example.com","organizationId":"3f8d","organizationSlug":"acme","orgSessions":[{"orgId":"x"}]},
		{"name":"work","email":"a@example.com","domain":"https://work.example.com/api/"},
		{"name":"old@example.com","email":"old@example.com","domain":"https://old.example.com/api"},
		{"name":"vendor","email":"v@example.com"}],
	"directoryProfiles":{"/src":"vendor","/src/job/":"work","/gone":"removed","/":""},
	"loggedInUserEmail":"old@example.com","LoggedInUserDomain":"https://stale.example.com/api"}`

func TestWhichLogin(t *testing.T) {
	for _, c := range []struct {
		name, config string
		wish         clifiles.Wish
		key, domain  string
		by           string
		err          error
	}{
		{"the older layout", older, clifiles.Wish{Dir: "/src"}, "a@example.com", "https://one.example.com", "loggedInUserEmail", nil},
		{"another user of it", older, clifiles.Wish{Profile: "b@example.com", By: "--profile"}, "b@example.com", "https://two.example.com", "--profile", nil},
		{"the active profile", newer, clifiles.Wish{}, "a@example.com--acme", "https://acme.example.com", "activeProfile", nil},
		{"elsewhere", newer, clifiles.Wish{Dir: "/srcs"}, "a@example.com--acme", "https://acme.example.com", "activeProfile", nil},
		{"a bound directory", newer, clifiles.Wish{Dir: "/src"}, "vendor", clifiles.Vendor, "the binding of /src", nil},
		{"below it", newer, clifiles.Wish{Dir: "/src/a/b"}, "vendor", clifiles.Vendor, "the binding of /src", nil},
		{"a nearer one", newer, clifiles.Wish{Dir: "/src/job/x/../y"}, "work", "https://work.example.com", "the binding of /src/job", nil},
		{"a name before a directory", newer, clifiles.Wish{Profile: "old@example.com", By: "INFISICAL_PROFILE", Dir: "/src/job"}, "old@example.com", "https://old.example.com", "INFISICAL_PROFILE", nil},
		{"its organisation", newer, clifiles.Wish{Organization: "acme"}, "a@example.com--acme", "https://acme.example.com", "activeProfile", nil},
		{"its organisation by the id", newer, clifiles.Wish{Organization: "3f8d"}, "a@example.com--acme", "https://acme.example.com", "activeProfile", nil},
		{"another organisation", newer, clifiles.Wish{Organization: "x"}, "", "", "", clifiles.ErrOrganization},
		{"an organisation for a profile that says none", newer, clifiles.Wish{Profile: "vendor", Organization: "acme"}, "", "", "", clifiles.ErrOrganization},
		{"the older layout knows none", older, clifiles.Wish{Organization: "acme"}, "a@example.com", "https://one.example.com", "loggedInUserEmail", nil},
		{"a name that is not there", newer, clifiles.Wish{Profile: "nobody", By: "--profile"}, "", "", "", clifiles.ErrNoProfile},
		{"a binding to what was removed", newer, clifiles.Wish{Dir: "/gone"}, "", "", "", clifiles.ErrNoProfile},
		{"the older fields without the profile", `{"profiles":[],"loggedInUserEmail":"a@example.com"}`, clifiles.Wish{}, "a@example.com", clifiles.Vendor, "loggedInUserEmail", nil},
		{"nobody", `{"loggedInUserEmail":"","vaultBackendType":"file","vaultBackendPassphrase":"R2NyelY1RVdSdQ=="}`, clifiles.Wish{}, "", "", "", clifiles.ErrNobody},
		{"two servers", `{"loggedInUserEmail":"a","LoggedInUserDomain":"https://x.example.com/api","loggedInUsers":[{"email":"a","domain":"https://y.example.com"}]}`, clifiles.Wish{}, "", "", "", clifiles.ErrContradiction},
		{"two profiles of one name", `{"activeProfile":"a","profiles":[{"name":"a","domain":"https://x.example.com"},{"name":"a","domain":"https://y.example.com"}]}`, clifiles.Wish{}, "", "", "", clifiles.ErrContradiction},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, err := clifiles.Read(configuration(t, c.config))
			require.NoError(t, err)
			login, err := config.Login(c.wish)
			require.ErrorIs(t, err, c.err)
			require.Equal(t, clifiles.Login{Key: c.key, Domain: c.domain, By: c.by}, login)
		})
	}
}

func TestConfigurationsThatCannotBeRead(t *testing.T) {
	_, err := clifiles.Read(t.TempDir())
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, text := range []string{"", "{", "[]", `{"profiles":"canary"}`, `{"loggedInUserEmail":"canary`} {
		_, err := clifiles.Read(configuration(t, text))
		require.Error(t, err, text)
		require.NotErrorIs(t, err, fs.ErrNotExist, text)
		require.NotContains(t, err.Error(), "canary")
	}
	home := configuration(t, "")
	require.NoError(t, os.Remove(clifiles.Path(home)))
	require.NoError(t, syscall.Mkfifo(clifiles.Path(home), 0o600))
	_, err = clifiles.Read(home) // and does not wait for somebody to write
	require.ErrorContains(t, err, "no regular file")
}

func TestWhatIsKeptOfALogin(t *testing.T) {
	token, err := clifiles.Token([]byte(`{"email":"a","privateKey":"","JTWToken":"a.b.c","RefreshToken":""}`))
	require.NoError(t, err)
	require.Equal(t, "a.b.c", token.Reveal())
	for _, entry := range []string{"", "canary", `{}`, `{"JTWToken":""}`, `"{\"JTWToken\":\"canary\"}"`} {
		_, err := clifiles.Token([]byte(entry))
		require.ErrorIs(t, err, clifiles.ErrEntry)
		require.NotContains(t, err.Error(), "canary")
	}
	c := clifiles.Config{Path: "/x", Passphrase: "STVsazBlaVp1Ng=="}
	value, err := c.VaultPassphrase()
	require.NoError(t, err)
	require.Equal(t, "I5lk0eiZu6", value.Reveal())
	c.Passphrase = "%canary%"
	_, err = c.VaultPassphrase()
	require.ErrorIs(t, err, clifiles.ErrPassphrase)
	require.NotContains(t, err.Error(), "canary")
}
