package layout

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) {
	for _, tc := range []struct{ name, upper, lower, kebab string }{
		{"DATABASE_URL", "DATABASE_URL", "database_url", "database-url"},
		{"databaseUrl", "DATABASEURL", "databaseurl", "database-url"},
		{"HTTPServer", "HTTPSERVER", "httpserver", "http-server"},
		{"server.key", "SERVER.KEY", "server.key", "server.key"},
		{"S3_BUCKET", "S3_BUCKET", "s3_bucket", "s3-bucket"},
		{"OAuth2Token", "OAUTH2TOKEN", "oauth2token", "o-auth2-token"},
		{"A__B", "A__B", "a__b", "a--b"},
		{"Größe", "GRÖßE", "größe", "größe"},
		{"", "", "", ""},
		{"%", "%", "%", "%"},
	} {
		require.Equal(t, tc.name, AsIs.apply(tc.name))
		require.Equal(t, tc.upper, Upper.apply(tc.name))
		require.Equal(t, tc.lower, Lower.apply(tc.name))
		require.Equal(t, tc.kebab, Kebab.apply(tc.name))
	}
}

// Folders keep their names in a tree; a secret tells where it comes from.
func TestNamesOfSecretsChange(t *testing.T) {
	w := newWorld(func(c *Config) { c.Names = Kebab })
	f := w.folder(t, payments)
	require.Equal(t, map[string]string{"stripe-key": "not-a-real-key"}, values(f))
	require.Equal(t, payments, f.Secrets[0].Origin.Dir)
	require.Equal(t, "STRIPE_KEY", f.Secrets[0].Origin.Name)
	_, ok := f.Subfolder("eu")
	require.True(t, ok)
}

// Two secrets of one name are listed once, and neither is shown: the reason
// names both, never their values.
func TestCollision(t *testing.T) {
	w := newWorld(func(c *Config) { c.Names = Lower })
	w.Set(dev, "greeting", "another")
	f := w.folder(t, dev)
	require.Equal(t, map[string]string{"greeting": "(hidden)"}, values(f))
	reason := f.Secrets[0].Reason
	require.Contains(t, reason, "GREETING and greeting have the name")
	require.NotContains(t, reason, "hello")
	require.Contains(t, w.logs.String(), "GREETING and greeting")

	before := w.logs.Len()
	w.Set(dev, "OTHER", "x")
	require.Equal(t, map[string]string{"greeting": "(hidden)", "other": "x"}, values(w.folder(t, dev)))
	require.Equal(t, before, w.logs.Len(), "said once")

	w.Remove(dev, "greeting")
	require.Equal(t, map[string]string{"greeting": "hello", "other": "x"}, values(w.folder(t, dev)))
}
