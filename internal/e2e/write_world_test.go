package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// desk is a place to write at: a server, a mount of it by somebody who may do
// everything, and a record of what the server was asked.
type desk struct {
	*world
	*mounted
	profile devserver.Profile
	record  *record
}

// keepsRenames reports whether the server can rename a secret; else a rename here
// makes another secret there.
func (d *desk) keepsRenames() bool { return d.profile != devserver.July2024 }

// newDesk makes a desk with empty folders below demo/dev.
func newDesk(t *testing.T, profile devserver.Profile, folders []string, flags ...string) *desk {
	t.Helper()
	d := &desk{world: newWorld(t, devserver.Config{Profile: profile}), profile: profile}
	d.edit(t, func(e *devserver.Editor) error {
		for _, folder := range folders {
			if err := e.Mkdir("demo", "dev", "/"+folder); err != nil {
				return err
			}
		}
		return nil
	})
	d.record = newRecord(d.Server)
	d.mounted = d.mount(t, "admin", flags...)
	return d
}

// eachDesk runs test at a desk with one folder, for every kind of server.
func eachDesk(t *testing.T, test func(t *testing.T, d *desk), flags ...string) {
	t.Parallel()
	each(t, func(t *testing.T, profile devserver.Profile) {
		t.Parallel()
		test(t, newDesk(t, profile, []string{"desk"}, flags...))
	})
}

// at is the path of a file or folder of demo/dev; the default folder is "desk".
func (d *desk) at(elements ...string) string {
	return d.path(append([]string{"demo", "dev"}, elements...)...)
}

// have puts secrets on the server, behind the mount's back.
func (d *desk) have(t *testing.T, folder string, secrets map[string]string) {
	t.Helper()
	d.edit(t, func(e *devserver.Editor) error {
		var errs []error
		for name, value := range secrets {
			errs = append(errs, e.Set("demo", "dev", "/"+folder, name, value))
		}
		return errors.Join(errs...)
	})
	d.refresh(t)
}

// stored is what the server has of a secret of demo/dev.
func (d *desk) stored(t *testing.T, file string) devserver.Stored {
	t.Helper()
	s, ok := d.lookup(file)
	require.True(t, ok, "%s is not on the server", file)
	return s
}

func (d *desk) lookup(file string) (devserver.Stored, bool) {
	return d.Lookup("demo", "dev", path.Join("/", path.Dir(file)), path.Base(file))
}

// holds fails the test unless the server has this value, and the mount shows it.
func (d *desk) holds(t *testing.T, file, want string) {
	t.Helper()
	require.Equal(t, want, d.stored(t, file).Value, "%s on the server", file)
	text, err := os.ReadFile(d.at(file))
	require.NoError(t, err)
	require.Equal(t, want, string(text), "%s in the mount", file)
	info, err := os.Stat(d.at(file))
	require.NoError(t, err)
	require.Equal(t, int64(len(want)), info.Size(), "size of %s", file)
}

// lacks fails the test if the server or the mount has a secret.
func (d *desk) lacks(t *testing.T, file string) {
	t.Helper()
	_, ok := d.lookup(file)
	require.False(t, ok, "%s is on the server", file)
	_, err := os.Lstat(d.at(file))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// soon waits for what happens after a close, such as the kernel's last word
// about a file.
func soon(t *testing.T, what string, happens func() bool) {
	t.Helper()
	require.Eventually(t, happens, 10*time.Second, 5*time.Millisecond, what)
}

// settled waits until no file is open in the mount, so that all has been said
// about those that were closed.
func (d *desk) settled(t *testing.T) {
	t.Helper()
	soon(t, "all files are closed", func() bool { return d.status(t).FS.Open == 0 })
}

// rejected lists the texts that the mount keeps because they could not be, or
// are no longer, on the server.
func (m *mounted) rejected(t *testing.T) map[string]string {
	t.Helper()
	dir := m.path(".infisicalfs", "rejected")
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	texts := map[string]string{}
	for _, entry := range list {
		text, err := os.ReadFile(path.Join(dir, entry.Name()))
		require.NoError(t, err)
		texts[entry.Name()] = string(text)
	}
	return texts
}

// keeps fails the test unless a file in rejected/ has this text.
func (m *mounted) keeps(t *testing.T, want string) {
	t.Helper()
	soon(t, "rejected/ has the text", func() bool {
		for _, text := range m.rejected(t) {
			if text == want {
				return true
			}
		}
		return false
	})
}

// record remembers the requests that a server gets, with the names in them.
type record struct {
	mu   sync.Mutex // guards list
	list []asked
}

// asked is one request about a folder.
type asked struct {
	method string
	folder string   // without the leading slash
	names  []string // of secrets
}

func newRecord(s *devserver.Server) *record {
	r := &record{}
	s.Inject(devserver.Fault{Match: func(req *http.Request) bool {
		if notLogin(req) {
			r.add(req)
		}
		return false
	}})
	return r
}

func (r *record) add(req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	var fields struct {
		SecretPath, SourceSecretPath, Path, SecretName, NewSecretName string
		Secrets                                                       []struct{ SecretName, SecretKey, NewSecretName string }
	}
	json.Unmarshal(body, &fields) // what is no JSON has no fields
	query := req.URL.Query()
	a := asked{method: req.Method}
	for _, folder := range []string{query.Get("secretPath"), query.Get("path"), fields.SecretPath, fields.SourceSecretPath, fields.Path} {
		if a.folder == "" {
			a.folder = strings.Trim(folder, "/")
		}
	}
	for _, prefix := range []string{"/api/v4/secrets/", "/api/v3/secrets/raw/"} {
		rest, ok := strings.CutPrefix(req.URL.Path, prefix)
		if ok && rest != "batch" && rest != "move" && !strings.HasPrefix(rest, "id/") {
			a.names = append(a.names, rest)
		}
	}
	a.names = append(a.names, fields.SecretName, fields.NewSecretName)
	for _, s := range fields.Secrets {
		a.names = append(a.names, s.SecretName, s.SecretKey, s.NewSecretName)
	}
	a.names = slices.DeleteFunc(a.names, func(name string) bool { return name == "" })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, a)
}

func (r *record) of(folder string) []asked {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []asked
	for _, a := range r.list {
		if a.folder == folder {
			list = append(list, a)
		}
	}
	return list
}

// writes lists the requests about a folder that change something.
func (r *record) writes(folder string) []string {
	list := []string{}
	for _, a := range r.of(folder) {
		if a.method != http.MethodGet {
			list = append(list, strings.TrimSpace(a.method+" "+strings.Join(a.names, " ")))
		}
	}
	return list
}

// withheldName is what is asked for in a folder that looks empty, as it may be one that may
// not be seen: no program has thought of it.
const withheldName = "INFISICALFS"

// names lists the secrets that were named in any request about a folder, but for that question.
func (r *record) names(folder string) []string {
	list := []string{}
	for _, a := range r.of(folder) {
		if a.method == http.MethodGet && slices.Equal(a.names, []string{withheldName}) {
			continue
		}
		list = append(list, a.names...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}
