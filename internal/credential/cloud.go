package credential

import (
	"net/http"
	"time"

	"infisicalfs/internal/credential/internal/aws"
	"infisicalfs/internal/credential/internal/azure"
	"infisicalfs/internal/credential/internal/metadata"
	"infisicalfs/internal/credential/internal/roundtrip"
)

// What the methods of clouds ask. Nothing of it asks anybody by being made.

// metadata is the client of metadata services.
func (s *Search) metadata() *metadata.Client { return metadata.New(metadata.Config{Lookup: s.Lookup}) }

// web reaches services on the internet, through the proxies that the environment names.
func web() http.RoundTripper {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 10 * time.Second,
		ForceAttemptHTTP2: true, DisableKeepAlives: true,
	}
}

func (s *Search) awsSources() *aws.Sources {
	return &aws.Sources{Lookup: s.Lookup, Web: web(), Metadata: s.metadata(), Container: roundtrip.Direct(), Now: time.Now}
}

func (s *Search) azureSources() *azure.Sources {
	return &azure.Sources{Lookup: s.Lookup, Web: web(), Local: roundtrip.Direct(), Metadata: s.metadata()}
}
