package credential

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
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
	lookup   func(name string) (string, bool)
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
				lookup:   anchored(s.Lookup),
				local:    local,
				web:      roundtrip.Web(s.RootCAs),
			}
		}
	})
	return s.surroundings
}

// anchored is lookup with the names of files (variables that end with _FILE) made
// independent of the working directory, which a mount in the background leaves. PWD is
// that directory: what files of clouds name by relative paths begins there, too.
func anchored(lookup func(string) (string, bool)) func(string) (string, bool) {
	dir, err := os.Getwd()
	if err != nil {
		return lookup
	}
	return func(name string) (string, bool) {
		if name == "PWD" {
			return dir, true
		}
		text, ok := lookup(name)
		if path := strings.TrimSpace(text); strings.HasSuffix(name, "_FILE") && path != "" && !filepath.IsAbs(path) && !strings.HasPrefix(path, "~/") {
			return filepath.Join(dir, path), ok
		}
		return text, ok
	}
}

func (s *Search) metadata() *metadata.Client { return s.around().metadata }

func (s *Search) awsSources() *aws.Sources {
	around := s.around()
	return &aws.Sources{Lookup: around.lookup, Web: around.web, Metadata: around.metadata, Container: around.local, Now: time.Now}
}

func (s *Search) azureSources() *azure.Sources {
	around := s.around()
	return &azure.Sources{Lookup: around.lookup, Web: around.web, Local: around.local, Metadata: around.metadata}
}
