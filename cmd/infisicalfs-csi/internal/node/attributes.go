package node

import (
	"maps"
	"strings"

	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// Attributes that Kubernetes adds: with podInfoOnMount, and, for volumes that were provisioned,
// by the provisioner.
const (
	podPrefix         = "csi.storage.k8s.io/"
	provisionerPrefix = "storage.kubernetes.io/"

	podNamespace   = podPrefix + "pod.namespace"
	serviceAccount = podPrefix + "serviceAccount.name"
	accountTokens  = podPrefix + "serviceAccount.tokens"
)

// Attributes of a volume that say as whom it is read. All others are words of volumes.
const (
	wordIdentity     = "identity"          // of the node's configuration: which server
	wordIdentityID   = "identity-id"       // of the machine identity that the service account logs in as
	wordAudience     = "audience"          // of the token to show, where the driver asks for several
	wordOrganization = "organization-slug" // the sub-organisation to log in to
)

// attributes are those of a volume, taken apart, and the secrets that came with it.
type attributes struct {
	words map[string]string // of the volume

	config, identity, audience, organization string // as whom it is to be read, as far as that is said
	namespace, account                       string // of the pod
	tokens                                   string // JSON, as the kubelet sends them; empty: none
	clientID                                 string
	clientSecret                             secret.Value
}

// parse takes the attributes of a volume apart, and the secrets that came beside them: the
// kubelet sends tokens there where it is told to, and among the attributes otherwise. What is no
// attribute of anybody is left among the words, for package options to refuse.
func parse(context, secrets map[string]string) (a attributes, err error) {
	a.words = map[string]string{}
	maps.Copy(a.words, context)
	maps.DeleteFunc(a.words, func(key, _ string) bool {
		return strings.HasPrefix(key, podPrefix) || strings.HasPrefix(key, provisionerPrefix)
	})
	take := func(key string) string {
		value := a.words[key]
		delete(a.words, key)
		return value
	}
	a.config, a.identity, a.audience, a.organization = take(wordIdentity), take(wordIdentityID), take(wordAudience), take(wordOrganization)
	a.clientID, a.clientSecret = secrets[clientID], secret.NewValue(secrets[clientSecret])
	if a.tokens = secrets[accountTokens]; a.tokens == "" {
		a.tokens = context[accountTokens]
	}
	a.namespace, a.account = context[podNamespace], context[serviceAccount]
	if a.namespace == "" || a.account == "" {
		err = exitcode.Errorf(exitcode.Config, "set podInfoOnMount: true in the CSIDriver object", "it is not said which service account the pod has")
	}
	return a, err
}

// forGroup has files be read by a group of the pod's, unless the words say otherwise.
func forGroup(words map[string]string, group string) {
	if group == "" {
		return
	}
	mode, dirMode := "0440", "0550"
	if words["write"] == "true" {
		mode, dirMode = "0660", "0770"
	}
	for word, value := range map[string]string{"gid": group, "mode": mode, "dir-mode": dirMode} {
		if _, said := words[word]; !said {
			words[word] = value
		}
	}
}
