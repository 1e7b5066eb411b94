package aws

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"infisicalfs/internal/credential/internal/roundtrip"
	"infisicalfs/internal/credential/internal/tokenfile"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// stsWait is how long STS may take, which is on the internet.
const stsWait = 10 * time.Second

// webIdentity is a token of another issuer (of a Kubernetes cluster, in pods) for which
// STS gives keys of a role.
type webIdentity struct {
	from          string // who names it, for messages
	file          string
	role, session string
	region        string
}

func (s *Sources) fromWebIdentity(ctx context.Context, w webIdentity) (Keys, error) {
	if w.role == "" {
		return Keys{}, exitcode.Errorf(exitcode.Config, "set AWS_ROLE_ARN", "%s without the role to take", w.from)
	}
	address := cmp.Or(s.variable("AWS_ENDPOINT_URL_STS"), s.variable("AWS_ENDPOINT_URL"))
	if address == "" {
		if !regionForm.MatchString(w.region) {
			return Keys{}, exitcode.Errorf(exitcode.Config, "set AWS_REGION", "%s without a region", w.from)
		}
		address = "https://sts." + w.region + ".amazonaws.com/"
	}
	token, err := tokenfile.Token(w.from, w.file)
	if err != nil {
		return Keys{}, err
	}
	form := url.Values{
		"Action":           {"AssumeRoleWithWebIdentity"},
		"Version":          {"2011-06-15"},
		"RoleArn":          {w.role},
		"RoleSessionName":  {cmp.Or(w.session, strconv.FormatInt(s.Now().UnixNano(), 10))},
		"WebIdentityToken": {token.Reveal()},
	}
	r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return Keys{}, exitcode.Errorf(exitcode.Config, "correct AWS_ENDPOINT_URL_STS", "the address of STS is not valid")
	}
	r.Header.Set("Content-Type", contentType)
	answer, err := roundtrip.Send(ctx, s.Web, r, stsWait)
	if err != nil {
		return Keys{}, exitcode.Errorf(exitcode.Unreachable, "see whether this machine reaches "+r.URL.Host, "AWS: %s: STS does not answer: %w", w.from, err)
	}
	return keysOfSTS(answer, w.from)
}

// keysOfSTS reads STS's XML, in which the elements of interest have no attributes and
// each name occurs once.
func keysOfSTS(answer roundtrip.Answer, from string) (Keys, error) {
	text := string(answer.Body)
	if answer.Status != http.StatusOK {
		what := strings.TrimSpace(element(text, "Code") + " " + element(text, "Message"))
		if answer.Status >= 500 || answer.Status == http.StatusTooManyRequests {
			return Keys{}, exitcode.Errorf(exitcode.Unreachable, "try again later", "AWS: %s: STS cannot answer now: %s", from, roundtrip.Status(answer.Status, what))
		}
		return Keys{}, exitcode.Errorf(exitcode.Login, "see whether the role trusts the issuer of the token",
			"AWS: %s: STS refuses the token: %s", from, roundtrip.Status(answer.Status, what))
	}
	keys := Keys{
		ID:      element(text, "AccessKeyId"),
		Secret:  secret.NewValue(element(text, "SecretAccessKey")),
		Session: secret.NewValue(element(text, "SessionToken")),
		From:    from,
	}
	if keys.ID == "" || keys.Secret.Len() == 0 || keys.Session.Len() == 0 {
		return Keys{}, fmt.Errorf("AWS: %s: the answer of STS has no keys", from)
	}
	return keys, nil
}

var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&apos;", "'", "&amp;", "&")

// element returns the text of the first XML element of the name, empty if there is none.
func element(text, name string) string {
	_, rest, found := strings.Cut(text, "<"+name+">")
	inside, _, closed := strings.Cut(rest, "</"+name+">")
	if !found || !closed {
		return ""
	}
	return unescape.Replace(strings.TrimSpace(inside))
}
