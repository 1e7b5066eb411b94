//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("say speed, compare, costs, many, peers, volumes or soak: scripts/bench and scripts/soak do")
	}
	flags := pflag.NewFlagSet(args[0], pflag.ContinueOnError)
	program := flags.String("program", "", "the infisicalfs to measure")
	switch args[0] {
	case "bare":
		mode := flags.String("mode", bareKeep, "how files are opened: keep, direct or none")
		if err := flags.Parse(args[1:]); err != nil || flags.NArg() != 1 {
			return errors.Join(errors.New("bare wants one directory"), err)
		}
		return serveBare(ctx, flags.Arg(0), *mode)
	case "speed":
		rounds := flags.Int("rounds", 7, "how often everything is repeated")
		plot := flags.String("plot", "", "SVG file to draw")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return speed(ctx, *program, max(1, *rounds), *plot)
	case "compare":
		against := flags.String("against", "", "the infisicalfs to compare with")
		rounds := flags.Int("rounds", 7, "how often everything is repeated")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return compare(ctx, *program, *against, max(1, *rounds))
	case "many":
		against := flags.StringArray("against", nil, "another infisicalfs, may be repeated")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return many(ctx, append(*against, *program))
	case "costs":
		against := flags.StringArray("against", nil, "another infisicalfs, may be repeated")
		rounds := flags.Int("rounds", 7, "how often warm reads are repeated")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return costs(ctx, append(*against, *program), max(1, *rounds))
	case "peers":
		rounds := flags.Int("rounds", 7, "how often everything is repeated")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return comparePeers(ctx, *program, max(1, *rounds))
	case "volumes":
		many := flags.Int("volumes", 100, "how many")
		apart := flags.Int("processes", 100, "how many processes to compare with")
		atOnce := flags.Int("at-once", 8, "how many are mounted side by side")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return volumes(ctx, *program, max(2, *many), max(1, min(*many, *apart)), max(1, *atOnce))
	case "volume-service":
		atOnce := flags.Int("at-once", 8, "how many are mounted side by side")
		if err := flags.Parse(args[1:]); err != nil || flags.NArg() != 1 {
			return errors.Join(errors.New("volume-service wants one directory"), err)
		}
		return serveVolumes(ctx, flags.Arg(0), *atOnce, os.Stdin, os.Stdout)
	case "soak":
		lasts := flags.Duration("for", 10*time.Minute, "how long")
		profile := flags.String("profile", "current", "which server: current, current-go, 2024 or 2024-07")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return soak(ctx, *program, *lasts, *profile, flags.Args())
	}
	return fmt.Errorf("there is no %q: say speed, compare, costs, many, peers, volumes or soak", args[0])
}
