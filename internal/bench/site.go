//go:build linux

package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"infisicalfs/internal/devserver"
)

// site is a development server that listens.
type site struct {
	*devserver.Server
	url        string
	http       *http.Server
	lastAnswer atomic.Int64 // when the last answer was finished, in Unix nanoseconds
}

func newSite(cfg devserver.Config) (*site, error) {
	server, err := devserver.New(cfg)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the development server cannot listen: %w", err)
	}
	s := &site{Server: server, url: "http://" + listener.Addr().String()}
	s.http = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		server.ServeHTTP(w, r)
		s.lastAnswer.Store(time.Now().UnixNano())
	})}
	go s.http.Serve(listener) // until close
	return s, nil
}

func (s *site) close() {
	s.Server.Close()
	s.http.Close()
}

// environment is what a user would have exported to reach the server.
func (s *site) environment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "INFISICAL") {
			env = append(env, v)
		}
	}
	who := s.Credentials("admin")
	return append(env,
		"INFISICAL_API_URL="+s.url,
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID="+who.ClientID,
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET="+who.ClientSecret,
		"INFISICAL_ORGANIZATION_ID="+who.OrganizationID,
	)
}
