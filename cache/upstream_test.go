package cache_test

import (
	"context"
	"slices"

	"infisicalfs/secret"
)

// leavesOut is an Upstream whose bulk answers lack a secret.
type leavesOut struct {
	secret.Upstream
	name string
}

func (u *leavesOut) Tree(ctx context.Context, dir secret.Dir, known []*secret.Folder) ([]*secret.Folder, error) {
	folders, err := u.Upstream.Tree(ctx, dir, known)
	for _, f := range folders {
		f.Secrets = slices.DeleteFunc(f.Secrets, func(s secret.Secret) bool { return s.Name == u.name })
	}
	return folders, err
}

// treeFails is an Upstream that fails in bulk only.
type treeFails struct {
	secret.Upstream
	err error
}

func (u *treeFails) Tree(context.Context, secret.Dir, []*secret.Folder) ([]*secret.Folder, error) {
	return nil, u.err
}

// probed is an Upstream that shows the test its requests' contexts.
type probed struct {
	secret.Upstream
	ctx chan context.Context
}

func (p probed) Fetch(ctx context.Context, dir secret.Dir, known *secret.Folder) (*secret.Folder, error) {
	p.ctx <- ctx
	return p.Upstream.Fetch(ctx, dir, known)
}
