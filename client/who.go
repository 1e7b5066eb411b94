package client

import (
	"context"
	"fmt"
	"strings"
	"time"

	"infisicalfs/client/internal/transport"
	"infisicalfs/secret"
)

// Who is what the login says of itself. What a token does not tell, as those of servers of
// 2024 hardly do, is the zero value.
type Who struct {
	Name           string // of the machine identity
	IdentityID     string // of the machine identity
	UserID         string // of the person
	OrganizationID string
	Ends           time.Time     // when the access token in use stops working
	Uses           int           // how many requests it is good for, in all; 0: any number
	Skew           time.Duration // how far the server's clock is before this machine's, to a second; 0 also if nobody was asked yet
}

// Who says who the login is. It logs in if need be, and fails as [Client.Login] does.
func (c *Client) Who(ctx context.Context) (Who, error) {
	ctx, end := c.server.Begin(ctx)
	defer end()
	claims, err := c.server.Claims(ctx)
	if err != nil {
		return Who{}, transport.DeadlineError(ctx, "log in", err)
	}
	who := Who{
		Name: claims.IdentityName, IdentityID: claims.IdentityID, UserID: claims.UserID, OrganizationID: claims.OrgID,
		Ends: c.server.Stats().TokenEnds, Uses: claims.NumUses, Skew: c.server.Skew(),
	}
	if end := claims.End(); who.Ends.IsZero() || !end.IsZero() && end.Before(who.Ends) {
		who.Ends = end
	}
	return who, nil
}

// TokenEnd is when a token says that it ends, zero if it does not or is no JWT. Nothing of
// it is verified: that is the server's business.
func TokenEnd(token secret.Value) time.Time { return transport.ClaimsOf(token).End() }

// TokenOwner says whose a token is, in words that are the same for all tokens of one owner and
// are no secret; empty if the token does not say it. Nothing of it is verified.
func TokenOwner(token secret.Value) string {
	text := token.Reveal()
	if parts := strings.Split(text, "."); len(parts) > 2 && parts[0] == "st" { // a service token, which is its own owner
		return parts[0] + "." + parts[1]
	}
	switch claims := transport.ClaimsOf(token); {
	case claims.IdentityID != "":
		return "the machine identity " + claims.IdentityID + " in " + claims.OrgID
	case claims.UserID != "":
		return "the user " + claims.UserID + " in " + claims.OrgID
	}
	return ""
}

// fewUses is fewer than a mount makes requests in a day or two.
const fewUses = 10_000

// ErrFewUses is wrapped by the refusal of a login that is good for few requests. It wraps
// [secret.ErrUnauthenticated].
var ErrFewUses = fmt.Errorf("too few for a mount: %w", secret.ErrUnauthenticated)

// CheckUses is an error wrapping [ErrFewUses] for a login whose tokens are good
// for a few requests only: whoever asks again and again would be refused soon, and each
// new login is a burden to the server. It logs in if need be.
func (c *Client) CheckUses(ctx context.Context) error {
	who, err := c.Who(ctx)
	if err == nil && who.Uses > 0 && who.Uses < fewUses {
		err = fmt.Errorf("log in: the access token is good for %d uses only, and each request is one: %w", who.Uses, ErrFewUses)
	}
	return err
}
