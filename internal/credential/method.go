package credential

import (
	"context"
	"slices"

	"infisicalfs/client"
)

// Method is one way to log in.
type Method struct {
	Name    string // what --auth calls it
	Summary string // what it is for, in a few words

	// Path of its login, between /v1/auth/ and /login. Empty: there is none, and Open
	// makes the Auth.
	Path string

	// Identity are the variables that name the identity's id for this method alone;
	// one that is set picks the method. The id may also come from --identity-id,
	// INFISICAL_MACHINE_IDENTITY_ID and systemd's infisical-identity-id, which pick none.
	// Nil: the login has no such id (use an empty list where there is no such variable).
	Identity []string

	// Settings are what else it is fed with.
	Settings []Setting

	// Elsewhere says what is seen of it where settings cannot tell: among the files of
	// Infisical's own tool ([OwnTool]) and on the machine ([Machine]). What it returns is
	// for people; empty: nothing. For the rank Machine it is asked only if an identity
	// id is known, all methods at once, and has until the end of ctx. Nil: nothing ever.
	Elsewhere func(ctx context.Context, s *Search, rank Rank) string

	// Remote is [client.Method.Remote].
	Remote bool

	// Prove prepares what a login shows: it reads what can be read now, so that a
	// mistake shows now, and returns what makes the proof of each login. The fields
	// identityId and organizationSlug are added to it. With Path only.
	Prove func(s *Search) (Prover, error)

	// Open makes the Auth of a method without Path.
	Open func(s *Search) (client.Auth, error)
}

// Prover makes the proofs of one identity, as [client.Method] wants them.
type Prover struct {
	Proof  func(ctx context.Context) (client.Proof, error)
	Inputs func() ([]byte, error) // nil: nothing can be replaced
}

// Setting is one thing that a method is fed with. What is set to nothing counts as not set.
type Setting struct {
	Flag  string // its long name; empty: there is none
	Usage string // of the flag, with what it takes in backquotes: `file` if it names a file

	Variables []string // that have it; the first that is set counts
	Paths     []string // variables that name a file which has it
	Stored    string   // its name in systemd's $CREDENTIALS_DIRECTORY
	Default   string   // file that has it if nothing else says so

	// Secret: it is nobody's to see. It is taken from no flag but from the file that
	// the flag names, and its variables are not handed on to other programs.
	Secret bool

	// Platform: its variables are made by the platform for all programs, to which they
	// are handed on.
	Platform bool

	// Free: a secret that may have blanks inside, as passwords do.
	Free bool

	// Shared: other methods have it too, or it is no credential, so that it picks no method.
	Shared bool

	// Public: others than the owner may read its files, as the platform makes them so.
	Public bool
}

// Rank is a place where credentials are looked for. The lower one wins.
type Rank int

const (
	Explicit    Rank = iota // flags, INFISICALFS_… variables and the configuration file
	Environment             // variables
	Directory               // systemd's $CREDENTIALS_DIRECTORY
	OwnTool                 // files of Infisical's command line tool
	Machine                 // what this machine suggests
	ranks
)

// secretVariables are those variables of a method that hold what is secret.
func (m *Method) secretVariables() (names []string) {
	for _, setting := range m.Settings {
		if setting.Secret && !setting.Platform {
			names = append(names, setting.Variables...)
		}
	}
	return names
}

// SecretVariables are the variables, of all methods, with which a program could log in:
// those that have fixed names, and the one that a flag or a variable names.
func (f *Flags) SecretVariables(lookup func(string) (string, bool)) (names []string) {
	for _, m := range methods() {
		names = append(names, m.secretVariables()...)
	}
	s := Search{Flags: f, Lookup: lookup}
	if name, _ := s.Text(oidcTokenEnv); name != "" {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Names are the names of all methods, in the order of the list.
func Names() (names []string) {
	for _, m := range methods() {
		names = append(names, m.Name)
	}
	return names
}
