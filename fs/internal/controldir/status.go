package controldir

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/readonly"
)

// statusFile is .infisicalfs/status.
type statusFile struct {
	readonly.Node
	cfg *Config
}

var (
	_ fusefs.NodeGetattrer = (*statusFile)(nil)
	_ fusefs.NodeOpener    = (*statusFile)(nil)
	_ fusefs.NodeReader    = (*statusFile)(nil)
	_ fusefs.FileReader    = (*statusHandle)(nil)
)

// attr gives the size of what an open would get now, and never that of a handle:
// Linux names none for fstat, and go-fuse then picks any one that is open, perhaps
// somebody else's from long ago.
func (s *statusFile) attr(out *fuse.Attr) {
	text, _ := s.cfg.Status() // its failure is reported by open
	s.cfg.attr(0o400, len(text), out)
}

func (s *statusFile) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	s.attr(&out.Attr)
	return 0
}

func (s *statusFile) Open(_ context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		return nil, 0, syscall.EROFS
	}
	if s.cfg.NoOpens {
		return nil, 0, syscall.ENOSYS
	}
	text, err := s.cfg.Status()
	if err != nil {
		return nil, 0, s.cfg.Failed("open", Name+"/"+statusName, err)
	}
	return &statusHandle{text}, fuse.FOPEN_DIRECT_IO, 0
}

// Read reads what a handle has. If the kernel opens files by itself the status
// is refused: it would be the first one for ever.
func (s *statusFile) Read(ctx context.Context, fh fusefs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if h, ok := fh.(fusefs.FileReader); ok {
		return h.Read(ctx, dest, off)
	}
	return nil, syscall.ENOTSUP
}

// statusHandle is the status as it was at open.
type statusHandle struct{ text []byte }

func (h *statusHandle) Read(_ context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if off >= int64(len(h.text)) {
		return fuse.ReadResultData(nil), 0
	}
	return fuse.ReadResultData(dest[:copy(dest, h.text[off:])]), 0
}
