package arch

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// notLinked says what must not be in the program, and why. A name that ends in
// a slash stands for all below it.
var notLinked = []struct{ prefix, why string }{
	{"testing", "tests are not a part of the program"},
	{"testing/", "tests are not a part of the program"},
	{"github.com/stretchr/", "tests are not a part of the program"},
	{"github.com/rogpeppe/", "tests are not a part of the program"},
	{"go.uber.org/goleak", "tests are not a part of the program"},
	{module + "secret/secrettest", "it is for tests"},
	{module + "internal/fusetest", "it is for tests"},
	{module + "internal/dbustest", "it is for tests"},
	{module + "internal/systemd/systemdtest", "it is for tests"},
	{module + "internal/bench", "it is a program of its own"},
	{module + "internal/credential/cloudtest", "it is for tests"},
	{module + "internal/credential/clitest", "it is for tests"},
	{module + "internal/integration", "it has tests only"},
	{module + "internal/e2e", "it has tests only"},
	{"net/http/httptest", "it brings the flags of tests with it"},
	{"net/http/pprof", "it shows memory, which has secrets in it"},
	{"expvar", "it answers whoever asks"},
	{"plugin", "nobody else's code is loaded"},
}

// What only tests need is not linked into the program, by whatever way, on any
// system that it is built for.
func TestTheProgramHasNoTestsInIt(t *testing.T) {
	for _, target := range []string{"linux/amd64", "linux/arm64", "darwin/arm64", "freebsd/amd64"} {
		system, machine, _ := strings.Cut(target, "/")
		cmd := exec.Command("go", "list", "-deps", module+"cmd/infisicalfs")
		cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+machine, "CGO_ENABLED=0")
		out, err := cmd.Output()
		require.NoError(t, err)
		linked := strings.Fields(string(out))
		require.Contains(t, linked, module+"fs", "it looked at the program")
		for _, name := range linked {
			for _, rule := range notLinked {
				if name == rule.prefix || strings.HasSuffix(rule.prefix, "/") && strings.HasPrefix(name, rule.prefix) {
					t.Errorf("%s: the program has %s in it: %s", target, name, rule.why)
				}
			}
		}
	}
}

// The Infisical that is built in is reached by one command, and nothing that
// serves a real mount knows it.
func TestTheDevServerIsForOneCommand(t *testing.T) {
	const devserver = module + "internal/devserver"
	users := map[string][]string{}
	for _, r := range rooms(t) {
		for i, file := range r.files {
			for _, imported := range file.Imports {
				if strings.Trim(imported.Path.Value, `"`) == devserver {
					users[r.path] = append(users[r.path], r.names[i])
				}
			}
		}
	}
	require.Equal(t, []string{"dev.go", "envfile.go"}, users["cmd/infisicalfs"])
	delete(users, "cmd/infisicalfs")
	delete(users, "internal/bench") // a program of its own
	require.Empty(t, users)
}
