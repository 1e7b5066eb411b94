package devserver

import (
	"io"
	"net/http"

	"infisicalfs/internal/devserver/internal/fault"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// What a new server contains; the package below says more of each.
type (
	Seed            = store.Seed
	SeedProject     = store.SeedProject
	SeedEnvironment = store.SeedEnvironment
	SeedFolder      = store.SeedFolder
	SeedContent     = store.SeedContent
	SeedSecret      = store.SeedSecret
	SeedImport      = store.SeedImport
	SeedIdentity    = store.SeedIdentity
	Approval        = store.Approval
	Login           = store.Login // how an identity may log in besides universal auth
	ServiceScope    = store.ServiceScope
	TokenConfig     = store.TokenConfig // the life of an identity's access tokens
)

// Sample returns the data that a server has when nobody says otherwise: one
// project, demo, with environments dev, staging and prod.
func Sample() *Seed { return store.Sample() }

// ReadSeed reads a Seed written as JSON. A field that no seed has is an error.
func ReadSeed(r io.Reader) (*Seed, error) { return store.ReadSeed(r) }

// Editor changes a server behind its clients' backs, see [Server.Edit].
type Editor = store.Editor

// FolderRole is what an identity may do in one folder, see [Editor.GrantFolder].
type FolderRole = store.FolderRole

// The roles in a folder; each may what those before it may.
const (
	FolderList   = store.FolderList
	FolderRead   = store.FolderRead
	FolderEdit   = store.FolderEdit
	FolderManage = store.FolderManage
	FolderFull   = store.FolderFull
)

// What goes wrong on request.
type (
	Fault   = fault.Fault
	Lie     = fault.Lie
	Subject = fault.Subject
)

// What a [Lie] is about, and the secret that some lies need.
const (
	AboutNothing = fault.AboutNothing
	AboutVictim  = fault.AboutVictim
	AboutList    = fault.AboutList
	AboutAll     = fault.AboutAll
	LieVictim    = fault.LieVictim
	LieMarker    = fault.LieMarker
)

// Inject puts a fault in force until remove is called, which may be done more
// than once. Where several match a request, the oldest hits.
func (s *Server) Inject(f Fault) (remove func()) { return s.faults.Inject(f) }

// Lies returns the answers of a broken, hostile or misled server that fit into
// memory; for the others see [Floods].
func Lies() []Lie { return fault.Lies() }

// Floods returns the answers that are more than anybody could use, or arrive in a
// way that needs a socket. None is held in memory.
func Floods() []Lie { return fault.Floods() }

// ManySecrets writes the list of a folder with n secrets, as current servers would.
func ManySecrets(w io.Writer, n int) { fault.ManySecrets(w, n) }

// Which generation of Infisical is imitated, and how much may be asked of it.
type (
	Profile   = web.Profile
	RateLimit = web.RateLimit
	Request   = web.Request // what a server remembers of a request
)

// The profiles. The two newest have the same routes and state; CurrentGo answers
// lists and single reads of secrets by the rules of the second backend, written
// in Go, that newest servers have. The two oldest have the routes of 2024.
const (
	Current   = web.Current
	CurrentGo = web.CurrentGo
	Y2024     = web.Y2024
	July2024  = web.July2024
)

// Profiles returns all profiles, the newest first.
func Profiles() []Profile { return web.Profiles() }

// DefaultRateLimit is what a self-hosted server of that profile has; current ones
// have none until somebody sets one, and this is what the oldest of them had.
func DefaultRateLimit(p Profile) RateLimit { return web.DefaultRateLimit(p) }

// Transport returns a RoundTripper that calls h in memory, without sockets. It
// is for tests in bubbles of testing/synctest, which cannot wait for sockets. It
// honours the contexts of requests. A handler that panics with
// http.ErrAbortHandler has cut the connection: before the header, the request
// fails with ECONNRESET; after it, reading the body ends in io.ErrUnexpectedEOF.
func Transport(h http.Handler) http.RoundTripper { return web.Transport(h) }
