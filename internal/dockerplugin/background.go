package dockerplugin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"infisicalfs/internal/exitcode"
)

const (
	// mountWithin is less than the five seconds that Podman waits for any answer.
	mountWithin = 3500 * time.Millisecond
	// goOnFor bounds a mount that goes on after its caller was told to try again, and
	// the time for which it is kept for that.
	goOnFor = time.Minute
	// ownID stands among the users of a volume for a mount that goes on in the
	// background. It is one name for all times, so that the next process can take away
	// what a killed one has left.
	ownID = "infisicalfs: a mount that goes on in the background"
)

// background has the mounts that go on after their caller was answered.
type background struct {
	volumes Volumes
	log     *slog.Logger

	ctx    context.Context // ended by Close
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu     sync.Mutex                    // guards trying
	trying map[string]context.CancelFunc // ends what goes on for a volume
}

// begin takes away what an earlier process may have left.
func (b *background) begin(volumes Volumes, log *slog.Logger) {
	b.volumes, b.log, b.trying = volumes, log, map[string]context.CancelFunc{}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	for _, v := range volumes.List() {
		b.letGo(b.ctx, v.Name)
	}
}

// Close ends what goes on in the background, and waits for it. Mounts stay.
func (b *background) Close() {
	b.cancel()
	b.work.Wait()
}

// goOn mounts a volume in the background and keeps it mounted for a while, so that
// whoever tries again finds it. One at a time is enough for a volume.
func (b *background) goOn(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trying[name] != nil || b.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, goOnFor)
	b.trying[name] = cancel
	b.work.Go(func() {
		defer cancel()
		b.keep(ctx, name)
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.trying, name)
	})
}

// enough ends what goes on for a volume: somebody has it mounted.
func (b *background) enough(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if cancel := b.trying[name]; cancel != nil {
		cancel()
	}
}

func (b *background) keep(ctx context.Context, name string) {
	if _, err := b.volumes.Mount(ctx, name, ownID); err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) {
			b.log.Warn("not mounted in the background", "volume", name, "error", err)
		}
		return
	}
	b.log.Info("mounted in the background, for the next try", "volume", name)
	<-ctx.Done()
	if b.ctx.Err() == nil { // else the next process does it, with the mount left as it is
		b.letGo(context.WithoutCancel(ctx), name)
	}
}

// letGo takes the background from the users of a volume.
func (b *background) letGo(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(ctx, mountWithin)
	defer cancel()
	if err := b.volumes.Unmount(ctx, name, ownID); err != nil {
		b.log.Warn("still mounted", "volume", name, "error", err)
	}
}

// mount answers in time, with the mountpoint or with an error.
func (p *Plugin) mount(ctx context.Context, r volumeRequest) (mountedAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, mountWithin)
	defer cancel()
	point, err := p.Volumes.Mount(ctx, r.Name, r.ID)
	if err == nil {
		p.enough(r.Name)
	} else if ctx.Err() != nil {
		p.goOn(r.Name)
		err = &exitcode.Error{
			Err:  fmt.Errorf("the volume %q was not ready within %s: %w", r.Name, mountWithin, err),
			Hint: "it goes on in the background: start the container again",
			Code: exitcode.Unreachable,
		}
	}
	return mountedAnswer{point}, err
}

// unmount answers in time, too. What takes longer goes on: no engine asks again.
func (p *Plugin) unmount(ctx context.Context, r volumeRequest) (nothing, error) {
	soon, cancel := context.WithTimeout(ctx, mountWithin)
	defer cancel()
	err := p.Volumes.Unmount(soon, r.Name, r.ID)
	if err == nil || soon.Err() == nil {
		return nothing{}, err
	}
	p.work.Go(func() {
		ctx, cancel := context.WithTimeout(p.ctx, goOnFor)
		defer cancel()
		if err := p.Volumes.Unmount(ctx, r.Name, r.ID); err != nil {
			p.log.Error("still mounted", "volume", r.Name, "error", err)
		}
	})
	return nothing{}, fmt.Errorf("the volume %q is still mounted after %s, which goes on in the background: %w", r.Name, mountWithin, err)
}
