package client_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/client"
	"infisicalfs/internal/devserver"
	"infisicalfs/secret"
)

// A service token shows the one project that it is for, and of that what it is for, by
// reading folder by folder. It is never shown one folder as another.
func TestAServiceToken(t *testing.T) {
	for _, profile := range []devserver.Profile{devserver.Current, devserver.CurrentGo, devserver.Y2024} {
		t.Run(string(profile), func(t *testing.T) {
			w := newWorld(t, devserver.Config{Profile: profile}, "admin", nil)
			w.edit(t, func(e *devserver.Editor) error {
				return e.AddServiceToken("one", "demo", false, devserver.ServiceScope{Environment: "dev", SecretPath: "/payments"})
			})
			w.edit(t, func(e *devserver.Editor) error {
				return e.AddServiceToken("all", "demo", true, devserver.ServiceScope{Environment: "dev", SecretPath: "/**"})
			})
			as := func(name string) *client.Client {
				text := strings.Join(strings.Split(w.ServiceToken(name), ".")[:3], ".")
				return join(t, w.Server, "admin", func(cfg *client.Config) {
					cfg.Auth = client.TokenAuth(func() (secret.Value, error) { return secret.NewValue(text), nil })
				})
			}
			one := as("one")
			root, err := one.Fetch(t.Context(), secret.Dir{}, nil)
			require.NoError(t, err)
			require.Len(t, root.Folders, 1)
			project := root.Folders[0].Name
			envs, err := one.Fetch(t.Context(), secret.Dir{Project: project}, nil)
			require.NoError(t, err)
			_, folders := names(envs)
			require.Equal(t, []string{"dev"}, folders)

			at := func(p string) secret.Dir { return secret.Dir{Project: project, Env: "dev", Path: p} }
			want := w.fetch(t, payments)
			got, err := one.Fetch(t.Context(), at("/payments"), nil)
			require.NoError(t, err)
			require.Equal(t, len(want.Secrets), len(got.Secrets))
			require.NotEmpty(t, got.Secrets)
			top, err := one.Fetch(t.Context(), at("/"), nil)
			require.NoError(t, err)
			require.ErrorIs(t, top.Denied, secret.ErrDenied)
			require.Empty(t, top.Secrets, "the server would answer with those of /payments")
			_, folders = names(top)
			require.Contains(t, folders, "payments")
			_, err = one.Tree(t.Context(), at("/"), nil)
			require.ErrorIs(t, err, secret.ErrInexact)

			all := as("all")
			_, err = all.Fetch(t.Context(), secret.Dir{}, nil)
			require.NoError(t, err)
			for _, dir := range []string{"/", "/payments"} {
				got, err := all.Fetch(t.Context(), at(dir), nil)
				require.NoError(t, err)
				require.NoError(t, got.Denied)
				require.Equal(t, len(w.fetch(t, secret.Dir{Project: "demo", Env: "dev", Path: dir}).Secrets), len(got.Secrets))
			}
			prod, err := all.Fetch(t.Context(), secret.Dir{Project: project, Env: "prod", Path: "/"}, nil)
			require.NoError(t, err)
			require.Empty(t, prod.Secrets)
			if profile != devserver.CurrentGo { // where it looks empty
				require.ErrorIs(t, prod.Denied, secret.ErrDenied)
			}
		})
	}
}
