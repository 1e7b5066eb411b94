package view

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

func parsed(t testing.TB, source string) *View {
	t.Helper()
	v, err := Template("app.conf", source)
	require.NoError(t, err)
	return v
}

func TestTemplates(t *testing.T) {
	f := folder("HOST", "db.example.com", "PASSWORD", "it's \"fake\"", "LINES", "a\nb", "my-key", "x")
	for source, want := range map[string]string{
		"no secret\n":                                             "no secret\n",
		`host={{get "HOST"}}`:                                     "host=db.example.com",
		`{{get "my-key"}}`:                                        "x",
		`{{if has "HOST"}}y{{end}}`:                               "y",
		`{{if has "NONE"}}y{{else}}n{{end}}`:                      "n",
		`{{range keys}}{{.}} {{end}}`:                             "HOST LINES PASSWORD my-key ",
		`{{len keys}}`:                                            "4",
		`{{get "PASSWORD" | json}}`:                               `"it's \"fake\""`,
		`{{get "LINES" | json}}`:                                  `"a\nb"`,
		`{{get "PASSWORD" | quote}}`:                              `'it'"'"'s "fake"'`,
		`{{.Project}}/{{.Env}}{{.Path}}`:                          "demo/dev/",
		`{{with $h := get "HOST"}}{{$h}}{{end}}`:                  "db.example.com",
		`{{define "x"}}[{{get .}}]{{end}}{{template "x" "HOST"}}`: "[db.example.com]",
		`{{range $i, $k := keys}}{{if $i}},{{end}}{{$k}}={{get $k | json}}{{end}}`: `HOST="db.example.com",LINES="a\nb",PASSWORD="it's \"fake\"",my-key="x"`,
		`{{range keys}}{{if eq . "LINES"}}{{break}}{{end}}{{.}}{{end}}`:            "HOST",
	} {
		require.Equal(t, want, render(t, parsed(t, source), f), source)
	}
}

func TestWrongTemplatesAreFoundAtOnce(t *testing.T) {
	for source, why := range map[string]string{
		"a\n{{get \"A\"":       `invalid template: 2: unclosed action`,
		`{{include "/etc/x"}}`: `invalid template: 1: function "include" not defined`,
		`{{if}}{{end}}`:        `invalid template: 1: missing value for if`,
	} {
		_, err := Template("app.conf", source)
		require.ErrorIs(t, err, secret.ErrInvalid)
		require.EqualError(t, err, why)
	}
}

func TestFailingTemplatesSayWhereAndShowNothing(t *testing.T) {
	const text = "fake-value-QQ"
	f := folder("A", text, "B", "HIDDEN", "BAD", text+"\x00")
	f.Secrets = append(f.Secrets, secret.Secret{Name: "HIDDEN", Hidden: true, Reason: "the identity may not read it"})
	f.Sort()
	for source, why := range map[string]string{
		"a\n{{get \"NONE\"}}":    `app.conf: line 2 (get "NONE"): there is no secret "NONE"`,
		`{{get (get "A")}}`:      `app.conf: line 1 (get (get "A")): there is no secret of that name`,
		`{{get "HIDDEN"}}`:       `app.conf: line 1 (get "HIDDEN"): the value of "HIDDEN" is hidden: the identity may not read it`,
		`{{get "BAD" | json}}`:   `app.conf: line 1 (json): the value is not text: it is not UTF-8 or has a NUL character`,
		`{{index (get "A") 99}}`: `app.conf: line 1 (index (get "A") 99): the template does not work for this folder`,
		`{{(get "A").Name}}`:     `app.conf: line 1 ("A"): the template does not work for this folder`,
		`{{template "x" (get "A")}}{{define "x"}}{{.None}}{{end}}`: `app.conf: line 1 (.None): the template does not work for this folder`,
		`{{call (get "A")}}`:                  ``,
		`{{lt (get "A") 1}}`:                  ``,
		`{{slice (get "A") 5 3}}`:             ``,
		`{{.NONE}}`:                           ``,
		`{{get}}`:                             ``,
		`{{template "none"}}`:                 ``,
		`{{range (get "A")}}{{end}}{{get .}}`: ``,
	} {
		_, err := parsed(t, source).Render(f)
		require.Error(t, err, source)
		require.NotContains(t, err.Error(), text)
		require.True(t, strings.HasPrefix(err.Error(), "app.conf: "))
		if strings.Contains(source, "HIDDEN") {
			require.ErrorIs(t, err, secret.ErrDenied)
		} else {
			require.ErrorIs(t, err, secret.ErrInvalid)
		}
		if why != "" {
			require.EqualError(t, err, why)
		}
	}
}

// A secret that a template does not use is none of its business.
func TestTemplatesNeedOnlyWhatTheyUse(t *testing.T) {
	f := folder("A", "a", "B", "")
	f.Secrets[1].Hidden = true
	require.Equal(t, "a", render(t, parsed(t, `{{get "A"}}`), f))
}

func TestTemplatesAreBounded(t *testing.T) {
	for source, why := range map[string]string{
		strings.Repeat(`{{get "A"}}`, 20):                                       "app.conf: too large: a view holds 16 MiB",
		`{{define "x"}}{{template "x"}}{{template "x"}}{{end}}{{template "x"}}`: "",
	} {
		_, err := parsed(t, source).Render(folder("A", strings.Repeat("x", 1<<20)))
		require.Error(t, err)
		if why != "" {
			require.EqualError(t, err, why)
		}
	}
	for _, source := range []string{
		`{{range 1000000000}}{{end}}`,
		`{{range 1000000000}}{{if true}}{{continue}}{{end}}{{end}}`,
		`{{with 1}}{{else}}{{end}}{{if true}}{{range 1000000000}}{{end}}{{end}}`,
		`{{define "y"}}{{range 9}}{{end}}{{end}}{{range 1000000000}}{{template "y"}}{{end}}`,
	} {
		v, err := newTemplate("app.conf", source, 10*time.Millisecond)
		require.NoError(t, err)
		_, err = v.Render(folder())
		require.EqualError(t, err, "app.conf: the template takes longer than 10ms")
	}
}

// One template may be rendered for several folders at once.
func TestTemplatesAreSafeForConcurrentUse(t *testing.T) {
	v := parsed(t, `{{range keys}}{{get .}}{{end}}`)
	for _, value := range []string{"a", "b", "c"} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			f := folder("A", value)
			for range 100 {
				require.Equal(t, value, render(t, v, f))
			}
		})
	}
}
