// Command infisicalfs-csi serves the volumes of a Kubernetes node: it is a CSI node plugin,
// which the kubelet asks to mount what Infisical has into pods, each as the pod's own service
// account.
//
//	infisicalfs-csi --url https://infisical.example.com --node-id "$NODE_NAME" --keeper /keeper/keeper.sock
//
// When it ends, however that comes about, another process keeps for the next one what that needs to go on, so that
// whoever reads waits and does not fail:
//
//	infisicalfs-csi keep --socket /keeper/keeper.sock
//
// How a call becomes a volume is in package internal/node; what a volume is, and what becomes of it after a
// crash, in package infisicalfs/internal/volume; what is kept, in package internal/keeper.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/mount"
)

// version is set by the linker (-X main.version=…) for releases.
var version = "0.1.0-dev"

func main() { os.Exit(program(os.Args[1:])) }

// program is main without the process: it returns the exit code.
func program(args []string) int {
	if mount.OnlyWatches() {
		return exitcode.OK
	}
	// net/http prints what arrives behind the end of an answer, which may be values.
	log.SetOutput(io.Discard)
	if len(args) > 0 && args[0] == "keep" {
		return keep(args[1:])
	}
	var o options
	flags := pflag.NewFlagSet("infisicalfs-csi", pflag.ContinueOnError)
	o.addFlags(flags)
	flags.Usage = func() {
		fmt.Fprintf(os.Stderr, "Serves volumes of Infisical to the kubelet of a node, as a CSI node plugin. Each pod reads as its own\n"+
			"service account. deploy/kubernetes has what installs it.\n\nUsage:\n  infisicalfs-csi [flags]\n  infisicalfs-csi keep [flags]\n\nFlags:\n%s", flags.FlagUsages())
	}
	o.hangups = make(chan os.Signal, 1) // one that waits is enough for all that come meanwhile
	signal.Notify(o.hangups, syscall.SIGHUP)
	defer signal.Stop(o.hangups)
	return execute(flags, args, func(ctx context.Context) error {
		if o.probe {
			return o.ask(ctx)
		}
		return o.run(ctx)
	})
}

// execute runs a command with its flags, until it is told to end, and returns the exit code.
func execute(flags *pflag.FlagSet, args []string, run func(context.Context) error) int {
	switch err := flags.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		return exitcode.OK
	case err != nil || flags.NArg() > 0:
		fmt.Fprintf(os.Stderr, "infisicalfs-csi: %v\n", errors.Join(err, unexpected(flags.Args())))
		fmt.Fprintln(os.Stderr, "  run infisicalfs-csi --help")
		return exitcode.Usage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "infisicalfs-csi: %s\n", err)
		if failure, ok := errors.AsType[*exitcode.Error](err); ok && failure.Hint != "" {
			fmt.Fprintf(os.Stderr, "  %s\n", failure.Hint)
		}
		return exitcode.Of(err)
	}
	return exitcode.OK
}

func unexpected(args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("unexpected argument %q", args[0])
}
