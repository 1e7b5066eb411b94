package devserver

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver/internal/store"
)

type contractFile struct {
	Topic string
	Cases []contractCase
}

type contractCase struct {
	Name, What    string
	Given         []contractStep // what happened before and was not recorded
	As            string         // who asks: an identity, perhaps with a label for its token, or user
	Request       string         // method and URL
	Type          string         // Content-Type of Text
	Text          string         // a body that is not JSON
	Body          any            // a body that is
	Headers       map[string]string
	Status        int
	Rate          int // x-ratelimit-limit; 0: no such header
	AnswerHeaders map[string]string
	Answer        any
}

type contractStep struct {
	Wait    string
	As      string
	Request string // of a request that must succeed
	Body    any
	Times   int
	Binds   string // the placeholder of the id in its answer
}

func contractSeed() *store.Seed {
	environments := []store.SeedEnvironment{{Slug: "dev"}, {Slug: "staging"}, {Slug: "prod"}}
	short := &store.TokenConfig{TTL: 6 * time.Second, MaxTTL: 16 * time.Second}
	limited := &store.TokenConfig{TTL: time.Hour, MaxTTL: 2 * time.Hour, NumUses: 3}
	onBoth := map[string]string{"acme-app": "admin", "acme-infra": "admin"}
	return &store.Seed{
		Projects: []store.SeedProject{
			{Slug: "acme-app", Name: "Acme App", Environments: environments},
			{Slug: "acme-infra", Name: "Acme Infra", Environments: environments},
		},
		Identities: []store.SeedIdentity{
			{Name: "admin", Roles: onBoth},
			{Name: "viewer", Roles: map[string]string{"acme-app": "viewer"}},
			{Name: "empty", OrgRole: "no-access"},
			{Name: "noorg", OrgRole: "no-access", Roles: map[string]string{"acme-infra": "admin"}},
			{Name: "short", Roles: onBoth, Token: short},
			{Name: "limited", Roles: onBoth, Token: limited},
		},
	}
}

func readContract(t *testing.T, dir string) []contractCase {
	t.Helper()
	files, err := filepath.Glob(dir + "/[0-9]*.json")
	require.NoError(t, err)
	var cases []contractCase
	for _, name := range files {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		var file contractFile
		require.NoError(t, json.Unmarshal(data, &file), name)
		cases = append(cases, file.Cases...)
	}
	return cases
}

// readDifferences returns the names of the cases that are meant to differ.
func readDifferences(t *testing.T, dir string) map[string]bool {
	t.Helper()
	data, err := os.ReadFile(dir + "/DIFFERENCES.md")
	require.NoError(t, err)
	names := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^- `([^`]+)`").FindAllStringSubmatch(string(data), -1) {
		names[m[1]] = true
	}
	return names
}
