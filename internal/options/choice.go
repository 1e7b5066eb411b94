package options

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// choice is a flag that is one of some words.
type choice[T ~string] struct {
	to    *T
	words []T
}

// choose declares a flag that is one of the words. The first is what it is unless given.
func choose[T ~string](f *pflag.FlagSet, to *T, name, usage string, words ...T) {
	*to = words[0]
	f.Var(choice[T]{to, words}, name, usage)
}

func (c choice[T]) String() string { return string(*c.to) }
func (c choice[T]) Type() string   { return "string" }

func (c choice[T]) Set(text string) error {
	if !slices.Contains(c.words, T(text)) {
		return errors.New(c.wanted())
	}
	*c.to = T(text)
	return nil
}

func (c choice[T]) wanted() string {
	last := len(c.words) - 1
	first := make([]string, last)
	for i := range first {
		first[i] = string(c.words[i])
	}
	return fmt.Sprintf("%s or %s is wanted", strings.Join(first, ", "), c.words[last])
}
