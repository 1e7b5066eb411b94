package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"

	"infisicalfs/client"
	"infisicalfs/internal/options"
)

// unlike are flags that may differ between two mounts that are alike.
var unlike = []string{"config", "foreground", "log-file", "debug", "replace"}

// fingerprint is the same for two mounts that show the same of the same server as
// the same identity, and empty where that cannot be known: a token in the
// environment may be anybody's, and a template's file may have another content. It
// is called when the options are complete.
func (o *mountOptions) fingerprint(c *client.Client) string {
	id := options.FirstOf(os.LookupEnv, o.server.ClientID, options.IdentityPrefixes[0]+"CLIENT_ID", options.IdentityPrefixes[1]+"CLIENT_ID")
	if o.server.TokenFile == "" && id == "" || len(o.Templates.Files) > 0 {
		return ""
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q %q\n", c.Server(), options.FirstOf(os.LookupEnv, o.server.Organization, options.Borrowed["organization"]...), id)
	values := settingsOf(o.flags)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(unlike, name) {
			fmt.Fprintf(sum, "%s=%q\n", name, values[name])
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}
