package main

import (
	"crypto/tls"
	"errors"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// hintFor says what to do about err: its own hint if it carries one, else what
// usually helps.
func hintFor(err error) string {
	if own, ok := errors.AsType[*exitcode.Error](err); ok && own.Hint != "" {
		return own.Hint
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "if the server's certificate is from an authority of your own, name its file with --ca-cert"
	}
	if _, ok := errors.AsType[*client.AnswerError](err); ok {
		return "is --url the address of an Infisical server? a proxy or gateway may also be answering in its place; one that wants headers gets them with --headers-file"
	}
	for _, row := range hints {
		if errors.Is(err, row.err) {
			return row.hint
		}
	}
	return ""
}

var hints = []struct {
	err  error
	hint string
}{
	{client.ErrFewUses, "raise the number of uses of the identity's access tokens in the settings of its log-in, or set it to 0"},
	{client.ErrUnproven, "check this machine's clock, and that the key or role is one that the cloud accepts and the identity allows"},
	{client.ErrLockedOut, "wait for five minutes, or as long as the identity's settings say, and end whoever else logs in as it with what is wrong"},
	{client.ErrNoMethod, "set this method up for the identity in Infisical, or pick another with --auth; old servers lack some"},
	{secret.ErrUnauthenticated, "check the client id and secret or the token, and that they belong to this server; 'infisicalfs doctor' shows where they come from"},
	{client.ErrAlert, "if a gateway in front of the server wants a client certificate, name one that it accepts with --client-cert and --client-key; TLS 1.2 is the oldest that is spoken"},
	{client.ErrNoProjectList, "servers before mid-2025 list projects only to who names the id of the organisation (--organization; it is in the address of its settings), else name a --project by its id"},
	{secret.ErrDenied, "give the identity access in the project's settings, or name a project, environment and path that it may read (--project, --env, --path)"},
	{secret.ErrNotFound, "check --project, --env and --path; slugs are wanted, not display names"},
	{secret.ErrTooLarge, "if the folder is meant to have so much, raise --max-secrets; else name a folder below it with --path"},
	{secret.ErrRateLimited, "the server limits requests per address; wait a minute, or raise --rate-wait"},
	{secret.ErrTimeout, "check the network to the server, or raise --timeout"},
	{secret.ErrUnavailable, "check --url and the network to it; 'infisicalfs doctor' tries each step"},
}
