package options

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/config"
	"infisicalfs/internal/exitcode"
)

// names are those of the headers of a configuration, in order.
func headerNamesOf(t *testing.T, o *Server, env variables) (names []string) {
	t.Helper()
	cfg, err := o.ClientConfig(env.lookup, nil)
	require.NoError(t, err)
	for _, h := range cfg.Headers {
		names = append(names, h.Name())
	}
	return names
}

func TestHeadersOfTheToolsVariable(t *testing.T) {
	for text, want := range map[string][][2]string{
		"":                             nil,
		" \n":                          nil,
		`X-A=1 X-B="two words"`:        {{"X-A", "1"}, {"X-B", "two words"}},
		"X-A=1\n\tX-B='it is \"so\"'":  {{"X-A", "1"}, {"X-B", `it is "so"`}},
		`X-A= 1`:                       {{"X-A", "1"}},
		`X-A=a=b==`:                    {{"X-A", "a=b=="}},
		`X-A="a \" b"X-B=2`:            {{"X-A", `a \" b`}, {"X-B", "2"}},
		`User-Agent=me X-A=1 accept=x`: {{"X-A", "1"}},
	} {
		var got [][2]string
		for count, rest := 1, text; rest != ""; count++ {
			var p piece
			p, rest = nextWord(rest, count)
			require.Empty(t, p.trouble, text)
			if p.name != "" {
				got = append(got, [2]string{p.name, p.value})
			}
		}
		require.Equal(t, want, got, text)
	}
	require.Equal(t, []string{"X-A", "X-B"}, headerNamesOf(t, serverFlags(t), variables{HeadersVariable: `x-a=1 X-B="two words"`}))
}

func TestHeadersOfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "headers")
	require.NoError(t, os.WriteFile(file, []byte("# of the gateway\r\n\r\nCF-Access-Client-Id: id\r\nX-B :  two words: and more  \n#X-Old: y\n  #x: y\n#"), 0o600))
	o := serverFlags(t, "--headers-file", file)
	env := variables{HeadersVariable: "X-Other=1"}
	require.Equal(t, []string{"Cf-Access-Client-Id", "X-B"}, headerNamesOf(t, o, env), "the file wins over the variable")
	require.Equal(t, []string{file}, o.Paths())

	// It is read again each time.
	require.NoError(t, os.WriteFile(file, []byte("X-New: 1"), 0o600))
	require.Equal(t, []string{"X-New"}, headerNamesOf(t, o, env))

	p, _ := nextLine("X-B :  two words: and more  \n", 1)
	require.Equal(t, piece{name: "X-B", value: "two words: and more", at: "line 1"}, p)
}

// No error has a value in it, or what may be one.
func TestHeadersThatCannotBe(t *testing.T) {
	const canary = "canary-value"
	for _, text := range []string{
		canary, "X-A " + canary, "X-A=1 " + canary, "=" + canary, `X-A="` + canary, "Authorization=" + canary, "host=" + canary,
		"X-A=" + canary + " x-a=" + canary, "X-A=" + canary + "\x01", "X(" + canary + ")=1", "X-A=",
	} {
		_, err := serverFlags(t).ClientConfig(variables{HeadersVariable: text}.lookup, nil)
		require.Equal(t, exitcode.Config, exitcode.Of(err), text)
		require.NotContains(t, err.Error()+hintOf(err), canary)
		require.Contains(t, err.Error(), HeadersVariable)
	}
	dir := t.TempDir()
	for i, text := range []string{
		"", "\n \n", "# nothing", "#X-A: 1", canary, "X-A: 1\n" + canary, ": " + canary, "Content-Type: " + canary, "Authorization: " + canary,
		"X-A: " + canary + "\nx-a: " + canary, "X A: " + canary, "X-A:", "X-A: " + strings.Repeat("x", maxHeaders),
	} {
		file := filepath.Join(dir, "headers")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, err := serverFlags(t, "--headers-file", file).ClientConfig(variables{}.lookup, nil)
		require.Equal(t, exitcode.Config, exitcode.Of(err), i)
		require.NotContains(t, err.Error()+hintOf(err), canary)
		require.Contains(t, err.Error(), "--headers-file")
	}
	for _, path := range []string{dir, filepath.Join(dir, "missing"), "eyJ" + canary} {
		_, err := serverFlags(t, "--headers-file", path).ClientConfig(variables{}.lookup, nil)
		require.Equal(t, exitcode.Config, exitcode.Of(err), path)
		require.NotContains(t, err.Error(), canary)
	}
}

// The file is guarded as a credential's is.
func TestAFileOfHeadersThatOthersCanRead(t *testing.T) {
	dir := t.TempDir()
	headers, token := filepath.Join(dir, "headers"), filepath.Join(dir, "token")
	require.NoError(t, os.WriteFile(headers, []byte("X-A: 1"), 0o600))
	require.NoError(t, os.WriteFile(token, []byte("fake"), 0o600))
	args := []string{"--headers-file", headers, "--token-file", token}
	found, err := serverFlags(t, args...).Credentials(variables{}.lookup)
	require.NoError(t, err)
	require.Empty(t, found.Warnings)

	require.NoError(t, os.Chmod(headers, 0o644))
	found, err = serverFlags(t, args...).Credentials(variables{}.lookup)
	require.NoError(t, err)
	require.Equal(t, []string{"--headers-file: " + headers + " can be read by others; chmod go= " + headers}, found.Warnings)
	_, err = serverFlags(t, append(args, "--strict")...).Credentials(variables{}.lookup)
	require.ErrorContains(t, err, "--headers-file")
	require.Equal(t, exitcode.Login, exitcode.Of(err))
}

// A named identity has headers of its own, and those of no variable.
func TestAnIdentitysHeaders(t *testing.T) {
	file := filepath.Join(t.TempDir(), "headers")
	require.NoError(t, os.WriteFile(file, []byte("X-Own: 1"), 0o600))
	server := serverFlags(t)
	as, err := server.As(config.Section{Name: "ci", Settings: []config.Setting{{Key: "headers-file", Values: []string{file}}}})
	require.NoError(t, err)
	cfg, err := as.ClientConfig(Unset, nil)
	require.NoError(t, err)
	require.Len(t, cfg.Headers, 1)
	as, err = server.As(config.Section{Name: "ci"})
	require.NoError(t, err)
	cfg, err = as.ClientConfig(Unset, nil)
	require.NoError(t, err)
	require.Empty(t, cfg.Headers)
}

// A cloud's metadata service hears nothing of what is for the gateway.
func TestHeadersAreNotForMetadataServices(t *testing.T) {
	var mu sync.Mutex // guards heard
	heard := map[string]http.Header{}
	serve := func(name, contentType, body string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			heard[name] = r.Header.Clone()
			w.Header().Set("Metadata-Flavor", "Google")
			w.Header().Set("Content-Type", contentType)
			io.WriteString(w, body)
		}))
		t.Cleanup(s.Close)
		return s
	}
	metadata := serve("metadata", "text/plain", "e30.e30.c2ln")
	api := serve("server", "application/json", `{"accessToken":"fake-token"}`)
	cfg, err := serverFlags(t, "--url", api.URL, "--auth", "gcp-id-token").Login(variables{
		"GCE_METADATA_HOST": strings.TrimPrefix(metadata.URL, "http://"), "INFISICAL_GCP_AUTH_IDENTITY_ID": "id", HeadersVariable: "X-Gateway=canary",
	}.lookup, nil)
	require.NoError(t, err)
	c, err := NewClient(cfg)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Login(t.Context()))
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, "canary", heard["server"].Get("X-Gateway"))
	require.NotNil(t, heard["metadata"])
	require.Empty(t, heard["metadata"].Get("X-Gateway"))
}
