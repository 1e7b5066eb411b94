package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// projectFile is .infisical.json, which Infisical's CLI leaves in a repository.
type projectFile struct {
	Path string `json:"-"` // where it was found

	WorkspaceID        string            `json:"workspaceId"`
	DefaultEnvironment string            `json:"defaultEnvironment"`
	BranchEnvironments map[string]string `json:"gitBranchToEnvironmentMapping"`
	DefaultSecretPath  string            `json:"defaultSecretPath"`
	Domain             string            `json:"domain"`
}

// findProjectFile looks in dir and upward. No file is no error.
func findProjectFile(dir string) (*projectFile, error) {
	for {
		path := filepath.Join(dir, ".infisical.json")
		text, err := os.ReadFile(path)
		if err == nil {
			f := &projectFile{Path: path}
			if json.Unmarshal(text, f) != nil {
				return nil, configError("mend it or remove it", "%s is not valid JSON", path)
			}
			return f, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil, nil
		}
		dir = parent
	}
}

// environment is the one for the git branch that is checked out, else the
// default one.
func (f *projectFile) environment() string {
	if env := f.BranchEnvironments[gitBranch(filepath.Dir(f.Path))]; env != "" {
		return env
	}
	return f.DefaultEnvironment
}

// gitBranch reads the branch of the repository whose top is dir, empty if there
// is none.
func gitBranch(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, ".git", "HEAD"))
	if err != nil {
		return ""
	}
	branch, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "ref: refs/heads/")
	if !ok {
		return ""
	}
	return branch
}
