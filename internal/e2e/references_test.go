package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// What refers to a secret that was just written is right at once: as a file, with its
// size, in views, in other folders, in other environments and through imports. The
// truth is what another mount shows that has asked for everything anew.
func TestReferencesAfterAWrite(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.edit(t, func(e *devserver.Editor) error {
			for _, s := range [][4]string{
				{"dev", "/desk", "DB_USER", "old"},
				{"dev", "/desk", "DATABASE_URL", "postgres://${DB_USER}@db"},
				{"dev", "/desk", "PLAIN", "plain"},
				{"dev", "/", "TOP", "${dev.desk.DATABASE_URL}?top"},
				{"prod", "/", "OTHER", "${dev.desk.DB_USER}"},
			} {
				if err := e.Set("demo", s[0], s[1], s[2], s[3]); err != nil {
					return err
				}
			}
			return e.Import("demo", "prod", "/", "dev", "/desk")
		})
		const url = "demo/dev/desk/DATABASE_URL"
		other := d.mount(t, "admin", "--ttl=1h", "--watch=off")
		const env = "; cat demo/dev/desk/.env"
		const all = "stat -c %s " + url + " demo/dev/TOP; cat " + url + " demo/dev/TOP demo/prod/OTHER demo/prod/DATABASE_URL demo/prod/DB_NAME"
		agree := func(t *testing.T, all string) string {
			t.Helper()
			shown := sh(t, d.dir, all)
			other.refresh(t)
			require.Equal(t, sh(t, other.dir, all), shown)
			return shown
		}
		before := strings.Replace(all, "DB_NAME", "DB_USER", 1)
		require.Equal(t, "postgres://old@db", sh(t, d.dir, "cat "+url))
		agree(t, before+env)
		for _, user := range []string{"new", "somebody-else", "x"} {
			sh(t, d.dir, "printf "+user+" > demo/dev/desk/DB_USER")
			require.Equal(t, "postgres://"+user+"@db", sh(t, d.dir, "cat "+url))
			require.Contains(t, agree(t, before+env), "postgres://"+user+"@db?top")
		}
		sh(t, d.dir, "mv demo/dev/desk/DB_USER demo/dev/desk/DB_NAME")
		agree(t, all)
		sh(t, d.dir, "rm demo/dev/desk/DB_NAME")
		agree(t, strings.Replace(all, " demo/prod/DB_NAME", "", 1))
	}, "--ttl=1h", "--watch=off")
}

// A program that writes and at once looks at what refers to that sees the new size, and
// the new value. (Who has just read the old value may be told its size for a moment.)
func TestReferencesInOneProgram(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.edit(t, func(e *devserver.Editor) error {
			for folder, text := range map[string]string{"/desk": "${DB_USER}@db", "/": "${dev.desk.DB_USER}@db"} {
				if err := e.Set("demo", "dev", folder, "URL", text); err != nil {
					return err
				}
			}
			return e.Set("demo", "dev", "/desk", "DB_USER", "old")
		})
		for _, file := range []string{d.at("desk", "URL"), d.at("URL")} {
			for i := range 40 {
				user := strings.Repeat("x", i%20+1)
				require.NoError(t, os.WriteFile(d.at("desk", "DB_USER"), []byte(user), 0o600))
				if i < 20 {
					info, err := os.Stat(file)
					require.NoError(t, err)
					require.EqualValues(t, len(user+"@db"), info.Size())
					continue
				}
				text, err := os.ReadFile(file)
				require.NoError(t, err)
				require.Equal(t, user+"@db", string(text))
			}
		}
	}, "--ttl=1h", "--watch=off")
}
