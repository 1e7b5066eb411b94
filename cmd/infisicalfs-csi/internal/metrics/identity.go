package metrics

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"infisicalfs/internal/volume"
)

// MaxIdentities is how many identities are told of by themselves; all others are told together, as
// the one that is called "others".
const MaxIdentities = 250

// identityLabels are the labels by which an identity is told: the configuration's name for the server
// ("": the plugin's own), how it logs in, as whom (the id of a machine identity), and for whom
// (NAMESPACE/SERVICEACCOUNT, or with a client secret the namespace).
var identityLabels = []string{"config", "method", "identity", "subject"}

// identity is what is told of one identity, or of several that have the same labels.
type identity struct {
	labels     [4]string
	volumes    int
	lastAnswer time.Time     // of several the oldest
	outage     time.Duration // of several the longest
	tokenEnds  time.Time     // of several the earliest
}

// identities are what is told of all, with different labels each, in a stable order.
func identities(all []volume.IdentityCounts, now time.Time) (list []*identity) {
	known := map[[4]string]*identity{}
	for _, one := range all {
		who := told(one, now)
		if known[who.labels] == nil && len(list) >= MaxIdentities {
			who.labels = [4]string{"", "", "others", ""}
		}
		if same := known[who.labels]; same != nil {
			same.join(who)
			continue
		}
		known[who.labels] = who
		list = append(list, who)
	}
	return list
}

func told(one volume.IdentityCounts, now time.Time) *identity {
	who := &identity{
		labels:  [4]string{valid(one.Config), valid(one.Method), valid(identityName(one.Account)), valid(one.Subject)},
		volumes: one.Volumes, lastAnswer: one.LastAnswer, tokenEnds: one.TokenEnds,
	}
	if !one.StaleSince.IsZero() {
		who.outage = max(now.Sub(one.StaleSince), time.Second)
	}
	return who
}

// identityName is what an identity is called. The id of a machine identity is public; that of a client
// secret comes out of a Secret, and so only the beginning of its hash is told.
func identityName(a volume.Account) string {
	if a.Method == "universal" {
		return fmt.Sprintf("sha256:%.12x", sha256.Sum256([]byte(a.Identity)))
	}
	return a.Identity
}

// join adds what is told of another identity: what is worse of both.
func (i *identity) join(other *identity) {
	i.volumes += other.volumes
	i.outage = max(i.outage, other.outage)
	if other.lastAnswer.Before(i.lastAnswer) {
		i.lastAnswer = other.lastAnswer
	}
	if other.tokenEnds.Before(i.tokenEnds) {
		i.tokenEnds = other.tokenEnds
	}
}

// longestLabel bounds what one label may cost: volumes name identities, and whoever writes a pod names volumes.
const longestLabel = 200

// valid is text as a label may have it.
func valid(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), longestLabel)], "?")
}
