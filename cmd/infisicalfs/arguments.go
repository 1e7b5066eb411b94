package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"infisicalfs/internal/exitcode"
)

// noArguments also finds the commands that do not exist, which cobra takes for
// arguments of the root.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasParent() {
		return unknownCommand(cmd, args[0])
	}
	return usageError(cmd, fmt.Sprintf("unexpected argument %q", args[0]))
}

func unknownCommand(root *cobra.Command, name string) error {
	text := fmt.Sprintf("unknown command %q", name)
	if near := root.SuggestionsFor(name); len(near) > 0 {
		return &exitcode.Error{Err: errors.New(text), Hint: fmt.Sprintf("did you mean '%s %s'?", root.Name(), near[0]), Code: exitcode.Usage}
	}
	return usageError(root, text)
}

// oneArgument demands exactly one argument and says which.
func oneArgument(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError(cmd, "no "+name+" given")
		}
		return atMostOne(name)(cmd, args)
	}
}

func atMostOne(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usageError(cmd, fmt.Sprintf("one %s is enough, got %d", name, len(args)))
		}
		return nil
	}
}
