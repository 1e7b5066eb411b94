package e2e

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// words are what people name secrets with, and some that sound like a program's.
var words = strings.Fields(`access account admin age alpha amqp api app auth aws azure backup base64 billing bot bucket cache cdn cert
	client cloud cluster code config cookie core crypt cron data db debug default deploy dev dns docker domain editor email encrypt endpoint
	event export feature file ftp gateway gcp git github gpg grafana hash hmac home host hook http id image import index ipv4 ipv6 jdbc jwt
	k8s kafka key kube ldap legacy license live lock log login mail main master metrics mirror mongo mqtt mysql name net node note oauth2
	old orig password patch pem pg pin pool port postgres primary private prod proxy public push query queue rabbit read redis refresh
	region registry relay replica report rsa root route s3 saml scratch sed seed sentry server service session shop sign site slack smtp
	socket sort source sql ssh ssl staging state store stripe swap sync tag temp test tls tmp token tool trace tunnel ui uri url user v2
	vault vpn web webhook worker write x509 xml yaml zone`)

// naturalNames makes n names as people and programs give them to secrets, in many
// styles. They come of a seed and a list of words, and none is left out for being
// difficult, but for those that say themselves that they are temporary or backups.
func naturalNames(n int) []string {
	r := rand.New(rand.NewPCG(2026, 11))
	word := func() string { return words[r.IntN(len(words))] }
	title := func(w string) string { return strings.ToUpper(w[:1]) + w[1:] }
	some := func(least, most int) []string {
		list := make([]string, least+r.IntN(most-least+1))
		for i := range list {
			list[i] = word()
		}
		return list
	}
	hex := func(n int) string { return fmt.Sprintf("%016x%016x%016x", r.Uint64(), r.Uint64(), r.Uint64())[:n] }
	date := func(layout string) string {
		return time.Date(2015+r.IntN(12), time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC).Format(layout)
	}
	camel := func(list []string) string {
		name := list[0]
		for _, w := range list[1:] {
			name += title(w)
		}
		return name
	}
	styles := []func() string{
		func() string { return camel(some(2, 3)) },
		func() string { return title(camel(some(1, 3))) },
		func() string { return strings.Join(some(1, 4), "-") },
		func() string { return strings.Join(some(1, 4), "_") },
		func() string { return strings.Join(some(2, 3), ".") },
		func() string { return strings.ToUpper(strings.Join(some(1, 4), "_")) },
		func() string { return strings.Join(some(1, 2), "-") + "-" + date("20060102") },
		func() string { return word() + date("2006-01-02") },
		func() string { return strings.Join(some(1, 2), "_") + "." + date("200601") },
		func() string { return fmt.Sprintf("%s-v%d.%d.%d", word(), r.IntN(4), r.IntN(20), r.IntN(20)) },
		func() string { return fmt.Sprintf("%s%d.%d", word(), r.IntN(20), r.IntN(20)) },
		func() string { return word() + "-" + hex(7) },
		func() string { return word() + "." + hex(12) },
		func() string { return hex(40) },
		func() string { return fmt.Sprintf("%s%0*d", word(), 1+r.IntN(12), r.IntN(1e6)) },
		func() string { return fmt.Sprintf("%s-%d", word(), r.IntN(1e6)) },
		func() string { return strings.ToUpper(word()) + fmt.Sprint(r.IntN(1000)) },
		func() string { return strings.Join(some(1, 2), "-") + "-" + camel(some(2, 2)) },
		func() string {
			return strings.Join(some(1, 2), ".") + []string{".key", ".pem", ".json", ".yaml", ".conf", ".txt"}[r.IntN(6)]
		},
		func() string {
			return "id_" + []string{"rsa", "ed25519", "ecdsa"}[r.IntN(3)] + []string{"", "_" + word(), "." + word()}[r.IntN(3)]
		},
	}
	var names []string
	for len(names) < n {
		name := styles[r.IntN(len(styles))]()
		if !saysItIsNone(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// saysItIsNone: the name itself says temporary, lock or backup, or is a number.
func saysItIsNone(name string) bool { return itself.MatchString(name) }

var itself = regexp.MustCompile(`^[.#]|[~#]$|\.(lock|temp|tmp|part|swap|swp|bak|backup|old|orig|patch|rej|save)$|^[0-9]+$`)

// The names are worth something only if they are hard to tell from those that
// mkstemp, Python and Go make: by their ends alone nearly half cannot be told.
func TestNaturalNamesAreHard(t *testing.T) {
	bare := regexp.MustCompile(`[A-Za-z0-9]{6}$|[0-9]{5,}$|tmp[a-z0-9_]{8}$`)
	names := naturalNames(2000)
	alike := 0
	for _, name := range names {
		if bare.MatchString(name) {
			alike++
		}
	}
	require.Greater(t, alike, len(names)/3)
	require.Equal(t, names, naturalNames(2000), "they are the same each time")
}
