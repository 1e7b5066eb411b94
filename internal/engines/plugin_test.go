package engines

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pluginNames is how many plugins the tests may have: Podman is told of them by name
// before it is used.
const pluginNames = 40

func pluginName(i int) string { return fmt.Sprintf("infisicalfs%d", i) }

func pluginSocket(name string) string { return "/run/docker/plugins/" + name + ".sock" }

var pluginsMade atomic.Int32

// plugin is a daemon that serves volumes to both engines, under a name of its own.
type plugin struct {
	w    *world
	name string
	args []string
	*process
}

// plugin starts one, as the identity "admin" for volumes that name none. It goes on when
// the test ends: dockerd asks all plugins that it has met about each new name, and waits 15
// seconds for one that has gone. Its configuration has that, too, and "no-access", which may see nothing.
func (w *world) plugin(flags ...string) *plugin {
	w.t.Helper()
	p := w.nextPlugin()
	p.args = append([]string{"docker-plugin", "--socket=" + pluginSocket(p.name)}, append(w.pluginFlags(), flags...)...)
	p.begin()
	w.t.Cleanup(func() {
		select {
		case <-p.ended:
			w.t.Error("the plugin has ended: ", p.said())
		default:
		}
	})
	return p
}

// nextPlugin returns one with a name that no other has, which is not started yet.
func (w *world) nextPlugin() *plugin {
	w.t.Helper()
	n := int(pluginsMade.Add(1)) - 1
	require.Less(w.t, n, pluginNames)
	return &plugin{w: w, name: pluginName(n)}
}

// pluginFlags writes the configuration of a plugin, and returns what it is to be told.
func (w *world) pluginFlags() []string {
	w.t.Helper()
	config := filepath.Join(w.dir, "config.yaml")
	text := "identities:\n"
	for _, name := range []string{"admin", "no-access"} {
		who := w.Credentials(name)
		require.NoError(w.t, os.WriteFile(filepath.Join(w.dir, name+".secret"), []byte(who.ClientSecret), 0o600))
		text += fmt.Sprintf("  %s: {url: %q, client-id: %q, client-secret-file: %s.secret, organization: %q}\n", name, w.url, who.ClientID, name, who.OrganizationID)
	}
	require.NoError(w.t, os.WriteFile(config, []byte(text), 0o600))
	return []string{"--base=" + filepath.Join(w.dir, "v"), "--state-dir=" + filepath.Join(w.dir, "state"), "--config=" + config, "--watch-interval=1s"}
}

// begin starts the process and waits until it answers.
func (p *plugin) begin() {
	p.w.t.Helper()
	p.process = p.w.begin(filepath.Join(p.w.dir, "plugin.log"), p.args...)
	p.until(p.w.t, func() bool { _, err := p.ask("Plugin.Activate", nil); return err == nil })
}

// restart ends the process with a signal, which could be at any time, and starts another.
func (p *plugin) restart(signal unix.Signal) {
	p.w.t.Helper()
	p.end(signal)
	p.begin()
}

// ask makes a call as an engine does. The error is what the engine would show.
func (p *plugin) ask(call string, request map[string]any) (answer map[string]any, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", pluginSocket(p.name))
	}}
	defer transport.CloseIdleConnections()
	r, err := (&http.Client{Transport: transport}).Post("http://plugin/"+call, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if r.StatusCode != http.StatusOK {
		return nil, errors.New(answer["Err"].(string))
	}
	return answer, nil
}

// must is ask where no failure is expected.
func (p *plugin) must(call string, request map[string]any) map[string]any {
	p.w.t.Helper()
	answer, err := p.ask(call, request)
	require.NoError(p.w.t, err, "%s %v: %s", call, request, p.said())
	return answer
}

// create creates a volume of demo/dev with an engine, and removes it when the test ends.
func (e *engine) create(t *testing.T, p *plugin, name string, options ...string) {
	t.Helper()
	e.run(t, createArgs(p, name, options)...)
	t.Cleanup(func() { e.try("volume", "rm", "-f", name) })
}

func createArgs(p *plugin, name string, options []string) []string {
	args := []string{"volume", "create", "--driver=" + p.name}
	for _, option := range append([]string{"project=demo", "env=dev"}, options...) {
		args = append(args, "--opt="+option)
	}
	return append(args, name)
}
