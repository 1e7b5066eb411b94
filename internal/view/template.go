package view

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"

	"infisicalfs/secret"
)

// templateTime is how long a template may take. It is generous: a busy machine is
// no mistake of the template's.
const templateTime = 5 * time.Second

// scope is what a template's dot is.
type scope struct{ Project, Env, Path string }

// Template returns a view that is made by source, a template of text/template,
// with these functions and no way to files or programs:
//
//	get KEY      the value of a secret; an error if there is none
//	has KEY      whether there is such a secret
//	keys         the names of all secrets, sorted
//	json TEXT    the text as a JSON string, which YAML and TOML understand too
//	quote TEXT   the text as one word of a POSIX shell
//
// The dot has .Project, .Env and .Path. The error says where source is wrong.
//
// Whoever writes source is trusted: a template that takes more than five seconds
// or writes more than a view may hold is ended, but not one that makes a huge text
// in memory. What rendering leaves behind on the heap is not wiped.
func Template(name, source string) (*View, error) {
	return newTemplate(name, source, templateTime)
}

func newTemplate(name, source string, limit time.Duration) (*View, error) {
	t := &textTemplate{limit: limit, literals: map[string]bool{}}
	parsed, err := template.New(templateName).Option("missingkey=error").Funcs(t.functions(nil)).Parse(source)
	if err != nil {
		return nil, fmt.Errorf("%w template: %s", secret.ErrInvalid, strings.TrimPrefix(err.Error(), "template: "+templateName+":"))
	}
	for _, part := range parsed.Templates() {
		if part.Tree != nil {
			t.prepare(part.Root)
			t.clock(part.Root)
		}
	}
	t.parsed = parsed
	return &View{name, t.write}, nil
}

// templateName stands in the library's error messages.
const templateName = "line"

type textTemplate struct {
	parsed   *template.Template
	limit    time.Duration
	literals map[string]bool // texts that stand in the source, which errors may repeat
}

func (t *textTemplate) write(p *buffer, f *secret.Folder) error {
	run, err := t.parsed.Clone()
	if err != nil {
		return errors.New("the template cannot be used") // cannot happen before it is executed
	}
	err = run.Funcs(t.functions(f)).Execute(writer{p}, scope{f.Dir.Project, f.Dir.Env, f.Dir.Path})
	if p.full {
		return errTooLarge
	}
	return explain(err)
}

// writer writes to a buffer.
type writer struct{ *buffer }

func (w writer) Write(b []byte) (int, error) {
	w.addBytes(b)
	if w.full {
		return 0, errTooLarge
	}
	return len(b), nil
}

// fault is a failure of a function that may be told: it has no value in it.
type fault struct {
	why  string
	kind error
}

func (f *fault) Error() string { return f.why }
func (f *fault) Unwrap() error { return f.kind }

// functions are those of a template for one folder.
func (t *textTemplate) functions(f *secret.Folder) template.FuncMap {
	end := time.Now().Add(t.limit)
	return template.FuncMap{
		"get": func(key string) (string, error) {
			s, ok := f.Secret(key)
			switch {
			case !ok && t.literals[key]:
				return "", &fault{fmt.Sprintf("there is no secret %q", key), secret.ErrInvalid}
			case !ok: // the name was computed, perhaps from a value
				return "", &fault{"there is no secret of that name", secret.ErrInvalid}
			case s.Hidden:
				return "", &fault{fmt.Sprintf("the value of %q %s", key, whyUnreadable(&s)), kindOf(&s)}
			}
			return s.Value.Reveal(), nil
		},
		"has": func(key string) bool { _, ok := f.Secret(key); return ok },
		"keys": func() (names []string) {
			for i := range f.Secrets {
				names = append(names, f.Secrets[i].Name)
			}
			return names
		},
		"json":  func(text string) (string, error) { return quoted(quote, text) },
		"quote": func(text string) (string, error) { return quoted(quoteWord, text) },
		ticker: func() (string, error) {
			if time.Now().After(end) {
				return "", &fault{fmt.Sprintf("the template takes longer than %s", t.limit), secret.ErrInvalid}
			}
			return "", nil
		},
	}
}

func quoted(write func(*buffer, []byte), text string) (string, error) {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return "", &fault{"the value is not text: it is not UTF-8 or has a NUL character", secret.ErrInvalid}
	}
	var p buffer
	defer p.wipe()
	write(&p, []byte(text))
	return string(p.b), nil
}

// at is how the library says where something failed: the line, and the source
// there. What follows may quote a value.
var at = regexp.MustCompile(`(?s)^template: ` + templateName + `:([0-9]+):[0-9]+: executing ".*?" at <(.*?)>: `)

// explain makes an error that says what failed and has nothing in it but source
// and names.
func explain(err error) error {
	if err == nil {
		return nil
	}
	why := &fault{"the template does not work for this folder", secret.ErrInvalid}
	errors.As(err, &why)
	where := at.FindStringSubmatch(err.Error())
	if where == nil {
		return why
	}
	return fmt.Errorf("line %s (%s): %w", where[1], where[2], why)
}
