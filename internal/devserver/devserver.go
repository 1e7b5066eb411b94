// Package devserver is an embedded Infisical: an [http.Handler] that keeps
// projects, environments, folders and secrets in memory (or in one file) and
// answers as a real server does, its oddities included.
//
// It has four profiles. [Current] speaks the v4/v2/v1 routes of today's servers
// and the older routes that those still serve; what it does was read in
// Infisical's sources and documentation. [CurrentGo] is the same with the reads
// of the backend in Go. [Y2024] and [July2024] speak the routes
// of servers of October and of July 2024, and were held against the answers of
// real ones: the files in testdata/contract and testdata/contract-2024-07 are
// those answers.
//
// This package has the server, the routes (routes.go) and what answers
// about projects; front.go lends the names of the packages below to the outside.
// These are, in internal: login, how one gets in; folders, secretread and secretwrite, the other handlers;
// shape, what several of them show; call, one request on its way and what its
// caller may do; store, what a server knows, without HTTP; web, how answers,
// refusals and limits look; fault, what goes wrong on request.
//
// It is the fixture of the tests, the server behind "infisicalfs dev", and the
// place where faults are injected ([Server.Inject]). It is no place for real
// secrets: nothing is encrypted.
package devserver

import (
	"net/http"
	"sync"
	"time"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/fault"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// Config says what [New] builds. The zero Config is a current server with the
// sample data, in memory, without rate limits.
type Config struct {
	Profile   web.Profile       // empty: Current
	Seed      *store.Seed       // what a new server contains; nil: Sample()
	DataFile  string            // where the state is kept (mode 0600); empty: memory only. An existing file wins over Seed.
	RateLimit web.RateLimit     // zero: no limits
	Token     store.TokenConfig // for identities that have no setting of their own
	Approvals bool              // users' changes of shared secrets wait for an approval that never comes
}

// Credentials are what an identity logs in with.
type Credentials struct{ ClientID, ClientSecret, IdentityID, OrganizationID string }

// String hides the client secret, so that credentials can be printed by accident.
func (c Credentials) String() string { return "credentials of client " + c.ClientID }

// GoString hides the client secret from %#v.
func (c Credentials) GoString() string { return c.String() }

// Server imitates one Infisical server. It is an [http.Handler] and safe for
// concurrent use. [Server.Close] ends it.
type Server struct {
	profile  web.Profile
	routes   []call.Route
	tokens   store.TokenConfig
	dataFile string

	closeOnce sync.Once
	closed    chan struct{} // closed by Close

	// mu guards the state and everything that the handlers of routes touch.
	mu        sync.Mutex
	state     *store.State
	approvals store.Policies
	requested []store.Approval // requests for approvals, the oldest first; in memory only
	revision  int              // counts the changes of state, for the data file

	saver   saver
	limiter *web.Limiter
	faults  fault.List
	log     web.RequestLog
}

// New returns a server as cfg wants it. It fails when the profile is unknown,
// the seed contradicts itself or the data file cannot be read or written.
func New(cfg Config) (*Server, error) {
	if cfg.Profile == "" {
		cfg.Profile = web.Current
	}
	if err := cfg.Profile.Check(); err != nil {
		return nil, err
	}
	if cfg.Seed == nil {
		cfg.Seed = store.Sample()
	}
	s := &Server{
		profile:   cfg.Profile,
		tokens:    cfg.Token.WithDefaults(),
		dataFile:  cfg.DataFile,
		closed:    make(chan struct{}),
		approvals: store.Policies{All: cfg.Approvals},
		limiter:   web.NewLimiter(cfg.RateLimit, cfg.Profile),
	}
	s.routes = routesOf(cfg.Profile)

	st, err := store.Load(cfg.DataFile)
	if err != nil {
		return nil, err
	}
	if st == nil {
		if st, err = store.New(cfg.Seed, time.Now()); err != nil {
			return nil, err
		}
	}
	s.state = st
	if err := s.save(); err != nil {
		return nil, err
	}
	return s, nil
}

// Close ends the requests that a fault keeps hanging. It may be called more
// than once.
func (s *Server) Close() { s.closeOnce.Do(func() { close(s.closed) }) }

var _ http.Handler = (*Server)(nil)
