package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"infisicalfs/client"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/options"
	"infisicalfs/secret"
)

func doctorCommand() *cobra.Command {
	var files configOptions
	var server options.Server
	var scope options.Scope
	cmd := &cobra.Command{
		Use:   "doctor [flags] [NAME]",
		Short: "Try each step of a mount and say what is wrong",
		Long: `Tries, one after the other, what a mount needs: the kernel's FUSE, credentials, the server, the login, the
project, reading. Takes the flags and variables that mount takes, or the NAME of a mount in the configuration
file. Changes nothing, shows no secret.`,
		Args:              atMostOne("name"),
		ValidArgsFunction: completeMountName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := files.settleName(cmd.Flags(), strings.Join(args, "")); err != nil {
				return err
			}
			return untilSignal(cmd.Context(), func(ctx context.Context) error {
				return examine(ctx, cmd.OutOrStdout(), &server, &scope)
			})
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	scope.AddFlags(flags)
	files.AddFlags(flags)
	server.AddFlags(flags)
	return cmd
}

// examine prints a line for each step. FUSE may fail and the rest be tried all
// the same; of the others each needs the one before. The first failure is
// returned.
func examine(ctx context.Context, out io.Writer, server *options.Server, scope *options.Scope) error {
	e := &examination{server: server, scope: scope}
	defer e.close()
	var first error
	step := func(name string, try func(context.Context) (string, error)) bool {
		detail, err := try(ctx)
		if err != nil {
			fmt.Fprintf(out, "FAIL  %-12s %s\n", name, oneLine(err.Error()))
			if first == nil {
				first = err
			}
			return false
		}
		fmt.Fprintf(out, "ok    %-12s %s\n", name, oneLine(detail))
		return true
	}
	if step("fuse", func(context.Context) (string, error) { return attach.Examine() }) {
		for _, note := range machineNotes() {
			fmt.Fprintf(out, "note  %-12s %s\n", note.about, oneLine(note.text))
		}
	}
	seen := step("credentials", e.credentials)
	for _, note := range e.credentialNotes() {
		fmt.Fprintf(out, "note  %-12s %s\n", "credentials", oneLine(note))
	}
	_ = seen &&
		step("address", e.address) &&
		step("login", e.login) &&
		step("project", e.project) &&
		step("read", e.read) &&
		step("identity", e.identity) &&
		step("server", e.serverSays) &&
		step("projects", e.projects) &&
		step("folders", e.folders)
	return first
}

// examination is what the steps have found out so far. Each returns what to print.
type examination struct {
	server *options.Server
	scope  *options.Scope

	who    options.Found
	client *client.Client // nil before address
	root   secret.Dir
}

func (e *examination) close() {
	if e.client != nil {
		e.client.Close()
	}
}

func (e *examination) credentials(context.Context) (detail string, err error) {
	e.who, err = e.server.InspectCredentials(os.LookupEnv)
	return e.who.String(), err
}

// credentialNotes say why other credentials are not used, and what is wrong with those
// that are.
func (e *examination) credentialNotes() (notes []string) {
	for _, p := range e.who.Passed {
		notes = append(notes, "passed over "+p.From+": "+p.Why)
	}
	return append(notes, e.who.Warnings...)
}

func (e *examination) address(context.Context) (string, error) {
	cfg, err := clientConfig(e.server, nil)
	e.who.Apply(&cfg)
	if err == nil {
		err = e.scope.Complete(os.LookupEnv, cfg.URL)
	}
	if err != nil {
		return "", err
	}
	cfg.Projects = e.scope.Projects()
	if e.client, err = options.NewClient(cfg); err != nil {
		return "", err
	}
	detail := e.client.Server()
	if names := headerNames(cfg.Headers); names != "" {
		detail += "; each request has the headers " + names
	}
	return detail, nil
}

// headerNames are the names of headers for a gateway, whose values are secrets.
func headerNames(headers []client.Header) string {
	var names []string
	for _, h := range headers {
		names = append(names, h.Name())
	}
	return strings.Join(names, ", ")
}

func (e *examination) login(ctx context.Context) (string, error) {
	if err := e.client.Login(ctx); err != nil {
		return "", err
	}
	if e.client.Stats().Total == 0 { // nobody was asked
		return "not needed: a token is used as it is", nil
	}
	return "the server accepts the credentials", nil
}

func (e *examination) project(ctx context.Context) (detail string, err error) {
	if e.root, err = e.scope.Root(ctx, e.client); err != nil {
		return "", err
	}
	detail = e.root.String()
	if from := e.scope.From(); from != "" {
		detail += ", named by " + from
	}
	return detail, nil
}

func (e *examination) read(ctx context.Context) (string, error) {
	f, err := e.client.Folder(ctx, e.root, secret.NeedEntry)
	if err != nil {
		return "", err
	}
	detail := fmt.Sprintf("%d directories, %d secrets; routes: %s", len(f.Folders), len(f.Secrets), e.client.Stats().Routes)
	if id := e.client.EmptyOrganization(); id != "" {
		detail += "; " + options.EmptyOrganization(id)
	}
	return detail, nil
}
