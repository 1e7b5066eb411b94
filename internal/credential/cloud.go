package credential

import (
	"net/http"
	"time"

	"infisicalfs/internal/credential/internal/aws"
	"infisicalfs/internal/credential/internal/azure"
	"infisicalfs/internal/credential/internal/metadata"
	"infisicalfs/internal/credential/internal/roundtrip"
)

// surroundings are what the methods of clouds ask. One serves all methods of a search and
// the logins that come of it: a service that has answered once is known to be there.
type surroundings struct {
	metadata *metadata.Client
	local    http.RoundTripper // to addresses of this machine and its cloud, past every proxy
	web      http.RoundTripper // to services on the internet, by the proxy of the environment
}

// around returns the surroundings. Nothing of it asks anybody by being made.
func (s *Search) around() *surroundings {
	s.once.Do(func() {
		if s.surroundings == nil {
			local := roundtrip.Direct()
			s.surroundings = &surroundings{
				metadata: metadata.New(metadata.Config{Lookup: s.Lookup, Transport: local}),
				local:    local,
				web:      roundtrip.Web(s.RootCAs),
			}
		}
	})
	return s.surroundings
}

func (s *Search) metadata() *metadata.Client { return s.around().metadata }

func (s *Search) awsSources() *aws.Sources {
	around := s.around()
	return &aws.Sources{Lookup: s.Lookup, Web: around.web, Metadata: around.metadata, Container: around.local, Now: time.Now}
}

func (s *Search) azureSources() *azure.Sources {
	around := s.around()
	return &azure.Sources{Lookup: s.Lookup, Web: around.web, Local: around.local, Metadata: around.metadata}
}
