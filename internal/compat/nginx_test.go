package compat

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// nginx is one that runs until the test ends.
type nginx struct {
	t                  *testing.T
	dir, conf, address string
}

// startNginx starts one with a section "server", in which ADDRESS stands for
// where it listens. The pairs say what else is replaced there.
func startNginx(t *testing.T, section string, pairs ...string) *nginx {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	dir := t.TempDir()
	n := &nginx{t, dir, filepath.Join(dir, "nginx.conf"), listener.Addr().String()}
	listener.Close()
	section = strings.NewReplacer(append(pairs, "ADDRESS", n.address)...).Replace(section)
	require.NoError(t, os.WriteFile(n.conf, []byte(strings.NewReplacer("DIR", dir, "SECTION", section).Replace(`
daemon off; pid DIR/pid; error_log DIR/error.log; worker_processes 1;
events {}
http {
  access_log off;
  client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi; uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
  SECTION
}
`)), 0o600))
	start(t, "", "nginx", "-p", dir, "-c", n.conf)
	return n
}

// reload tells it to read its files again.
func (n *nginx) reload() {
	out, err := exec.Command("nginx", "-p", n.dir, "-c", n.conf, "-s", "reload").CombinedOutput()
	require.NoError(n.t, err, "%s", out)
}
