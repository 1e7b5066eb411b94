package options

import (
	"errors"

	"infisicalfs/internal/exitcode"
)

// variables is an environment.
type variables map[string]string

func (v variables) lookup(name string) (string, bool) { text, ok := v[name]; return text, ok }

// hintOf is what an error says is to be done about it.
func hintOf(err error) string {
	own, _ := errors.AsType[*exitcode.Error](err)
	return own.Hint
}
