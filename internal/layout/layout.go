package layout

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"infisicalfs/secret"
)

// Layout is a [secret.Source] over another.
type Layout struct {
	cfg    Config
	below  secret.Source
	log    *slog.Logger
	memo   memo
	flat   flat
	warned warned
}

var (
	_ secret.Prover = (*Layout)(nil)
	_ secret.Keeper = (*Layout)(nil)
)

// New returns a Layout over below. What cannot be shown as cfg says is logged.
func New(below secret.Source, cfg Config, log *slog.Logger) *Layout {
	return &Layout{cfg: cfg, below: below, log: log}
}

// Source returns the Layout, or what is below it if there is nothing to be done.
func (l *Layout) Source() secret.Source {
	if !l.cfg.chooses() && !l.cfg.changes() {
		return l.below
	}
	return l
}

// Folder implements [secret.Source]. Directories that are not shown do not exist.
func (l *Layout) Folder(ctx context.Context, dir secret.Dir, need secret.Need) (*secret.Folder, error) {
	if !l.shows(dir) || l.cfg.Flat && dir != l.cfg.Root {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s is not part of this mount: %w", dir, secret.ErrNotFound)
	}
	if l.cfg.Flat {
		return l.all(ctx, need)
	}
	snap, err := l.below.Folder(ctx, dir, need)
	if err != nil {
		return nil, err
	}
	return l.shape(snap), nil
}

// Fresh implements [secret.Keeper]. In a flat layout nothing is at hand.
func (l *Layout) Fresh(dir secret.Dir, need secret.Need) *secret.Folder {
	keeper, ok := l.below.(secret.Keeper)
	if !ok || l.cfg.Flat || !l.shows(dir) {
		return nil
	}
	snap := keeper.Fresh(dir, need)
	if snap == nil {
		return nil
	}
	return l.shape(snap)
}

// shape returns what is shown of a snapshot.
func (l *Layout) shape(snap *secret.Folder) *secret.Folder {
	secrets := l.memo.of([]*secret.Folder{snap}, func() []secret.Secret { return l.merge(l.chosen(snap)) })
	folders := l.folders(snap)
	return snap.With(func(f *secret.Folder) { f.Secrets, f.Folders = secrets, folders })
}

// value returns what is shown of a value.
func (l *Layout) value(v secret.Value) secret.Value {
	switch {
	case l.cfg.TrimNewline && endsLine(v):
		return secret.NewValue(strings.TrimRight(v.Reveal(), "\r\n"))
	case l.cfg.AddNewline && !endsLine(v):
		return secret.NewValue(v.Reveal() + "\n")
	}
	return v
}

// endsLine reports whether a value ends in a newline, and reveals no more of it.
func endsLine(v secret.Value) bool {
	var last [1]byte
	return v.CopyAt(last[:], int64(v.Len())-1) == 1 && last[0] == '\n'
}
