package volume

import (
	"context"
	"fmt"
	"time"

	"infisicalfs/client"
	"infisicalfs/internal/options"
	"infisicalfs/secret"
)

// Account names a login whose credential comes from whoever wants the volume, such as the token
// of a pod's service account, and is replaced while the volume is used. Volumes of equal
// Accounts share one login and one cache, so an Account has everything by which the
// server could tell one login from another. It has no credential, and is in the state file.
type Account struct {
	Method       string `json:"method"`                 // how it logs in
	Config       string `json:"config,omitempty"`       // identity of the configuration file that says which server
	Identity     string `json:"identity,omitempty"`     // what the server calls it
	Subject      string `json:"subject,omitempty"`      // whose the credentials are, as NAMESPACE/NAME
	Audience     string `json:"audience,omitempty"`     // whom they are made for
	Organization string `json:"organization,omitempty"` // the sub-organisation that is logged in to
}

// sameCredential reports whether a credential of the one account is one of the other's.
func (a Account) sameCredential(b Account) bool {
	return a.Method == b.Method && a.Subject == b.Subject && a.Audience == b.Audience
}

// Handed is a credential for an Account. It is kept in memory only, until the next one for the same
// volume, or the end of that: here, and for the next process with whoever keeps what that needs.
type Handed struct {
	Account    Account
	Credential secret.Value
	Until      time.Time // when it ends; zero: that is not known

	// Unproven: whoever brought it has said himself whose it is. The server is asked whether it
	// lets it in before the volume sees what others of the account have fetched, and before others
	// log in with it.
	Unproven bool
}

// errNothingHanded is what a login comes to before somebody has brought a credential, as after a
// restart. It counts as an outage: it is no word of the server's.
var errNothingHanded = fmt.Errorf("nobody has brought a credential yet that is still good: %w", secret.ErrUnavailable)

// handedOver is what an Account has in this process.
type handedOver struct {
	*identity                       // nil until somebody wants it
	from      map[string]credential // by the volume that it came with, which may not have brought one yet
}

type credential struct {
	value secret.Value
	until time.Time
	since time.Time // when it came
}

// hand keeps the account of a volume, whose turn the caller has, and the newest credential that came with it. It
// reports whether there was none before that the account could log in with.
func (m *Manager) hand(volume string, h Handed) (first bool) {
	_, err := m.identities.newest(h.Account)
	c := credential{h.Credential, h.Until, time.Now()}
	if m.identities.put(volume, h.Account, c) {
		m.remember(volume, c)
	}
	return err != nil
}

// put keeps a credential that came with a volume, and reports whether it is another than before.
func (l *identities) put(volume string, account Account, c credential) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	over := l.handed[account]
	if over == nil {
		over = &handedOver{from: map[string]credential{}}
		l.handed[account] = over
	}
	old, known := over.from[volume]
	if known && (c.value.Len() == 0 || c.value.Equal(old.value)) {
		return false
	}
	over.from[volume] = c
	return true
}

// prove asks the server whether it lets an unproven credential in, unless a volume of the account
// has the same one.
func (l *identities) prove(ctx context.Context, h Handed) error {
	if !h.Unproven || l.has(h) {
		return nil
	}
	cfg, err := l.cfg.LoginAs(h.Account, func() (secret.Value, error) { return h.Credential, nil })
	if err != nil {
		return err
	}
	cfg.Gate = l.gate(cfg.URL)
	c, err := options.NewClient(cfg)
	if err != nil {
		return err
	}
	defer l.count(asked{c, nil})()
	defer c.Close()
	return c.Login(ctx)
}

// has reports whether a volume has come with the same credential.
func (l *identities) has(h Handed) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	over := l.handed[h.Account]
	if over == nil {
		return false
	}
	for _, c := range over.from {
		if c.value.Len() > 0 && c.value.Equal(h.Credential) {
			return true
		}
	}
	return false
}

// letGo forgets what came with a volume that is gone: a token that is bound to a pod ends with
// it. With the last volume the account's login ends, and what was read by it is
// forgotten; end does that, and may wait for the server.
func (l *identities) letGo(volume string, account Account) (end func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	over := l.handed[account]
	if over == nil {
		return func() {}
	}
	delete(over.from, volume)
	if len(over.from) > 0 {
		return func() {}
	}
	delete(l.handed, account)
	if over.identity == nil {
		return func() {}
	}
	return over.identity.close
}

// newest is the credential of an account that is good for longest, or that came last.
func (l *identities) newest(account Account) (secret.Value, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	over, now := l.handed[account], time.Now()
	if over == nil {
		return secret.Value{}, errNothingHanded
	}
	var best credential
	for _, c := range over.from {
		ended := !c.until.IsZero() && !now.Before(c.until)
		better := c.until.After(best.until) || c.until.Equal(best.until) && c.since.After(best.since)
		if c.value.Len() > 0 && !ended && better {
			best = c
		}
	}
	if best.value.Len() == 0 {
		return secret.Value{}, errNothingHanded
	}
	return best.value, nil
}

// of returns the identity that a volume is of. It asks no server.
func (l *identities) of(ctx context.Context, v *volume) (*identity, error) {
	if v.account == nil {
		return l.get(ctx, v.means.Identity)
	}
	return l.handedTo(ctx, *v.account)
}

// handedTo returns the identity of an account, which some volume keeps meanwhile.
func (l *identities) handedTo(ctx context.Context, account Account) (*identity, error) {
	done, err := l.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	l.mu.Lock()
	over := l.handed[account]
	l.mu.Unlock()
	switch {
	case over == nil: // all have ended
		return nil, ErrClosed
	case over.identity != nil:
		return over.identity, nil
	}
	cfg, err := l.loginAs(account)
	if err != nil {
		return nil, err
	}
	made, err := l.make(account.login(cfg), l.cfg.Log.With("identity", account.Identity, "subject", account.Subject))
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	over.identity = made
	return made, nil
}

// login is that of the account. Who it is, the account says.
func (a Account) login(cfg client.Config) Login {
	return Login{Config: cfg, Identity: fmt.Sprintf("%q", a)}
}

// loginAs is how an account logs in, each time with the newest credential that has come.
func (l *identities) loginAs(account Account) (client.Config, error) {
	return l.cfg.LoginAs(account, func() (secret.Value, error) { return l.newest(account) })
}
