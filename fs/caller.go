package fs

import (
	"context"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/caller"
)

// threadOf returns the thread that makes the request, 0 if our pid namespace does
// not have it.
func threadOf(ctx context.Context) uint32 {
	c, _ := fuse.FromContext(ctx)
	if c == nil {
		return 0
	}
	return c.Pid
}

// processOf returns the process that makes the request, nobody if that cannot be
// found out.
func (f *FS) processOf(ctx context.Context) caller.Process { return f.callers.Of(threadOf(ctx)) }

// userOf returns the user of this machine who makes the request: whose a text is,
// and whose budget it takes. It reads /proc, so it is for what keeps a text or
// begins one, and not for reading.
//
// Where binds of the mount may be idmapped, the kernel names nobody in a request,
// and in one that creates a file the user as the bind maps him, who may be
// somebody else here. So the request's own word counts only where /proc has none:
// before, on behalf of somebody, and for who is in another pid namespace. Who is in
// neither is taken for the daemon's owner, as whom everything can be read anyway.
func (f *FS) userOf(ctx context.Context) uint32 {
	c, _ := fuse.FromContext(ctx)
	if c == nil {
		return f.cfg.OwnerUID
	}
	if ctx.Value(behalf{}) == nil {
		if uid, ok := caller.User(c.Pid); ok {
			return uid
		}
	}
	if c.Uid == caller.NoUser {
		return f.cfg.OwnerUID
	}
	return c.Uid
}

// callerOf returns thread and user of who makes the request.
func (f *FS) callerOf(ctx context.Context) fuse.Caller {
	return fuse.Caller{Pid: threadOf(ctx), Owner: fuse.Owner{Uid: f.userOf(ctx)}}
}

// creatorOf returns the owner that a file created by the request has: the user as
// the bind through which he comes maps him.
func (f *FS) creatorOf(ctx context.Context) uint32 {
	if c, ok := fuse.FromContext(ctx); ok && c.Uid != caller.NoUser {
		return c.Uid
	}
	return f.userOf(ctx)
}

// behalf is the key of a context that is made for somebody, who need not make the
// request and may have ended.
type behalf struct{}

// onBehalfOf returns a context for what is done for who made an earlier request, as
// [FS.callerOf] has told him.
func onBehalfOf(ctx context.Context, who fuse.Caller) context.Context {
	return context.WithValue(fuse.NewContext(ctx, &who), behalf{}, true)
}
