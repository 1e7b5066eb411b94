package shape

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// keys are the fields of the JSON of v.
func keys(t *testing.T, v any) map[string]json.RawMessage {
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	fields := map[string]json.RawMessage{}
	require.NoError(t, json.Unmarshal(raw, &fields))
	return fields
}

func TestFieldsByProfile(t *testing.T) {
	st, err := store.New(store.Sample(), time.Now())
	require.NoError(t, err)
	p := st.ProjectBySlug("demo")
	at := store.Place{Project: p, Env: p.Env("dev"), Path: "/", Folder: p.Env("dev").Root}
	x := at.Folder.AddSecret("X", "secret", false, time.Now())
	for _, row := range []struct {
		profile web.Profile
		render  func(*call.Call) any
		has     []string
		lacks   []string
	}{
		{web.Current, func(c *call.Call) any { return ReadSecretOf(c, at, x) }, []string{"secretPath", "tags", "secretMetadata", "secretValueHidden", "rotationId"}, nil},
		{web.Y2024, func(c *call.Call) any { return ReadSecretOf(c, at, x) }, []string{"tags", "createdAt"}, []string{"secretPath", "secretMetadata", "secretValueHidden"}},
		{web.July2024, func(c *call.Call) any { return SecretOf(c, at, x) }, []string{"secretKey"}, []string{"createdAt", "skipMultilineEncoding", "tags"}},
		{web.July2024, func(c *call.Call) any { return ImportedSecretOf(c, at, x) }, []string{"createdAt"}, []string{"secretPath"}},
		{web.Current, func(c *call.Call) any { return ImportedSecretOf(c, at, x) }, []string{"secretKey"}, []string{"createdAt", "secretPath"}},
		{web.Current, func(c *call.Call) any { return ProjectOf(c, p) }, []string{"type", "roles"}, []string{"kmsSecretManagerKeyId"}},
		{web.Y2024, func(c *call.Call) any { return ProjectOf(c, p) }, []string{"environments"}, []string{"type", "kmsSecretManagerKeyId"}},
		{web.July2024, func(c *call.Call) any { return ProjectOf(c, p) }, []string{"kmsSecretManagerKeyId"}, []string{"type"}},
	} {
		fields := keys(t, row.render(&call.Call{Profile: row.profile, State: st}))
		for _, name := range row.has {
			require.Contains(t, fields, name, row.profile)
		}
		for _, name := range row.lacks {
			require.NotContains(t, fields, name, row.profile)
		}
	}
	j := SecretOf(&call.Call{Profile: web.Current, State: st}, at, x)
	j.Hide()
	require.Equal(t, HiddenValue, j.Value)
	require.True(t, *j.ValueHidden)
}
