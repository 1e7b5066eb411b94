package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"infisicalfs/secret"
)

// identity says who the login is, and how long it lasts.
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
	return strings.Join(parts, "; "), nil
}

// serverSays is what the server's answers tell of it: it has no version to ask for, only routes.
// Logins of clouds, and the lives of tokens, depend on its clock.
func (e *examination) serverSays(ctx context.Context) (string, error) {
	who, err := e.client.Who(ctx)
	if err != nil {
		return "", err
	}
	api := map[string]string{
		"current": "API v4, as servers since September 2025 have",
		"legacy":  "API v3, as servers before September 2025 have",
	}[e.client.Stats().Routes]
	if api == "" {
		api = "an API of no known version"
	}
	switch {
	case who.Skew > 0:
		return fmt.Sprintf("%s; its clock is %s ahead of this machine's", api, who.Skew), nil
	case who.Skew < 0:
		return fmt.Sprintf("%s; its clock is %s behind this machine's", api, -who.Skew), nil
	}
	return api + "; its clock agrees with this machine's", nil
}

const (
	namesShown = 8  // of projects
	nameShown  = 48 // bytes of one, and of a folder's path
)

// shorten leaves out the end of a long name.
func shorten(name string) string {
	if len(name) <= nameShown {
		return name
	}
	return strings.ToValidUTF8(name[:nameShown], "") + "…"
}

// projects says which projects the login sees, or of which one it was told where the server
// lists none.
func (e *examination) projects(ctx context.Context) (string, error) {
	root, err := e.client.Folder(ctx, secret.Dir{}, secret.NeedListing)
	if err != nil {
		return "", err
	}
	var names []string
	for i, p := range root.Folders {
		if i == namesShown {
			names = append(names, fmt.Sprintf("and %d more", len(root.Folders)-i))
			break
		}
		names = append(names, shorten(p.Name))
	}
	if len(names) == 0 {
		return "none is visible: give the login access to one", nil
	}
	return fmt.Sprintf("%d visible: %s", len(root.Folders), strings.Join(names, ", ")), nil
}
