package options

import (
	"errors"
	"os"
)

// PathError shortens an error about a file to what a person needs.
func PathError(err error) error {
	if short, ok := errors.AsType[*os.PathError](err); ok {
		return short.Err
	}
	return err
}
