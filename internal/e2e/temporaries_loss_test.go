package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// Names and ways that a guess could take for a program's temporary file, with the
// neighbours that would speak for it.
func TestNoGuessLosesASecret(t *testing.T) {
	t.Parallel()
	private := func(names ...string) string {
		return `(umask 077; for f in ` + strings.Join(names, " ") + `; do printf v >"$SRC/$f"; done); `
	}
	for _, c := range []struct {
		name, run string
		want      string // the names on the server afterwards, each with the value "v"
	}{
		{"a name that goes on", `printf v >db; printf v >db-us2prod; cp db db.20261128`, "db db-us2prod db.20261128"},
		{"names that go on", `for f in db db-aws1a2b api-key api-key-k8sprod token token-ipv4addr db-12345 tls.key tls.key.x509ca; do printf v >$f; done`,
			"db db-aws1a2b api-key api-key-k8sprod token token-ipv4addr db-12345 tls.key tls.key.x509ca"},
		{"renamed to one that goes on", `printf v >db; mv db db-us2prod`, "db-us2prod"},
		{"private, by mv", private("oauth2Token", "s3Key", "x509Cert") + `mv "$SRC"/* .`, "oauth2Token s3Key x509Cert"},
		{"private, by install", private("base64Key", "apiV2Key", "service001") + `install -m600 "$SRC"/* .`, "apiV2Key base64Key service001"},
		{"private, by cp", private("id_ed25519", "key-20240101", "sedentary") + `cp -p "$SRC"/* .`, "id_ed25519 key-20240101 sedentary"},
		{"private, by tar", private("web2024", "db", "db-12345") + `tar -cf - -C "$SRC" . | tar -xf -`, "db db-12345 web2024"},
		{"a private key by openssl's ways", `(umask 077; set -C; printf v >tls.key); (umask 077; printf v >tls.key.pem)`, "tls.key tls.key.pem"},
		{"a number", `printf v >4913x; printf v >x4913`, "4913x x4913"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, devserver.Current, []string{"desk"})
			cmd := shell(d.at("desk"), c.run)
			cmd.Env = append(os.Environ(), "SRC="+t.TempDir())
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Empty(t, string(out))
			want := strings.Fields(c.want)
			list, err := os.ReadDir(d.at("desk"))
			require.NoError(t, err)
			require.Len(t, list, len(want), "all are listed at once")
			require.EventuallyWithT(t, func(now *assert.CollectT) {
				require.ElementsMatch(now, want, d.Names("demo", "dev", "/desk"))
			}, 5*time.Second, 10*time.Millisecond)
			for _, name := range want {
				d.holds(t, "desk/"+name, "v")
			}
		})
	}
}

// Hundreds of private files in one archive are hundreds of secrets, and nobody
// else's temporary files suffer from it.
func TestHundredsOfPrivateFiles(t *testing.T) {
	t.Parallel()
	d := newDesk(t, devserver.Current, []string{"desk", "other"})
	d.have(t, "other", one(old))
	cmd := shell(d.at("desk"), `(umask 077; for i in $(seq -w 300); do echo $i >"$SRC/service$i"; done); tar -cf - -C "$SRC" . | tar -xf -; cd ../other && sed -i s/old/new/ KEY`)
	cmd.Env = append(os.Environ(), "SRC="+t.TempDir())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
	d.holds(t, "other/KEY", "new value\n")
	soon(t, "all 300 are secrets", func() bool { return len(d.Names("demo", "dev", "/desk")) == 300 })
	list, err := os.ReadDir(d.at("desk"))
	require.NoError(t, err)
	require.Len(t, list, 300)
	d.holds(t, "desk/service007", "007\n")
}

// The backups that editors leave on a mount of weeks never keep anybody from
// editing: the eldest go.
func TestBackupsOfWeeks(t *testing.T) {
	t.Parallel()
	d := newDesk(t, devserver.Current, []string{"desk"})
	d.have(t, "desk", one(old))
	for i := range 300 {
		require.NoError(t, os.WriteFile(d.at("desk", fmt.Sprintf("X%d~", i)), []byte("a backup"), 0o600))
	}
	require.Empty(t, sh(t, d.at("desk"), `sed -i s/old/new/ KEY`))
	d.holds(t, "desk/KEY", "new value\n")
	require.NoFileExists(t, d.at("desk/X0~"))
	require.FileExists(t, d.at("desk/X299~"))
	require.Equal(t, []string{"KEY"}, d.Names("demo", "dev", "/desk"))
}

// ssh-keygen -R keeps the old file by a hard link, of which there are none here. It
// ends with an error and leaves what it has made: a copy, by its name no more a
// temporary file than a secret.
func TestKnownHosts(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ssh-keygen"); err != nil && os.Getenv("REQUIRE_FUSE") == "" {
		t.Skip("no ssh-keygen")
	}
	d := newDesk(t, devserver.Current, []string{"desk"})
	key := filepath.Join(t.TempDir(), "k")
	sh(t, d.at("desk"), `ssh-keygen -q -t ed25519 -N "" -f "`+key+`" </dev/null && for h in a b; do echo "$h.invalid $(cut -d" " -f1,2 "`+key+`.pub")"; done >KEY`)
	known := d.stored(t, "desk/KEY")
	out, err := shell(d.at("desk"), `ssh-keygen -R a.invalid -f KEY`).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "link")
	d.holds(t, "desk/KEY", known.Value)
	soon(t, "what it leaves is kept", func() bool { return len(d.Names("demo", "dev", "/desk")) == 2 })
	sh(t, d.at("desk"), `rm KEY.??????????`)
	d.holds(t, "desk/KEY", known.Value)
	require.Equal(t, []string{"KEY"}, d.Names("demo", "dev", "/desk"))
}
