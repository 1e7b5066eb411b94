package devserver

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
