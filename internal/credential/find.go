package credential

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"infisicalfs/client"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// ErrNoCredentials is the error where nothing is found at all.
var ErrNoCredentials = &exitcode.Error{Err: errors.New("no credentials"), Hint: "set INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET, or use --token-file, or --client-id with --client-secret-file; a person logs in with 'infisical login'; --auth and --identity-id log in with a machine's own identity", Code: exitcode.Login}

// machineTime is how long all of what the machine suggests may take to find out.
const machineTime = 2 * time.Second

// Found is the outcome of a search: the credentials to use, where they come from, and
// which others were seen.
type Found struct {
	Auth     client.Auth
	Method   string   // by the name of --auth
	From     string   // for people
	Identity string   // names who it is, the same each time, without being secret; empty: not known
	Passed   []Passed // in the order of the ranks
	Server   string   // the one server that the credentials are for, in the place of the default one; empty: whichever is configured
	Warnings []string // what should not be so and keeps nobody from logging in
}

// Passed is a credential that was seen and is not used.
type Passed struct{ From, Why string }

// String tells where the credentials come from, and none of what they are.
func (f Found) String() string {
	if len(f.Passed) == 0 {
		return f.From
	}
	var names []string
	for _, p := range f.Passed {
		names = append(names, p.From)
	}
	return fmt.Sprintf("%s (not used: %s)", f.From, strings.Join(names, ", "))
}

// Apply puts the credentials into a client's configuration, and the address of their
// server if they have one.
func (f Found) Apply(cfg *client.Config) {
	cfg.Auth = f.Auth
	if f.Server != "" {
		cfg.URL = f.Server
	}
}

// sighting is a method that is seen in a rank, by what.
type sighting struct {
	method *Method
	from   string
}

// Find returns what to log in with. Errors are *exitcode.Error: of [exitcode.Login] if
// there is no credential, or one that is not to be used, else of [exitcode.Config].
func (s *Search) Find(ctx context.Context) (Found, error) {
	pinned, by, pinRank, err := s.pinned(ctx)
	if err != nil {
		return Found{}, err
	}
	for rank := Explicit; rank < ranks; rank++ {
		if pinned != nil && rank == pinRank {
			return s.take(sighting{pinned, pinned.Name + ", as " + by + " says"}, rank, by)
		}
		seen := s.seen(ctx, rank)
		if rank == Machine && len(seen) > 1 {
			// Nobody has asked for any of them, so the order of the list decides: what is
			// nearest to the process, a pod or a job, before the machine that it runs on.
			found, err := s.take(seen[0], rank, "")
			for _, other := range seen[1:] {
				found.Passed = append(found.Passed, Passed{other.from, seen[0].method.Name + " is nearer; --auth " + other.method.Name + " picks it"})
			}
			return found, err
		}
		if len(seen) > 1 {
			return Found{}, twoAtOnce(seen[0].from, seen[1].from)
		}
		if len(seen) == 1 {
			return s.take(seen[0], rank, "")
		}
	}
	return Found{}, s.nothing()
}

func twoAtOnce(one, other string) error {
	return exitcode.Errorf(exitcode.Login, "keep one of them and unset the other, or pick a method with --auth",
		"two credentials at once: %s and %s", one, other)
}

// pinned is the method that --auth or the variable of Infisical's own tool picks, nil if
// none does. The variable does not stand against a flag for another credential. A profile
// named by a flag picks the login of Infisical's own tool: whoever names one is not to be
// somebody else because of a variable that happens to be there.
func (s *Search) pinned(ctx context.Context) (m *Method, by string, rank Rank, err error) {
	name, by, rank := strings.TrimSpace(s.Flags.Method), "--auth", Explicit
	if profile, ok := s.at(userProfile, Explicit); ok && name == "" {
		if others := s.seen(ctx, Explicit); len(others) > 0 {
			return nil, "", 0, twoAtOnce(profile.name, others[0].from)
		}
		name, by = loggedInUser().Name, profile.name
	}
	if name == "" {
		const variable = "INFISICAL_AUTH_METHOD"
		name, by, rank = s.variable(variable), variable, Environment
	}
	if name == "" {
		return nil, "", 0, nil
	}
	if m = methodNamed(name); m == nil {
		return nil, "", 0, exitcode.Errorf(exitcode.Config, "the methods are "+strings.Join(Names(), ", "), "%s: there is no method %q", by, name)
	}
	return m, by, rank, nil
}

// seen lists the methods of which there is something in a rank.
func (s *Search) seen(ctx context.Context, rank Rank) (list []sighting) {
	if rank >= OwnTool {
		return s.seenElsewhere(ctx, rank)
	}
	for _, m := range methods() {
		if from := s.seenIn(m, rank); from != "" {
			list = append(list, sighting{m, from})
		}
	}
	return slices.DeleteFunc(slices.Clone(list), func(one sighting) bool { return s.owner(one.from, list) != one.method })
}

// owner is the method to which a variable belongs by which several are seen: the one that
// is fed with something else too, or the first of them.
func (s *Search) owner(from string, list []sighting) (owner *Method) {
	for _, one := range list {
		switch {
		case one.from != from:
		case s.fed(one.method):
			return one.method
		case owner == nil:
			owner = one.method
		}
	}
	return owner
}

// fed reports whether something is set that only this method takes.
func (s *Search) fed(m *Method) bool {
	for _, setting := range m.Settings {
		for rank := Explicit; rank <= Directory && !setting.Shared; rank++ {
			if _, ok := s.at(setting, rank); ok {
				return true
			}
		}
	}
	return false
}

// seenIn says by what a method is seen in a rank, empty if it is not. What has been
// used for the log-in is not seen any more.
func (s *Search) seenIn(m *Method, rank Rank) string {
	if rank == Environment {
		for _, name := range m.Identity {
			if s.variable(name) != "" && !s.used[name] {
				return name
			}
		}
	}
	var names []string
	for _, setting := range m.Settings {
		if setting.Shared {
			continue
		}
		if p, ok := s.at(setting, rank); ok && !s.used[p.name] {
			names = append(names, p.name)
		}
	}
	if len(names) > 1 && rank != Explicit { // the first says enough
		names = names[:1]
	}
	return strings.Join(names, " and ")
}

// seenElsewhere asks the methods themselves, side by side.
func (s *Search) seenElsewhere(ctx context.Context, rank Rank) (list []sighting) {
	ctx, cancel := context.WithTimeout(ctx, machineTime)
	defer cancel()
	all := methods()
	from := make([]string, len(all))
	var wg sync.WaitGroup
	for i, m := range all {
		if m.Elsewhere == nil {
			continue
		}
		if rank == Machine && m.Identity != nil {
			if id, _ := s.identityID(m); id == "" {
				continue
			}
		}
		wg.Go(func() { from[i] = m.Elsewhere(ctx, s, rank) })
	}
	wg.Wait()
	for i, m := range all {
		if from[i] != "" {
			list = append(list, sighting{m, from[i]})
		}
	}
	return list
}

// take makes the Auth of a method, and says what is not used because of it. by says what
// has picked the method, empty if it was the first to be seen.
func (s *Search) take(winner sighting, rank Rank, by string) (Found, error) {
	auth, err := s.auth(winner.method)
	if err != nil {
		return Found{}, err
	}
	if slug := s.organizationSlug(); slug != "" && winner.method.Path == "" {
		s.Warn("--organization-slug (INFISICAL_AUTH_ORGANIZATION_SLUG) picks nothing here: a token (" + winner.from + ") is of one organisation for good, and it takes another login to be in " + slug)
	}
	found := Found{Auth: auth, Method: winner.method.Name, From: winner.from, Identity: s.identity, Server: s.issuer, Warnings: s.warnings}
	why := winner.from + " comes first"
	if by != "" {
		why = by + " picks " + winner.method.Name
	}
	for r := rank; r <= Directory; r++ {
		for _, other := range s.seen(context.Background(), r) {
			if r != rank || other.method.Name != winner.method.Name {
				found.Passed = append(found.Passed, Passed{other.from, why})
			}
		}
	}
	return found, nil
}

// auth makes the Auth of a method out of all that it is fed with.
func (s *Search) auth(m *Method) (client.Auth, error) {
	if m.Path == "" {
		return m.Open(s)
	}
	common := map[string]any{}
	if slug := s.organizationSlug(); slug != "" {
		// The second is what servers called it until summer 2026. They ignore what they do not know.
		common["organizationSlug"], common["subOrganizationName"] = slug, slug
	}
	if m.Identity != nil {
		id, from := s.identityID(m)
		if id == "" {
			return nil, exitcode.Errorf(exitcode.Config, "add --identity-id, or set "+generalIdentity, "%s without the id of the machine identity", m.Name)
		}
		if err := oneWord(from, id); err != nil {
			return nil, err
		}
		s.id = id
		common["identityId"], s.identity = id, m.Name+" "+id
	}
	prover, err := m.Prove(s)
	if err != nil {
		return nil, err
	}
	return client.IdentityAuth(client.Method{
		Name: m.Name, Path: m.Path, Remote: m.Remote, Inputs: prover.Inputs,
		Proof: func(ctx context.Context) (client.Proof, error) {
			proof, err := prover.Proof(ctx)
			if err != nil {
				return client.Proof{}, outage(err)
			}
			if proof.Fields == nil {
				proof.Fields = map[string]any{}
			}
			for name, value := range common {
				proof.Fields[name] = value
			}
			return proof, nil
		},
	}), nil
}

// outage marks the failure to reach whoever makes a proof as one: the credentials are
// not at fault.
func outage(err error) error {
	if exitcode.Of(err) == exitcode.Unreachable {
		return fmt.Errorf("%w: %w", err, secret.ErrUnavailable)
	}
	return err
}

// nothing is the error where nothing is seen, with what may have been meant.
func (s *Search) nothing() error {
	if trouble := s.directoryTrouble(); trouble != "" {
		return &exitcode.Error{Err: fmt.Errorf("%w, and %s", ErrNoCredentials.Err, trouble), Code: exitcode.Login,
			Hint: "a unit gets it by LoadCredential= or SetCredential=; in a container or a namespace without propagation of mounts systemd leaves it empty"}
	}
	var loose []string
	if id, from := s.identityID(&Method{}); id != "" {
		loose = append(loose, from)
	}
	for _, m := range methods() {
		for _, setting := range m.Settings {
			for rank := Explicit; rank <= Directory && setting.Shared; rank++ {
				if p, ok := s.at(setting, rank); ok && !slices.Contains(loose, p.name) {
					loose = append(loose, p.name)
				}
			}
		}
	}
	if who := s.behindSudo(); who != "" && len(loose) == 0 {
		return &exitcode.Error{Err: ErrNoCredentials, Code: exitcode.Login,
			Hint: ErrNoCredentials.Hint + "; by sudo it is not seen whether " + who + " is logged in with Infisical's own tool"}
	}
	if len(loose) == 0 {
		return ErrNoCredentials
	}
	if !slices.ContainsFunc(loose, func(name string) bool { return !ofOwnTool(name) }) { // they are for what is only there after a login
		return exitcode.Errorf(exitcode.Login, runLogin, "%w: %s is set, and nobody is logged in with Infisical's own tool", ErrNoCredentials.Err, strings.Join(loose, ", "))
	}
	return &exitcode.Error{Err: fmt.Errorf("%w: which method %s is for is not said", ErrNoCredentials.Err, strings.Join(loose, ", ")), Code: exitcode.Login,
		Hint: "pick one with --auth or INFISICAL_AUTH_METHOD: " + strings.Join(Names(), ", ")}
}
