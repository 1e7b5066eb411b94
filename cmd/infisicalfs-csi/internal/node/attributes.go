package node

import (
	"maps"
	"strings"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/volume"
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
	wordIdentityID   = "identity-id"       // of the machine identity that the service account logs in as
	wordAudience     = "audience"          // of the token to show, where the driver asks for several
	wordOrganization = "organization-slug" // the sub-organisation to log in to
)

// attributes are those of a volume, taken apart.
type attributes struct {
	words    map[string]string // of the volume
	account  volume.Account    // as which it is read; Method is not set yet
	audience string
	tokens   string // JSON, as the kubelet sends them; empty: none
}

// parse takes the attributes of a volume apart. Secrets are those that came beside them: the
// kubelet sends tokens there where it is told to, and among the attributes otherwise. What is no
// attribute of anybody is left among the words, for package options to refuse.
func parse(context, secrets map[string]string) (a attributes, err error) {
	a.words = maps.Clone(context)
	maps.DeleteFunc(a.words, func(key, _ string) bool {
		return strings.HasPrefix(key, podPrefix) || strings.HasPrefix(key, provisionerPrefix)
	})
	take := func(key string) string {
		value := a.words[key]
		delete(a.words, key)
		return value
	}
	a.account.Identity, a.account.Organization, a.audience = take(wordIdentityID), take(wordOrganization), take(wordAudience)
	if a.words == nil {
		a.words = map[string]string{}
	}
	namespace, name := context[podNamespace], context[serviceAccount]
	if namespace == "" || name == "" {
		return a, exitcode.Errorf(exitcode.Config, "set podInfoOnMount: true in the CSIDriver object", "it is not said which service account the pod has")
	}
	a.account.Subject = namespace + "/" + name
	if a.tokens = secrets[accountTokens]; a.tokens == "" {
		a.tokens = context[accountTokens]
	}
	return a, nil
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
