package config

import (
	"errors"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Whatever is in a file, reading it ends, and what it complains about has no
// value of the file in it.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"identities:\n  ci: {url: hunter2, token-file: ~/hunter2}\nmounts:\n  app:\n    identity: ci\n    mode: 0440\n",
		"mounts: {app: {include: [hunter2, \"hunter2\"], read-only: hunter2}}\n---\n",
		"mounts:\n  app: &hunter2\n    env: *hunter2\n",
		"mounts:\n  app:\n    <<: *hunter2\n    env: !hunter2 x\n",
		"%TAG !hunter2! tag:hunter2,2000:\n---\nmounts: !hunter2!x hunter2\n",
		"mounts: {app: {client-secret: hunter2, env: |\n hunter2\n}}",
		"\tmounts: 'hunter2", "mounts: \"\\xhunter2\"", "? hunter2\n: [", "a: b: hunter2", "\xffhunter2", "@hunter2", "%hunter2\n---\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Parse("/etc/x/config.yaml", text, keys)
		if err == nil {
			if file == nil || file.Mounts == nil || file.Identities == nil {
				t.Fatal("no error and no file")
			}
			return
		}
		bad, ok := errors.AsType[*Error](err)
		if !ok || bad.At.Path != "/etc/x/config.yaml" || bad.Text == "" || bad.Hint == "" {
			t.Fatalf("no proper error: %#v", err)
		}
		said := err.Error() + bad.Hint
		if strings.ContainsAny(said, "\n\r\x00\x1b") {
			t.Fatalf("more than a line: %q", said)
		}
		if strings.Contains(said, "hunter2") && !isKey(text, "hunter2") {
			t.Fatalf("a value is shown: %q", said)
		}
	})
}

// isKey reports whether part is in a key of text.
func isKey(text []byte, part string) bool {
	var top yaml.Node
	if yaml.Unmarshal(text, &top) != nil {
		return false
	}
	var look func(n *yaml.Node) bool
	look = func(n *yaml.Node) bool {
		for i, child := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 && strings.Contains(child.Value, part) || look(child) {
				return true
			}
		}
		return false
	}
	return look(&top)
}
