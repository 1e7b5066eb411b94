package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"infisicalfs/internal/daemon"
	"infisicalfs/internal/mount"
	"infisicalfs/internal/run"
)

// keep is run in the namespace: first in the process that starts the keeper,
// which ends when that serves, then in the keeper.
func (o *runOptions) keep(ctx context.Context, keeper *run.Keeper) error {
	child := daemon.Background()
	if child != nil {
		return o.keepBehind(ctx, keeper, child)
	}
	if err := keeper.HandOn(); err != nil {
		return err
	}
	handed := append(keeper.Descriptors(), daemon.Descriptors(o.mount.server.Paths()...)...)
	err := untilSignal(ctx, func(ctx context.Context) error { return daemon.Daemonize(ctx, handed...) })
	if errors.Is(err, errInterrupted) {
		return errTold // by whoever interrupted
	}
	return err
}

// keepBehind is run in the keeper. Until the mount is ready its errors are
// somebody else's to print, later they go to the log.
func (o *runOptions) keepBehind(ctx context.Context, keeper *run.Keeper, child *daemon.Child) error {
	ready := false
	log, _, err := o.mount.backgroundLog()
	if err == nil {
		err = o.mount.absolute()
	}
	if err == nil {
		err = untilSignal(ctx, func(ctx context.Context) error {
			ctx, cancel := child.Context(ctx)
			defer cancel()
			return o.serve(ctx, log, func(r run.Report) error {
				if err := keeper.Tell(r); err != nil {
					return err
				}
				ready = true
				go func() { keeper.CommandEnds(); cancel() }()
				return child.Ready()
			})
		})
	}
	switch {
	case err == nil:
		return nil
	case ready:
		log.Error("the mount has ended", "error", err)
	default:
		child.Failed(err, hintFor(err))
	}
	return fmt.Errorf("%w: %w", errTold, err)
}

// serve mounts, reports, and stays until ctx ends.
func (o *runOptions) serve(ctx context.Context, log *slog.Logger, ready func(run.Report) error) error {
	point, leave, err := run.Place(o.mountpoint)
	if err != nil {
		return err
	}
	defer leave()
	c, cfg, who, err := o.mount.prepare(point, log)
	if err != nil {
		return err
	}
	defer c.Close()
	var report run.Report
	if o.envFrom != "" {
		if report.Variables, err = o.variables(ctx, c, cfg.Layout); err != nil {
			return err
		}
		cfg.Unasked = cfg.Layout.Kind != "flat" && len(cfg.Layout.Include) == 0 // the root has just been read
	}
	return serveMount(ctx, c, o.mount.scope, cfg, nil, func(m *mount.Mount) error {
		noteAll(who.Warnings)
		report.Dir = m.Mountpoint()
		return ready(report)
	})
}
