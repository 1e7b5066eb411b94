package options

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"infisicalfs/internal/exitcode"
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

// findProjectFile looks in dir and upward. No file is no error; one that cannot
// be read is, since it would have changed what is shown.
func findProjectFile(dir string) (*projectFile, error) {
	const hint = "mend it, or pass it over with --project-file=false"
	for {
		path := filepath.Join(dir, ".infisical.json")
		text, err := os.ReadFile(path)
		switch {
		case err == nil:
			f := &projectFile{Path: path}
			if json.Unmarshal(text, f) != nil {
				return nil, exitcode.Errorf(exitcode.Config, hint, "%s is not a project file of Infisical's CLI: no valid JSON", path)
			}
			return f, nil
		case !errors.Is(err, fs.ErrNotExist):
			return nil, exitcode.Errorf(exitcode.Config, hint, "cannot read %s: %w", path, exitcode.PathError(err))
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
	if branch := gitBranch(filepath.Dir(f.Path)); branch != "" && f.BranchEnvironments[branch] != "" {
		return f.BranchEnvironments[branch]
	}
	return f.DefaultEnvironment
}

// gitBranch reads which branch is checked out in the repository that dir lies
// in; empty if there is none, or a commit without a branch.
func gitBranch(dir string) string {
	for {
		if head, err := os.ReadFile(filepath.Join(gitDir(dir), "HEAD")); err == nil {
			if branch, ok := strings.CutPrefix(strings.TrimSpace(string(head)), "ref: refs/heads/"); ok {
				return branch
			}
			return ""
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// gitDir is dir/.git, or the directory that it names: in a linked worktree and
// in a submodule it is a file.
func gitDir(dir string) string {
	path := filepath.Join(dir, ".git")
	text, err := os.ReadFile(path)
	if err != nil {
		return path
	}
	target, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
	if !ok {
		return path
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(dir, target)
	}
	return target
}
