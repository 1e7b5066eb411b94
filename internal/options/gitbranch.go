package options

import (
	"os"
	"path/filepath"
	"strings"
)

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
