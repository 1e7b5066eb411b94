package secretread

import (
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// demo is a call for a project demo with that content in dev, by an identity.
func demo(t *testing.T, p web.Profile, identity, method, pattern string, content store.SeedContent) *call.Call {
	st, err := store.New(&store.Seed{Projects: []store.SeedProject{{Slug: "demo", Environments: []store.SeedEnvironment{{Slug: "dev", SeedContent: content}}}}}, time.Now())
	require.NoError(t, err)
	rt := call.On(method, pattern, web.SecretClass, call.Members, nil)
	c := &call.Call{Profile: p, State: st, Route: &rt, Now: time.Now(), Params: map[string]string{}}
	c.Who.Identity = st.IdentityNamed(identity)
	return c
}

// What is in the place of a reference differs between the generations.
func TestReferencesAreExpanded(t *testing.T) {
	content := store.SeedContent{
		Secrets: []store.SeedSecret{
			{Name: "A", Value: "a"}, {Name: "B", Value: "<${A}>"}, {Name: "SELF", Value: "${SELF}"}, {Name: "NAME", Value: "A"}, {Name: "EMPTY"},
		},
		Folders: []store.SeedFolder{{Name: "deep", SeedContent: store.SeedContent{Secrets: []store.SeedSecret{{Name: "C", Value: "c"}}}}},
	}
	for _, row := range []struct {
		profile web.Profile
		text    string
		want    string
	}{
		{web.Current, "plain $A {A}", "plain $A {A}"},
		{web.Current, "${A}", "a"},
		{web.Current, "${B}${B}", "<a><a>"},
		{web.Current, "${dev.deep.C}", "c"},
		{web.Current, "${dev.${NAME}}", "a"},
		{web.Y2024, "${dev.deep.C}", "c"},
		{web.Current, "${NONE}", "${NONE}"},
		{web.CurrentGo, "<${NONE}>", "<>"},
		{web.CurrentGo, "<${EMPTY}>", "<>"},
		{web.Current, "${SELF}", "${SELF}"},
		{web.Current, "${A", "${A"},
		{web.Current, "${prod.A}", "${prod.A}"},
	} {
		c := demo(t, row.profile, "admin", "GET", "/api/v4/secrets", content)
		ex := newExpander(c, c.State.ProjectBySlug("demo"))
		require.Equal(t, row.want, ex.expand(row.text, "dev", "/"), "%s: %s", row.profile, row.text)
		require.NoError(t, ex.failure())
	}
	c := demo(t, web.Current, "viewer", "GET", "/api/v4/secrets", content)
	p := c.State.ProjectBySlug("demo")
	c.State.Rules = []store.Rule{{IdentityID: c.Who.ID(), ProjectID: p.ID, Env: "dev", Path: "/deep", Deny: true}}
	ex := newExpander(c, p)
	require.Equal(t, "${dev.deep.C}", ex.expand("${dev.deep.C}", "dev", "/"))
	require.ErrorContains(t, ex.failure(), "403 ForbiddenError")
}

// A chain of imports is followed differently far.
func TestImportsAreFollowed(t *testing.T) {
	link := func(name, next string) store.SeedFolder {
		return store.SeedFolder{Name: name, SeedContent: store.SeedContent{
			Secrets: []store.SeedSecret{{Name: "OF_" + name, Value: name}},
			Imports: []store.SeedImport{{Env: "dev", Path: "/" + next}},
		}}
	}
	content := store.SeedContent{
		Folders: []store.SeedFolder{link("a", "b"), link("b", "c"), link("c", "a")},
		Imports: []store.SeedImport{{Env: "dev", Path: "/a"}, {Env: "dev", Path: "/nothing"}},
	}
	for profile, want := range map[web.Profile][]string{
		web.Current: {"OF_a", "OF_b"}, web.CurrentGo: {"OF_a", "OF_b", "OF_c"}, web.Y2024: {"OF_a", "OF_b", "OF_c"},
	} {
		c := demo(t, profile, "viewer", "GET", "/api/v4/secrets", content)
		p := c.State.ProjectBySlug("demo")
		e := p.Env("dev")
		entries := ImportedSecrets(c, store.Place{Project: p, Env: e, Path: "/", Folder: e.Root})
		require.Len(t, entries, 1, "a source that does not exist is left out")
		var keys []string
		for _, s := range entries[0].Secrets {
			keys = append(keys, s.Key)
		}
		require.Equal(t, want, keys, profile)
	}
}

func TestListFilters(t *testing.T) {
	content := store.SeedContent{
		Secrets: []store.SeedSecret{{Name: "A", Value: "a"}, {Name: "B", Value: "b"}},
		Folders: []store.SeedFolder{{Name: "deep", SeedContent: store.SeedContent{Secrets: []store.SeedSecret{{Name: "C", Value: "c"}}}}},
	}
	for query, want := range map[string][]string{
		"": {"A", "B"}, "recursive=true": {"A", "B", "C"}, "secretPath=/deep": {"C"}, "tagSlugs=none": {}, "metadataFilter=key=a,value=b": {},
	} {
		c := demo(t, web.Current, "viewer", "GET", "/api/v4/secrets", content)
		q := url.Values{"projectId": {c.State.ProjectBySlug("demo").ID}, "environment": {"dev"}}
		c.Request = httptest.NewRequest("GET", "/?"+q.Encode()+"&"+query, nil)
		require.Nil(t, c.Parse(nil))
		v, err := List(c)
		require.NoError(t, err, query)
		got := []string{}
		for _, s := range v.(listAnswer).Secrets {
			got = append(got, s.Key)
		}
		require.ElementsMatch(t, want, got, query)
		require.False(t, c.Changed)
	}
}
