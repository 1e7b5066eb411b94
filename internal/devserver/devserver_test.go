package devserver

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver/internal/store"
)

func TestNewRefuses(t *testing.T) {
	_, err := New(Config{Profile: "2023"})
	require.ErrorContains(t, err, "unknown profile")
	_, err = New(Config{Seed: &store.Seed{Projects: []store.SeedProject{{Slug: "a"}, {Slug: "a"}}}})
	require.ErrorContains(t, err, "two projects")
	_, err = New(Config{Seed: &store.Seed{Identities: []store.SeedIdentity{{Name: "x", Roles: map[string]string{"none": "admin"}}}}})
	require.ErrorContains(t, err, "no project")
}

func TestSample(t *testing.T) {
	c := newTester(t, Config{}, "viewer")
	dev := c.list().values()
	require.Equal(t, "hello, world", dev["GREETING"])
	require.Empty(t, dev["EMPTY"])
	require.Equal(t, 5, strings.Count(dev["TLS_CERT"], "\n"))
	require.Contains(t, c.list("secretPath", "/payments").values(), "STRIPE_KEY")
	imports := c.list("environment", "staging").objects("imports")
	require.Equal(t, "/payments", imports[0]["secretPath"])

	text, err := json.Marshal(store.Sample())
	require.NoError(t, err)
	read, err := store.ReadSeed(bytes.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, store.Sample(), read)
	_, err = store.ReadSeed(strings.NewReader(`{"project": []}`))
	require.ErrorContains(t, err, "unknown field")
}

func TestDataFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	c := newTester(t, Config{DataFile: file}, "admin")
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())
	c.do("POST", "/api/v4/secrets/KEPT", c.write("secretValue", "kept")).secret()
	c.edit(func(e *Editor) error { return e.Mkdir("demo", "dev", "/made") })

	again, err := New(Config{DataFile: file, Seed: &store.Seed{}})
	require.NoError(t, err)
	require.Equal(t, c.s.Credentials("admin"), again.Credentials("admin"))
	d := &tester{t, again, c.token}
	require.Equal(t, "kept", d.list().values()["KEPT"], "the old token is good too")
	require.True(t, again.HasFolder("demo", "dev", "/made"))
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file is left")

	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	_, err = New(Config{DataFile: file})
	require.ErrorContains(t, err, "is not a data file")
}

func TestWriteFailsWhenItCannotBeKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	require.NoError(t, os.Mkdir(dir, 0o700))
	c := newTester(t, Config{DataFile: filepath.Join(dir, "state.json")}, "admin")
	require.NoError(t, os.RemoveAll(dir))
	c.do("POST", "/api/v4/secrets/X", c.write("secretValue", "x")).is(500, "InternalServerError")
}

func TestRequests(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	c.s.ResetRequests()
	c.get("GREETING")
	c.do("GET", "/nothing?x=y", nil)
	c.login("viewer")
	c.as("user").list()
	log := c.s.Requests()
	require.Len(t, log, 4)
	require.Equal(t, "/api/v4/secrets/:secretName", log[0].Route)
	require.Equal(t, "admin", log[0].IdentityName)
	require.Equal(t, 200, log[0].Status)
	require.Equal(t, "dev", log[0].Query.Get("environment"))
	require.Equal(t, Request{Method: "GET", Path: "/nothing", Query: log[1].Query, Status: 404}, log[1])
	require.Equal(t, "viewer", log[2].IdentityName)
	require.Equal(t, "user", log[3].IdentityName)
}

func TestEditor(t *testing.T) {
	c := newTester(t, Config{}, "admin")
	c.s.ResetRequests()
	c.edit(func(e *Editor) error {
		for _, err := range []error{
			e.Set("demo", "dev", "/", "GREETING", " untrimmed "),
			e.SetPersonal("demo", "dev", "/", "GREETING", "mine"),
			e.Comment("demo", "dev", "/", "GREETING", "a comment"),
			e.Tag("demo", "dev", "/", "GREETING", "one", "two"),
			e.Rename("demo", "dev", "/", "DB_USER", "USER"),
			e.Delete("demo", "dev", "/", "EMPTY"),
			e.Mkdir("demo", "dev", "/odd name/below"),
			e.RenameFolder("demo", "dev", "/payments", "money"),
			e.Import("demo", "prod", "/", "dev", "/money"),
			e.AddEnvironment("demo", "qa", "QA"),
			e.AddProject("other", "", "dev"),
			e.Duplicate("demo", "dev", "/", "GREETING", "twin"),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	require.Empty(t, c.s.Requests())
	stored, ok := c.s.Lookup("demo", "dev", "/", "GREETING")
	require.True(t, ok)
	require.Equal(t, Stored{stored.ID, " untrimmed ", "a comment", 4}, stored)
	require.Equal(t, "mine", c.as("user").list("includePersonalOverrides", "true").values()["GREETING"])
	require.Len(t, c.list().objects("secrets"), 8, "one gone, one twice")
	require.Contains(t, c.list("secretPath", "/money").values(), "STRIPE_KEY")
	require.True(t, c.s.HasFolder("demo", "dev", "/odd name/below"))
	require.Len(t, c.list("environment", "prod").objects("imports"), 1)

	c.edit(func(e *Editor) error { return e.Unimport("demo", "prod", "/", "dev", "/money") })
	c.edit(func(e *Editor) error { return e.Rmdir("demo", "dev", "/odd name") })
	c.edit(func(e *Editor) error { return e.RemoveEnvironment("demo", "qa") })
	c.edit(func(e *Editor) error { return e.RemoveProject("other") })
	require.Empty(t, c.list("environment", "prod").objects("imports"))
	require.False(t, c.s.HasFolder("demo", "dev", "/odd name"))
	for _, err := range []error{
		c.s.Edit(func(e *Editor) error { return e.Set("demo", "dev", "/nope", "X", "") }),
		c.s.Edit(func(e *Editor) error { return e.Delete("demo", "dev", "/", "NOPE") }),
		c.s.Edit(func(e *Editor) error { return e.Revoke("nobody") }),
		c.s.Edit(func(e *Editor) error { return e.Rmdir("demo", "dev", "/") }),
	} {
		require.Error(t, err)
	}
}

func TestConcurrentUse(t *testing.T) {
	c := newTester(t, Config{DataFile: filepath.Join(t.TempDir(), "state.json")}, "admin")
	body := c.write("secretValue", "x")
	target := "/api/v4/secrets" + c.query()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 5 {
				c.do("PATCH", "/api/v4/secrets/GREETING", body)
				c.do("GET", target, nil)
				if i == 0 {
					c.s.Edit(func(e *Editor) error { return e.Set("demo", "dev", "/", "GREETING", "y") })
					c.s.Requests()
				}
			}
		})
	}
	wg.Wait()
	stored, _ := c.s.Lookup("demo", "dev", "/", "GREETING")
	require.Equal(t, 1+8*5+5, stored.Version)
}

func TestStoredValue(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "x": "x", "  x  ": "x", "x\n": "x\n", "x\n\n\n": "x\n", "\n": "\n", "   ": "", "a\r\nb\r\n": "a\r\nb\n",
		"\ufeffx\u00a0": "x", "\u0085x": "\u0085x", "x \n \n": "x\n", "\tx\t": "x",
	} {
		require.Equal(t, want, store.StoredValue(in), "%q", in)
	}
}
