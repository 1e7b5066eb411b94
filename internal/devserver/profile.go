package devserver

import (
	"fmt"
	"slices"
	"strings"
)

// Profile says which generation of Infisical a [Server] imitates.
type Profile string

// The profiles. The two newest have the same routes and state; CurrentGo answers
// lists and single reads of secrets by the rules of the second backend, written
// in Go, that newest servers have (gobackend.go). The two oldest have the routes
// of 2024; what July2024 does differently is in july2024.go.
const (
	Current   Profile = "current"
	CurrentGo Profile = "current-go"
	Y2024     Profile = "2024"
	July2024  Profile = "2024-07"
)

// Profiles returns all profiles, the newest first.
func Profiles() []Profile { return []Profile{Current, CurrentGo, Y2024, July2024} }

// Old reports whether the profile has the routes of 2024 only: v3 secrets, v1
// folders and workspaces, and no hidden values.
func (p Profile) Old() bool { return p == Y2024 || p == July2024 }

// check is an error for a profile that does not exist.
func (p Profile) check() error {
	if slices.Contains(Profiles(), p) {
		return nil
	}
	var names []string
	for _, known := range Profiles() {
		names = append(names, fmt.Sprintf("%q", string(known)))
	}
	return fmt.Errorf("unknown profile %q: use %s", string(p), strings.Join(names, ", "))
}
