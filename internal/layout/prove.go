package layout

import (
	"context"
	"strings"

	"infisicalfs/secret"
)

// Prove implements [secret.Prover]. In a flat layout only those folders are asked
// to be right about a name that could give it: shells look for names all day, and
// there may be hundreds of folders.
func (l *Layout) Prove(ctx context.Context, dir secret.Dir, name string) (*secret.Folder, error) {
	if !l.cfg.Flat || dir != l.cfg.Root {
		return l.Folder(ctx, dir, secret.NeedProof)
	}
	w := &walk{layout: l, need: secret.NeedProof, name: name}
	found, err := w.all(ctx)
	if err != nil {
		return nil, err
	}
	return join(found, l.gather(found), w.deniedBelow()).With(func(f *secret.Folder) { f.Partial = true }), nil
}

// mayGive reports whether a folder, or one below it, could give the name.
func (l *Layout) mayGive(dir secret.Dir, name string) bool {
	return strings.HasPrefix(name, l.name(l.elements(dir), ""))
}
