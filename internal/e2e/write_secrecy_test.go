package e2e

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver"
)

// A value that was written shows up nowhere but on the server, in the mount and
// in rejected/, whatever goes wrong.
func TestNothingWrittenIsSpilled(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.have(t, "desk", map[string]string{"KEY": old, "URL": "${KEY}"})
		var printed bytes.Buffer
		write := func() {
			for _, command := range []string{
				`echo ` + canary + ` > KEY`, `echo ` + canary + ` > URL`, `echo ` + canary + ` > NEW`, `rm NEW`, `mv KEY B`, `mv B KEY`,
				`echo ` + canary + ` > .t; mv .t KEY`, `echo ` + canary + `x | tee KEY > /dev/null`,
				`exec 3>KEY; /bin/echo ` + canary + ` >&3; kill -KILL $$`,
			} {
				cmd := shell(d.at("desk"), command)
				cmd.Stderr = &printed
				cmd.Run()
			}
			text, err := os.ReadFile(d.path(".infisicalfs/status"))
			require.NoError(t, err)
			printed.Write(text)
		}
		write()
		for _, fault := range []devserver.Fault{
			{Status: 400, Body: `{"message":"` + canary + `","error":"` + canary + `"}`},
			{Status: 422, Body: `{"error":"ValidationFailure","message":[{"message":"` + canary + `"}]}`},
			{Status: 200, Body: `{"secret":{"secretValue":"` + canary + `","version":"x"}}`},
			{Truncate: 100},
			{Reset: true, After: true},
		} {
			fault.Match = func(r *http.Request) bool {
				return r.Method != http.MethodGet && notLogin(r) && (fault.Body == "" || carriesCanary(r))
			}
			remove := d.Inject(fault)
			write()
			remove()
		}
		d.settled(t)
		for line := range strings.Lines(printed.String() + readFile(t, d.log)) {
			require.NotContains(t, line, canary[:10])
		}
	}, append([]string{"--debug"}, impatient...)...)
}

// carriesCanary reports whether a request sends the value: what it did not send,
// no server repeats.
func carriesCanary(r *http.Request) bool {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return bytes.Contains(body, []byte(canary))
}
