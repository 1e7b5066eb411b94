package node

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// tokenRequest is what the kubelet says of one token.
type tokenRequest struct {
	Token               string    `json:"token"`
	ExpirationTimestamp time.Time `json:"expirationTimestamp"`
}

// hintTokens is what to do where no token comes.
const hintTokens = "list the audience in tokenRequests of the CSIDriver object"

// token finds the token for an audience among those that the kubelet sends, JSON by audience. No
// audience is any, if there is one only. Errors have no part of a token in them.
func token(text, audience string) (value secret.Value, until time.Time, of string, err error) {
	fail := func(hint, format string, args ...any) (secret.Value, time.Time, string, error) {
		return secret.Value{}, time.Time{}, "", exitcode.Errorf(exitcode.Config, hint, format, args...)
	}
	if text == "" {
		return fail(hintTokens, "the kubelet sends no token of the pod's service account")
	}
	var list map[string]tokenRequest
	if json.Unmarshal([]byte(text), &list) != nil { // whose words may repeat what was sent
		return fail("", "%s is not what a kubelet sends", accountTokens)
	}
	names := slices.Sorted(maps.Keys(list))
	if audience == "" && len(names) != 1 {
		return fail("add the attribute audience, one of "+strings.Join(names, ", "), "the kubelet sends tokens for %d audiences", len(names))
	}
	if audience == "" {
		audience = names[0]
	}
	found, ok := list[audience]
	if !ok || found.Token == "" {
		return fail(hintTokens, "the kubelet sends no token for the audience %q", audience)
	}
	return secret.NewValue(found.Token), found.ExpirationTimestamp, audience, nil
}
