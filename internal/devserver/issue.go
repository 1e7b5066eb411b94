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
