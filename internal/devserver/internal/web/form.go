package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Form reads the fields of a body or a query and collects what is wrong with
// them; ask Failure when all are read. Fields that nobody asks for are ignored.
type Form struct {
	old    bool
	Fields map[string]any
	at     []any // where the fields are
	issues *[]Issue
}

// BodyForm returns a form over a body as parsed. One that is no object is a complaint.
func BodyForm(p Profile, body any) *Form {
	f := &Form{old: p.Old(), issues: new([]Issue)}
	fields, ok := body.(map[string]any)
	if !ok {
		f.wrongType(nil, "object", body)
	}
	f.Fields = fields
	return f
}

// QueryForm returns a form over the parameters of a URL.
func QueryForm(p Profile, query url.Values) *Form {
	return &Form{old: p.Old(), Fields: queryFields(query), issues: new([]Issue)}
}

func queryFields(q url.Values) map[string]any {
	fields := map[string]any{}
	for k, v := range q {
		if len(v) == 1 {
			fields[k] = v[0]
			continue
		}
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		fields[k] = list
	}
	return fields
}

// Failure returns the answer to an invalid request, nil when all is well.
// Servers of 2024 say 401, later ones 422.
func (f *Form) Failure() *Failure {
	if len(*f.issues) == 0 {
		return nil
	}
	status := http.StatusUnprocessableEntity
	if f.old {
		status = http.StatusUnauthorized
	}
	return &Failure{Status: status, Name: "ValidationFailure", Message: *f.issues}
}

// Complain adds an issue that the form cannot find by itself.
func (f *Form) Complain(i Issue) { *f.issues = append(*f.issues, i) }

// Path is where a field of the form is, as an issue names the place.
func (f *Form) Path(name string) []any { return append(slices.Clone(f.at), name) }

func (f *Form) wrongType(path []any, expected string, got any) {
	if path == nil {
		path = []any{}
	}
	received := typeName(got)
	message := fmt.Sprintf("Expected %s, received %s", expected, received)
	if received == "undefined" {
		message = "Required"
	}
	f.Complain(Issue{Code: "invalid_type", Expected: expected, Received: received, Path: path, Message: message})
}

// Value is a field as it was parsed; one that is missing is neither nil nor a string.
func (f *Form) Value(name string) any {
	v, ok := f.Fields[name]
	if !ok {
		return undefined{}
	}
	return v
}

// Has reports whether the field is there, null or not.
func (f *Form) Has(name string) bool { _, ok := f.Fields[name]; return ok }

// Str is a string that must be there.
func (f *Form) Str(name string) string {
	v := f.Value(name)
	s, ok := v.(string)
	if !ok && f.Fields != nil {
		f.wrongType(f.Path(name), "string", v)
	}
	return s
}

// StrOr is a string with a default.
func (f *Form) StrOr(name, def string) string {
	if !f.Has(name) {
		return def
	}
	return f.Str(name)
}

// OptStr is a string or nil when it is not there.
func (f *Form) OptStr(name string) *string {
	if !f.Has(name) {
		return nil
	}
	s := f.Str(name)
	return &s
}

// NonEmpty is optStr for a string of at least one character.
func (f *Form) NonEmpty(name string) *string {
	s := f.OptStr(name)
	if s != nil && *s == "" {
		f.TooShort(f.Path(name), 1)
	}
	return s
}

// TooShort complains about a string of fewer than minimum characters.
func (f *Form) TooShort(path []any, minimum int) {
	yes, no := true, false
	f.Complain(Issue{
		Code: "too_small", Minimum: minimum, Type: "string", Inclusive: &yes, Exact: &no, Path: path,
		Message: fmt.Sprintf("String must contain at least %d character(s)", minimum),
	})
}

// Custom complains about a field in words of its own.
func (f *Form) Custom(name, message string) {
	f.Complain(Issue{Code: "custom", Message: message, Path: f.Path(name)})
}

// OneOf is a string out of a list, with a default.
func (f *Form) OneOf(name, def string, options ...string) string {
	v, ok := f.Value(name).(string)
	switch {
	case !f.Has(name):
		return def
	case !ok:
		f.wrongType(f.Path(name), "string", f.Value(name))
	case !slices.Contains(options, v):
		f.Complain(Issue{
			Received: v, Code: "invalid_enum_value", Options: options, Path: f.Path(name),
			Message: fmt.Sprintf("Invalid enum value. Expected '%s', received '%s'", strings.Join(options, "' | '"), v),
		})
	}
	return v
}

// Flag is a boolean of a query: the word true or false, nothing else.
func (f *Form) Flag(name string, def bool) bool {
	word := "false"
	if def {
		word = "true"
	}
	return f.OneOf(name, word, "true", "false") == "true"
}

// Boolean is a boolean of a body, with a default.
func (f *Form) Boolean(name string, def bool) bool {
	v := f.Value(name)
	if _, missing := v.(undefined); missing || v == nil {
		return def
	}
	b, ok := v.(bool)
	if !ok {
		f.wrongType(f.Path(name), "boolean", v)
	}
	return b
}

// Strings is a list of strings, nil when it is not there.
func (f *Form) Strings(name string) []string {
	if !f.Has(name) {
		return nil
	}
	list, ok := f.Value(name).([]any)
	if !ok {
		f.wrongType(f.Path(name), "array", f.Value(name))
	}
	out := []string{}
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			f.wrongType(append(f.Path(name), i), "string", v)
		}
		out = append(out, s)
	}
	return out
}

// Objects is a list of objects that must be there, with at least min of them.
func (f *Form) Objects(name string, min int) []*Form {
	v := f.Value(name)
	list, ok := v.([]any)
	if !ok {
		if f.Fields != nil {
			f.wrongType(f.Path(name), "array", v)
		}
		return nil
	}
	if len(list) < min {
		yes, no := true, false
		f.Complain(Issue{
			Code: "too_small", Minimum: min, Type: "array", Inclusive: &yes, Exact: &no, Path: f.Path(name),
			Message: fmt.Sprintf("Array must contain at least %d element(s)", min),
		})
	}
	var out []*Form
	for i, v := range list {
		out = append(out, f.nested(append(f.Path(name), i), v))
	}
	return out
}

// Object is an object that must be there.
func (f *Form) Object(name string) *Form { return f.nested(f.Path(name), f.Value(name)) }

func (f *Form) nested(at []any, v any) *Form {
	fields, ok := v.(map[string]any)
	if !ok && f.Fields != nil {
		f.wrongType(at, "object", v)
	}
	return &Form{old: f.old, Fields: fields, at: at, issues: f.issues}
}

// Issue is one complaint of the validation, in the shape of the library (zod)
// that Infisical uses. Which of the fields are there depends on the code.
type Issue struct {
	Received  string   `json:"received,omitempty"`
	Code      string   `json:"code"`
	Expected  string   `json:"expected,omitempty"`
	Options   []string `json:"options,omitempty"`
	Minimum   int      `json:"minimum,omitempty"`
	Type      string   `json:"type,omitempty"`
	Inclusive *bool    `json:"inclusive,omitempty"`
	Exact     *bool    `json:"exact,omitempty"`
	Message   string   `json:"message"`
	Path      []any    `json:"path"`
}

// undefined stands for a field that is not there, as opposed to null.
type undefined struct{}

func typeName(v any) string {
	switch v.(type) {
	case undefined:
		return "undefined"
	case nil:
		return "null"
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	default:
		return "object"
	}
}
