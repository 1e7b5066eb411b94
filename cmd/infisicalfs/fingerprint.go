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
func (o *mountOptions) fingerprint(c *client.Client, who options.Found) string {
	if who.Identity == "" || len(o.Templates.Files) > 0 {
		return ""
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q %q\n", c.Server(), options.FirstOf(os.LookupEnv, o.server.Organization, options.Borrowed["organization"]...), who.Identity)
	values := settingsOf(o.flags)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(unlike, name) {
			fmt.Fprintf(sum, "%s=%q\n", name, values[name])
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}
