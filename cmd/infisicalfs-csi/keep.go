package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"infisicalfs/cmd/infisicalfs-csi/internal/keeper"
	"infisicalfs/internal/daemon"
	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/logging"
	"infisicalfs/internal/mount"
	"infisicalfs/internal/volume"
)

// keepOptions are what the command line of the keeper says.
type keepOptions struct {
	socket string
	hold   time.Duration
	debug  bool
}

// addFlags declares the options' flags.
func (o *keepOptions) addFlags(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.socket, "socket", "/keeper/keeper.sock", "`path` of the socket; the directory is made the keeper's alone")
	f.DurationVar(&o.hold, "hold", keeper.DefaultHold, "how `long` those who read wait for the next plugin, before they have an error")
	f.BoolVar(&o.debug, "debug", false, "say more")
}

// run keeps what a plugin leaves, until ctx ends.
func (o *keepOptions) run(ctx context.Context) error {
	log := logging.Foreground(o.debug)
	daemon.Harden(log)
	if o.hold <= 0 {
		return exitcode.Errorf(exitcode.Usage, "give some minutes", "--hold %s is no time to wait", o.hold)
	}
	l, err := keeper.Listen(o.socket)
	if err != nil {
		return exitcode.Errorf(exitcode.Config, "name one in a directory that is the keeper's", "listening at --socket: %w", err)
	}
	return (&keeper.Keeper{Hold: o.hold, Log: log}).Serve(ctx, l)
}

// kept is what a keeper has for the plugin; nothing without --keeper. It is closed when all else has ended.
type kept struct {
	*keeper.Client
	cfg volume.Config // as far as it is about what an earlier process has left
}

// receive waits until no other plugin serves the volumes of this node, and takes what it has left.
func (o *options) receive(ctx context.Context) (k kept, err error) {
	log := logging.Foreground(o.debug)
	if o.keeper == "" {
		log.Warn("there is no keeper (--keeper): whoever reads has an error when this process is killed or replaced")
		return k, nil
	}
	if k.Client, err = keeper.Dial(ctx, o.keeper, log); err != nil {
		return k, exitcode.Errorf(exitcode.Config, "", "the keeper at %s: %w", o.keeper, err)
	}
	k.cfg.Keeper = k.Client
	k.cfg.Legacies, k.cfg.Left = mount.ReceiveLegacies(k.Client, log)
	return k, nil
}

// close lets the next process have what is kept. What this one did not go on with is given up.
func (k kept) close() {
	for _, l := range k.cfg.Legacies {
		l.GiveUp(errors.New("the node plugin ends"))
	}
	if k.Client != nil {
		k.Close()
	}
}

// keep is the command of that name.
func keep(args []string) int {
	var o keepOptions
	flags := pflag.NewFlagSet("infisicalfs-csi keep", pflag.ContinueOnError)
	o.addFlags(flags)
	flags.Usage = func() {
		fmt.Fprintf(os.Stderr, "Keeps what a node plugin needs when it is started again (--keeper of the plugin), so that whoever reads its\n"+
			"volumes meanwhile waits and does not fail. It asks nobody for anything and serves nothing else.\n\nUsage:\n  infisicalfs-csi keep [flags]\n\nFlags:\n%s", flags.FlagUsages())
	}
	return execute(flags, args, o.run)
}
