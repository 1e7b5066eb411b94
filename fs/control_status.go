package fs

import (
	"context"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// statusFile is .infisicalfs/status.
type statusFile struct{ node }

var (
	_ fusefs.NodeGetattrer = (*statusFile)(nil)
	_ fusefs.NodeOpener    = (*statusFile)(nil)
	_ fusefs.FileReader    = (*statusHandle)(nil)
)

// attr gives the size of what an open would get now. A handle is not asked for
// its own: see [file.Getattr].
func (s *statusFile) attr(out *fuse.Attr) {
	text, _ := s.fs.cfg.Status() // its failure is reported by open
	s.fs.controlAttr(0o400, len(text), out)
}

func (s *statusFile) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	s.attr(&out.Attr)
	return 0
}

func (s *statusFile) Open(_ context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		return nil, 0, syscall.EROFS
	}
	if s.fs.full() {
		return nil, 0, syscall.ENOSYS
	}
	text, err := s.fs.cfg.Status()
	if err != nil {
		return nil, 0, s.fs.failed("open", controlName+"/"+statusName, err)
	}
	return &statusHandle{text}, fuse.FOPEN_DIRECT_IO, 0
}

// statusHandle is the status as it was at open.
type statusHandle struct{ text []byte }

func (h *statusHandle) Read(_ context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if off >= int64(len(h.text)) {
		return fuse.ReadResultData(nil), 0
	}
	return fuse.ReadResultData(dest[:copy(dest, h.text[off:])]), 0
}
