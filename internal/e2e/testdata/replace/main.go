// Replace writes the text of $SRC/new to KEY in the working directory, as programs
// of Go do that do not want it to be half written: by os.CreateTemp with the
// pattern that it is given, or without one by renameio.
package main

import (
	"os"

	"github.com/google/renameio/v2"
)

func main() {
	if err := replace(os.Args[1:]); err != nil {
		panic(err)
	}
}

func replace(patterns []string) error {
	text, err := os.ReadFile(os.Getenv("SRC") + "/new")
	if err != nil {
		return err
	}
	if len(patterns) == 0 {
		return renameio.WriteFile("KEY", text, 0o600)
	}
	f, err := os.CreateTemp(".", patterns[0])
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), "KEY")
}
