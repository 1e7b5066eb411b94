package devserver

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// form reads the fields of a body or a query and collects what is wrong with
// them; ask failure when all are read. Fields that nobody asks for are ignored.
type form struct {
	old    bool
	fields map[string]any
	at     []any // where the fields are
	issues *[]issue
}

func (c *call) bodyForm() *form {
	f := &form{old: c.old(), issues: new([]issue)}
	fields, ok := c.body.(map[string]any)
	if !ok {
		f.wrongType(nil, "object", c.body)
	}
	f.fields = fields
	return f
}

func (c *call) queryForm() *form {
	return &form{old: c.old(), fields: queryFields(c.query), issues: new([]issue)}
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

// failure returns the answer to an invalid request, nil when all is well.
// Servers of 2024 say 401, later ones 422.
func (f *form) failure() *failure {
	if len(*f.issues) == 0 {
		return nil
	}
	status := http.StatusUnprocessableEntity
	if f.old {
		status = http.StatusUnauthorized
	}
	return &failure{status: status, name: "ValidationFailure", message: *f.issues}
}

func (f *form) complain(i issue) { *f.issues = append(*f.issues, i) }

func (f *form) path(name string) []any { return append(slices.Clone(f.at), name) }

func (f *form) wrongType(path []any, expected string, got any) {
	if path == nil {
		path = []any{}
	}
	received := typeName(got)
	message := fmt.Sprintf("Expected %s, received %s", expected, received)
	if received == "undefined" {
		message = "Required"
	}
	f.complain(issue{Code: "invalid_type", Expected: expected, Received: received, Path: path, Message: message})
}

func (f *form) value(name string) any {
	v, ok := f.fields[name]
	if !ok {
		return undefined{}
	}
	return v
}

func (f *form) has(name string) bool { _, ok := f.fields[name]; return ok }

// str is a string that must be there.
func (f *form) str(name string) string {
	v := f.value(name)
	s, ok := v.(string)
	if !ok && f.fields != nil {
		f.wrongType(f.path(name), "string", v)
	}
	return s
}

// strOr is a string with a default.
func (f *form) strOr(name, def string) string {
	if !f.has(name) {
		return def
	}
	return f.str(name)
}

// optStr is a string or nil when it is not there.
func (f *form) optStr(name string) *string {
	if !f.has(name) {
		return nil
	}
	s := f.str(name)
	return &s
}

// nonEmpty is optStr for a string of at least one character.
func (f *form) nonEmpty(name string) *string {
	s := f.optStr(name)
	if s != nil && *s == "" {
		f.tooShort(f.path(name), 1)
	}
	return s
}

func (f *form) tooShort(path []any, minimum int) {
	yes, no := true, false
	f.complain(issue{
		Code: "too_small", Minimum: minimum, Type: "string", Inclusive: &yes, Exact: &no, Path: path,
		Message: fmt.Sprintf("String must contain at least %d character(s)", minimum),
	})
}

func (f *form) custom(name, message string) {
	f.complain(issue{Code: "custom", Message: message, Path: f.path(name)})
}

// oneOf is a string out of a list, with a default.
func (f *form) oneOf(name, def string, options ...string) string {
	v, ok := f.value(name).(string)
	switch {
	case !f.has(name):
		return def
	case !ok:
		f.wrongType(f.path(name), "string", f.value(name))
	case !slices.Contains(options, v):
		f.complain(issue{
			Received: v, Code: "invalid_enum_value", Options: options, Path: f.path(name),
			Message: fmt.Sprintf("Invalid enum value. Expected '%s', received '%s'", strings.Join(options, "' | '"), v),
		})
	}
	return v
}

// flag is a boolean of a query: the word true or false, nothing else.
func (f *form) flag(name string, def bool) bool {
	word := "false"
	if def {
		word = "true"
	}
	return f.oneOf(name, word, "true", "false") == "true"
}

// boolean is a boolean of a body, with a default.
func (f *form) boolean(name string, def bool) bool {
	v := f.value(name)
	if _, missing := v.(undefined); missing || v == nil {
		return def
	}
	b, ok := v.(bool)
	if !ok {
		f.wrongType(f.path(name), "boolean", v)
	}
	return b
}

// strings is a list of strings, nil when it is not there.
func (f *form) strings(name string) []string {
	if !f.has(name) {
		return nil
	}
	list, ok := f.value(name).([]any)
	if !ok {
		f.wrongType(f.path(name), "array", f.value(name))
	}
	out := []string{}
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			f.wrongType(append(f.path(name), i), "string", v)
		}
		out = append(out, s)
	}
	return out
}

// objects is a list of objects that must be there, with at least min of them.
func (f *form) objects(name string, min int) []*form {
	v := f.value(name)
	list, ok := v.([]any)
	if !ok {
		if f.fields != nil {
			f.wrongType(f.path(name), "array", v)
		}
		return nil
	}
	if len(list) < min {
		yes, no := true, false
		f.complain(issue{
			Code: "too_small", Minimum: min, Type: "array", Inclusive: &yes, Exact: &no, Path: f.path(name),
			Message: fmt.Sprintf("Array must contain at least %d element(s)", min),
		})
	}
	var out []*form
	for i, v := range list {
		out = append(out, f.nested(append(f.path(name), i), v))
	}
	return out
}

// object is an object that must be there.
func (f *form) object(name string) *form { return f.nested(f.path(name), f.value(name)) }

func (f *form) nested(at []any, v any) *form {
	fields, ok := v.(map[string]any)
	if !ok && f.fields != nil {
		f.wrongType(at, "object", v)
	}
	return &form{old: f.old, fields: fields, at: at, issues: f.issues}
}

// issue is one complaint of the validation, in the shape of the library (zod)
// that Infisical uses. Which of the fields are there depends on the code.
type issue struct {
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
