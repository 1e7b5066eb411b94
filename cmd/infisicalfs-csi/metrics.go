package main

import (
	"context"
	"errors"
	"net"

	"infisicalfs/cmd/infisicalfs-csi/internal/metrics"
	"infisicalfs/cmd/infisicalfs-csi/internal/node"
	"infisicalfs/internal/exitcode"
)

// tell answers at --metrics until end is called. If that cannot go on, cancel is told why.
func (o *options) tell(ctx context.Context, cancel context.CancelCauseFunc, cfg metrics.Config) (end func(), err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.metrics)
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Config, "give another address, or leave --metrics out", "listening at --metrics: %w", err)
	}
	server := metrics.New(cfg)
	go func() {
		if err := server.Serve(listener); err != nil {
			cancel(err)
		}
	}()
	cfg.Log.Info("metrics are told", "address", listener.Addr().String())
	return func() { server.Close() }, nil
}

// readiness tells whether the kubelet knows the driver. Without r somebody else registers it.
func readiness(r *node.Registration) func() error {
	return func() error {
		if r != nil && !r.Known() {
			return errors.New("the kubelet has not registered the driver yet")
		}
		return nil
	}
}
