// Package session holds a mount's FUSE connection apart from the go-fuse server that
// answers on it, so that one server can end and another can go on, in this process or
// in another.
//
//	s, err := session.Begin(device, raw, options) // answers the kernel's INIT
//	left := s.Serve()                             // until the mount ends, or Leave
//	s.Close()
//
// Two things make that possible. The kernel sends INIT once and does not repeat it for
// the next server: so a server never reads INIT from the device. It is read here, and
// given to each server through a pair of sockets, the other end of which is then put
// in the place of the device. And a server closes its descriptor at its end: so one
// more descriptor of the same open file is kept here. It has to be the same open file
// (dup, SCM_RIGHTS) and not a clone of the connection, because a request belongs to
// the open file that it was read from.
package session

import (
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Greeting is what the kernel said first on a connection, and what it was answered:
// the features that both use from then on.
type Greeting struct {
	Init   []byte `json:"init"`   // the FUSE_INIT request
	Answer []byte `json:"answer"` // its reply
}

// Device returns the kept descriptor of the connection. It stays the session's.
func (s *Session) Device() int { return s.device }

// Greeting returns what was agreed on.
func (s *Session) Greeting() Greeting { return s.greeting }

// Server returns the present server.
func (s *Session) Server() *fuse.Server { return s.server.Load() }
