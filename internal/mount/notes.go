package mount

import (
	"context"
	"fmt"

	"infisicalfs/internal/attach"
	"infisicalfs/secret"
)

// Notes are what is allowed and yet may not be what was meant, a sentence each.
func (m *Mount) Notes() []string { return m.notes }

func (r *rooms) notes(ctx context.Context, cfg Config, p attach.Place) (list []string) {
	if p.Hides {
		list = append(list, "the mountpoint has content, which is hidden while mounted")
	}
	if mode := r.tree.DirMode(); cfg.AllowOther && mode&0o011 == 0 {
		list = append(list, fmt.Sprintf("other users are let in only as far as modes allow, and directories have %04o: add for example --dir-mode=0555 --mode=0444", mode))
	}
	if len(cfg.Layout.Include) > 0 {
		f, err := r.layout.Source().Folder(ctx, r.root, secret.NeedListing)
		if err == nil && len(f.Secrets)+len(f.Folders) == 0 {
			list = append(list, "nothing is shown: --include matches no name; its patterns are of the server's names, relative to what is mounted")
		}
	}
	return list
}
