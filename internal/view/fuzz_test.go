package view

import (
	"strings"
	"testing"

	"infisicalfs/secret"
)

// fuzz holds a view to its reader: two secrets come back as they were, or the
// view is refused.
func fuzz(f *testing.F, view string) {
	for name, value := range ugly {
		f.Add("KEY", value, "x")
		f.Add(name, "x", value)
	}
	for _, name := range []string{"", "1", "a-b", "a.b", "é", "=", "#", "<<", "\"", "\\", "\n"} {
		f.Add(name, "x", "y")
	}
	v := builtin(f, view)
	f.Fuzz(func(t *testing.T, name, one, two string) {
		want := map[string]string{name: one, "OTHER": two}
		if name == "OTHER" {
			return
		}
		text, err := v.Render(folder(name, one, "OTHER", two))
		if err != nil {
			fault, ok := err.(*Error)
			if !ok {
				t.Fatal(err)
			}
			if _, ok := want[fault.Key]; !ok {
				t.Fatalf("the error names %q", fault.Key)
			}
			return
		}
		if text.Reveal() == "" {
			t.Fatal("nothing was written")
		}
		got, err := readers[view](text.Reveal())
		if err != nil {
			t.Fatalf("%v: %q", err, text.Reveal())
		}
		for name, value := range want {
			if got[name] != value {
				t.Fatalf("%q is read as %q, not %q", name, got[name], value)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%d were read", len(got))
		}
	})
}

func FuzzDotenv(f *testing.F)  { fuzz(f, ".env") }
func FuzzExpand(f *testing.F)  { fuzz(f, ".env.expand") }
func FuzzCompose(f *testing.F) { fuzz(f, ".env.compose") }
func FuzzDocker(f *testing.F)  { fuzz(f, ".env.docker") }
func FuzzShell(f *testing.F)   { fuzz(f, ".env.sh") }
func FuzzSystemd(f *testing.F) { fuzz(f, ".env.systemd") }
func FuzzJSON(f *testing.F)    { fuzz(f, ".secrets.json") }
func FuzzTOML(f *testing.F)    { fuzz(f, ".secrets.toml") }
func FuzzYAML(f *testing.F)    { fuzz(f, ".secrets.yaml") }

// Whatever a template does, its error has no value in it.
func FuzzTemplate(f *testing.F) {
	for _, source := range []string{`{{get "A"}}`, `{{get (get "A")}}`, `{{index (get "A") 9}}`, `{{range keys}}{{get . | json}}{{end}}`,
		`{{printf "%d" (get "A")}}`, `{{(get "A").X}}`, `{{define "x"}}{{.X}}{{end}}{{template "x" (get "A")}}`, `{{slice (get "A") 3 1}}`} {
		f.Add(source)
	}
	const text = "fake-value-QQ"
	f.Fuzz(func(t *testing.T, source string) {
		if strings.Contains(source, "Q") {
			return // it may repeat what stands in itself
		}
		v, err := Template("x", source)
		if err != nil {
			return
		}
		if _, err = v.Render(&secret.Folder{Secrets: []secret.Secret{{Name: "A", Value: secret.NewValue(text)}}}); err != nil && strings.Contains(err.Error(), "QQ") {
			t.Fatal(err)
		}
	})
}
