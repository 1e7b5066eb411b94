// Prints what Caddy makes of the placeholder {file.*} for each file of a directory.
package main

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
)

func main() {
	entries, err := os.ReadDir(os.Args[1])
	if err != nil {
		panic(err)
	}
	read := map[string]string{}
	for _, e := range entries {
		text, _ := caddy.NewReplacer().GetString("file." + filepath.Join(os.Args[1], e.Name()))
		read[e.Name()] = text
	}
	if err := json.NewEncoder(os.Stdout).Encode(read); err != nil {
		panic(err)
	}
}
