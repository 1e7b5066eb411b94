package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"infisicalfs/client"
	"infisicalfs/internal/attach"
	"infisicalfs/internal/mounttable"
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
		for _, note := range propagation() {
			fmt.Fprintf(out, "note  %-12s %s\n", "propagation", oneLine(note))
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
		step("identity", e.identity)
	return first
}

// propagation says who may write to a mount although it was given read-only. That
// keeps no mount from being made.
func propagation() (notes []string) {
	if p := attach.CanPropagate(attach.PropagateRO); p.Reason != "" {
		notes = append(notes, "what appears of a mount elsewhere later, as in containers with rslave, can be written there, through a read-only bind mount too: "+p.Reason+"; use --read-only if nothing is to be written")
	}
	for _, h := range mounttable.WritableInReadOnly() {
		notes = append(notes, h.String()+" can write to a mount, although what that is mounted in is read-only there: bind it read-only recursively (rro; docker does since version 25), or start it before the mount is made")
	}
	return notes
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

// identity says who the login is, how long it lasts, and whether the clocks agree, on
// which logins of clouds depend.
func (e *examination) identity(ctx context.Context) (string, error) {
	who, err := e.client.Who(ctx)
	if err != nil {
		return "", err
	}
	parts := []string{e.client.Stats().Auth}
	switch {
	case who.UserID != "" && who.IdentityID == "":
		parts = append(parts, "a person")
	case who.Name != "":
		parts = append(parts, "the machine identity "+who.Name)
	case who.IdentityID != "":
		parts = append(parts, "the machine identity "+who.IdentityID)
	}
	if !who.Ends.IsZero() {
		parts = append(parts, fmt.Sprintf("the token has %s left", time.Until(who.Ends).Round(time.Second)))
	}
	if who.Uses > 0 {
		parts = append(parts, fmt.Sprintf("it is good for %d requests", who.Uses))
	}
	if who.Skew != 0 {
		parts = append(parts, fmt.Sprintf("the server's clock differs by %s from this machine's", who.Skew))
	}
	return strings.Join(parts, "; "), nil
}
