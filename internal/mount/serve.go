package mount

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"regexp"
	"strings"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/mount/internal/handover"
	"infisicalfs/internal/mount/internal/journal"
	"infisicalfs/internal/mount/internal/kernelstate"
	"infisicalfs/internal/mount/internal/notifier"
	"infisicalfs/internal/mount/internal/session"
	"infisicalfs/internal/mounttable"
)

// serve takes over device, on which the kernel waits, and prepares to answer it.
func (r *rooms) serve(device int, cfg Config) (err error) {
	raw, options := r.raw(device, cfg, nil)
	if cfg.keepsJournal() {
		if r.journal, err = journal.Create(); err != nil {
			cfg.logger().Warn("the mount will not outlive its process", "error", err)
			err = nil
		} else {
			r.kernel.Keep(r.journal)
		}
	}
	r.session, err = session.Begin(device, raw, options)
	return err
}

// goOn is serve for a connection that another process has served, and serves until
// this one begins.
func (r *rooms) goOn(device int, cfg Config, before *handover.Document, inherited *inheritance) (err error) {
	raw, options := r.raw(device, cfg, &before.Kernel)
	inherited.set(r.kernel)
	r.session, err = session.Continue(device, before.Greeting, raw, options)
	if err != nil {
		r.notifier.Close()
	}
	return err
}

// raw is the tree as the kernel knows it. Before is what it knows from another process.
func (r *rooms) raw(device int, cfg Config, before *kernelstate.State) (fuse.RawFileSystem, *fuse.MountOptions) {
	options := r.tree.Options()
	options.MaxWrite = attach.MaxMessage
	if cfg.Hub != nil {
		frugal(&options.MountOptions)
	}
	options.FsName, options.Name = mounttable.SourceName, mounttable.Subtype
	options.Debug = cfg.Debug
	options.MountOptions.Logger = kernelLog(cfg.logger())
	// Whoever could make the mount may map the owners of a bind of it (crun and nspawn
	// with idmap, pods with a user namespace). The price is that requests do not name
	// their user, see caller.go of fs.
	// It wants default_permissions, which a mount made by somebody else need not have.
	options.IDMappedMount = !cfg.foreign() && attach.MayMount()
	options.DisableReadDirPlus = cfg.foreign()
	r.notifier = notifier.New(device)
	options.ServerCallbacks = r.notifier
	nodes := fs.GuardPages(fusefs.NewNodeFS(r.tree.Root(), options))
	r.kernel = kernelstate.New(nodes, r.tree.Root().EmbeddedInode(), before, cfg.logger())
	var raw fuse.RawFileSystem = r.kernel
	if cfg.foreign() {
		raw = fs.CheckPermissions(raw)
	}
	return r.notifier.Serve(raw), &options.MountOptions
}

// frugal has readers' buffers be small where a process has many mounts: each of the two or
// more readers that a mount has waits with a buffer for the largest WRITE. Nearly all that is
// written is smaller than a page; more comes in several requests. READs are as large as
// elsewhere: that is the kernel's own bound, if it is not told another one.
func frugal(options *fuse.MountOptions) {
	options.MaxWrite = 4 << 10
	options.DisabledCapabilities |= fuse.CAP_MAX_PAGES
}

// kernelLog returns the logger that go-fuse writes to: its complaints, and with
// Config.Debug a line for each message. Those lines show the first bytes of
// what is read and written, which are secrets, so a line of the trace passes
// only in the parts that are known to hold none.
func kernelLog(to *slog.Logger) *log.Logger {
	return log.New(&traceWriter{to}, "", 0)
}

type traceWriter struct{ to *slog.Logger }

var _ io.Writer = (*traceWriter)(nil)

// Write takes one line, as a log.Logger promises.
func (w *traceWriter) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	switch {
	case strings.HasPrefix(text, "rx "), strings.HasPrefix(text, "tx "):
		w.to.Debug("fuse: " + withoutContent(text))
	case text == drained:
		w.to.Debug("fuse: " + text)
	default:
		w.to.Warn("fuse: " + text)
	}
	return len(line), nil
}

// drained is what go-fuse says at the end of a reader that has nothing more to read.
var drained = fmt.Sprintf("Failed to read from fuse conn: %v", fuse.Status(syscall.EAGAIN))

// A request is "rx 4: READ n5 {Fh 1 [0 +4096) ...}  p77" with names and content
// between the brace and the last word; an answer is "tx 4:     OK, ..." with
// attributes or content after the comma.
var (
	request = regexp.MustCompile(`^rx \d+: [A-Z0-9_]+ [in]\d+`)
	caller  = regexp.MustCompile(` p\d+$`)
	answer  = regexp.MustCompile(`^tx \d+: +[^,"]*`)
)

func withoutContent(line string) string {
	if head := request.FindString(line); head != "" {
		return head + caller.FindString(line)
	}
	return answer.FindString(line)
}
