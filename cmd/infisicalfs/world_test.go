package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"infisicalfs/internal/devserver"
	"infisicalfs/internal/mount"
)

// world is what a script has around it: a directory, servers, and the secrets
// that nobody may print.
type world struct {
	t       testscript.T
	dir     string
	servers []*server
	secrets []string
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

// server is an Infisical that listens in this process.
type server struct {
	*devserver.Server
	http        *httptest.Server
	openGateway func() // nil: there is none
}

func (s *server) Close() error {
	s.Server.Close()
	s.http.CloseClientConnections()
	s.http.Close()
	return nil
}

// startServer ("server [--profile P] [--seed FILE] [--tls] [--ttl D]") starts a server and
// sets $URL. With --seed it contains what a file says, with --tls the file ca.pem has its
// authority, with --ttl its tokens live that long.
func startServer(ts *testscript.TestScript, _ bool, args []string) {
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	profile := flags.String("profile", string(devserver.Current), "")
	seedFile := flags.String("seed", "", "")
	ttl := flags.Duration("ttl", 0, "")
	withTLS := flags.Bool("tls", false, "")
	ts.Check(flags.Parse(args))

	var seed *devserver.Seed
	if *seedFile != "" {
		var err error
		seed, err = devserver.ReadSeed(strings.NewReader(ts.ReadFile(*seedFile)))
		ts.Check(err)
	}
	handler, err := devserver.New(devserver.Config{Profile: devserver.Profile(*profile), Seed: seed, Token: devserver.TokenConfig{TTL: *ttl}})
	ts.Check(err)
	s := &server{Server: handler, http: httptest.NewUnstartedServer(handler)}
	w := worldOf(ts)
	w.servers = append(w.servers, s)
	if *withTLS {
		s.http.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that a client breaks off
		s.http.StartTLS()
		block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})
		ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), block, 0o600))
	} else {
		s.http.Start()
	}
	ts.Setenv("URL", s.http.URL)
}

// deadServer ("dead") sets $URL to an address where nobody listens, and keeps it
// so: the port is taken.
func deadServer(ts *testscript.TestScript, _ bool, _ []string) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	ts.Check(err)
	ts.Defer(func() { unix.Close(fd) })
	ts.Check(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	address, err := unix.Getsockname(fd)
	ts.Check(err)
	ts.Setenv("URL", fmt.Sprintf("http://127.0.0.1:%d", address.(*unix.SockaddrInet4).Port))
}

// login ("login IDENTITY [--flags]") gives the script an identity of the newest
// server: exported as the CLI's variables, or with --flags only as $CLIENT_ID
// and a file named secret.
func login(ts *testscript.TestScript, _ bool, args []string) {
	w := worldOf(ts)
	who := w.newest(ts).Credentials(args[0])
	w.secrets = append(w.secrets, who.ClientSecret)
	ts.Setenv("INFISICAL_ORGANIZATION_ID", who.OrganizationID)
	if slices.Contains(args, "--flags") {
		ts.Setenv("CLIENT_ID", who.ClientID)
		ts.Check(os.WriteFile(ts.MkAbs("secret"), []byte(who.ClientSecret+"\n"), 0o600))
		return
	}
	ts.Setenv("INFISICAL_API_URL", w.newest(ts).http.URL)
	ts.Setenv("INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", who.ClientID)
	ts.Setenv("INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET", who.ClientSecret)
}

// writeToken ("token IDENTITY FILE") logs an identity in and keeps its token.
func writeToken(ts *testscript.TestScript, _ bool, args []string) {
	w := worldOf(ts)
	who := w.newest(ts).Credentials(args[0])
	var answer struct{ AccessToken string }
	w.post(ts, "/api/v1/auth/universal-auth/login", map[string]string{"clientId": who.ClientID, "clientSecret": who.ClientSecret}, &answer)
	w.secrets = append(w.secrets, who.ClientSecret, answer.AccessToken)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(answer.AccessToken+"\n"), 0o600))
}

// revokeToken ("revoke FILE") makes the token in a file worthless.
func revokeToken(ts *testscript.TestScript, _ bool, args []string) {
	token := strings.TrimSpace(ts.ReadFile(args[0]))
	worldOf(ts).post(ts, "/api/v1/auth/token/revoke", map[string]string{"accessToken": token}, nil)
}

// hang ("hang PATH") keeps requests that have PATH in theirs from being answered.
func hang(ts *testscript.TestScript, _ bool, args []string) {
	worldOf(ts).newest(ts).Inject(devserver.Fault{
		Match: func(r *http.Request) bool { return strings.Contains(r.URL.Path, args[0]) },
		Hang:  true,
	})
}

// logins ("logins N") says how many logins the newest server was asked for since it began
// or was last looked at so.
func logins(ts *testscript.TestScript, _ bool, args []string) {
	s, count := worldOf(ts).newest(ts), 0
	for _, r := range s.Requests() {
		if strings.HasSuffix(r.Path, "/login") {
			count++
		}
	}
	s.ResetRequests()
	if strconv.Itoa(count) != args[0] {
		ts.Fatalf("%d logins instead of %s", count, args[0])
	}
}

// gateway ("gateway HEADER VALUE") puts one in front of the newest server, in the place of
// the one before: it has a page for whoever does not send the header. Nobody may print the value.
func gateway(ts *testscript.TestScript, _ bool, args []string) {
	w := worldOf(ts)
	s := w.newest(ts)
	w.secrets = append(w.secrets, args[1])
	if s.openGateway != nil {
		s.openGateway()
	}
	s.openGateway = s.Inject(devserver.Fault{
		Match:  func(r *http.Request) bool { return r.Header.Get(args[0]) != args[1] },
		Status: http.StatusForbidden,
		Body:   "<html>who are you?</html>",
	})
}

// edit ("edit NAME VALUE") changes a secret of demo/dev on the server.
func edit(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(worldOf(ts).newest(ts).Edit(func(e *devserver.Editor) error {
		return e.Set("demo", "dev", "/", args[0], args[1])
	}))
}

// deny ("deny IDENTITY ENV") forbids an identity to read an environment of demo.
func deny(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(worldOf(ts).newest(ts).Edit(func(e *devserver.Editor) error {
		return e.Deny(args[0], "demo", args[1], "/")
	}))
}

// grant ("grant IDENTITY ENV PATH ROLE") gives an identity of the newest server a role in one
// folder of demo, and nothing in its other folders but what it was granted there.
func grant(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(worldOf(ts).newest(ts).Edit(func(e *devserver.Editor) error {
		return errors.Join(e.Grant(args[0], "demo", "no-access"),
			e.GrantFolder(args[0], "demo", args[1], args[2], devserver.FolderRole(args[3]), time.Time{}))
	}))
}

func (w *world) newest(ts *testscript.TestScript) *server {
	if len(w.servers) == 0 {
		ts.Fatalf("there is no server")
	}
	return w.servers[len(w.servers)-1]
}

func (w *world) post(ts *testscript.TestScript, path string, body, answer any) {
	text, err := json.Marshal(body)
	ts.Check(err)
	s := w.newest(ts)
	r, err := s.http.Client().Post(s.http.URL+path, "application/json", bytes.NewReader(text))
	ts.Check(err)
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		ts.Fatalf("%s: %s", path, r.Status)
	}
	if answer != nil {
		ts.Check(json.NewDecoder(r.Body).Decode(answer))
	}
}

// asked reports whether the newest server was asked for path.
func (s *server) asked(path string) bool {
	return slices.ContainsFunc(s.Requests(), func(r devserver.Request) bool { return strings.Contains(r.Path, path) })
}

// mustNotShow fails if text has a credential or one of the sample's values in it.
func (w *world) mustNotShow(ts *testscript.TestScript, text string) {
	for _, s := range append(w.secrets, "hunter2", "hello, world", "not-a-real-password", "fake-stripe-key-for-demonstration") {
		if s != "" && strings.Contains(text, s) {
			ts.Fatalf("a secret is shown")
		}
	}
}

// endMounts unmounts what the script left mounted, and sees its process end.
func (w *world) endMounts() {
	for _, point := range ourMounts(w.dir + "/") {
		status, unknown := mount.ReadStatus(point)
		if out, err := exec.Command("infisicalfs", "unmount", "--discard", point).CombinedOutput(); err != nil {
			w.t.Log("unmounting: " + string(out))
			unix.Unmount(point, unix.MNT_DETACH) // as root; else the look around afterwards sees it
		}
		if unknown != nil {
			continue // a dead one, or one that this user may not enter
		}
		process := "/proc/" + strconv.Itoa(status.PID)
		if !poll(func() bool { _, err := os.Stat(process); return err != nil }) {
			unix.Kill(status.PID, unix.SIGKILL)
			w.t.Fatal("the process of " + point + " outlived its mount")
		}
	}
}

func (w *world) endServers() {
	for _, s := range w.servers {
		s.Close()
	}
}

// variables are an environment.
type variables map[string]string

func (v variables) lookup(name string) (string, bool) { text, ok := v[name]; return text, ok }
