package options_test

import (
	"fmt"
	"log/slog"

	"github.com/spf13/pflag"

	"infisicalfs/internal/options"
	"infisicalfs/secret"
)

// What a volume is created with are the same words as on the command line.
func Example() {
	words := map[string]string{"url": "https://infisical.example.com", "ttl": "30s", "mode": "0444", "include": "tls/*.key", "read-only": "true"}
	var server options.Server
	var look options.Look
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	server.AddFlags(flags)
	look.AddFlags(flags)
	if err := options.SetWords(flags, words); err != nil {
		fmt.Println(err) // names the word, and never its value
		return
	}
	nothing := func(string) (string, bool) { return "", false } // no variables count
	cfg, err := server.ClientConfig(nothing, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := options.NewClient(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	mount, err := look.MountConfig("/run/secrets", c, secret.Dir{Project: "shop", Env: "prod", Path: "/"}, nil)
	fmt.Println(mount.Root, mount.Cache.TTL, mount.ReadOnly, mount.Layout.Include, err)
	// Output: /shop/prod 30s true [tls/*.key] <nil>
}
