package main

import (
	"github.com/spf13/cobra"
)

const configPage = `The configuration file names mounts and the identities that they are made with:

  identities:
    ci:
      url: https://infisical.example.com
      client-id: 00000000-0000-0000-0000-000000000000
      client-secret-file: ci.secret        # beside this file
  mounts:
    app:
      identity: ci
      project: shop
      env: prod
      mountpoint: /srv/secrets
      mode: 0440

It is read from $XDG_CONFIG_HOME/infisicalfs/config.yaml (~/.config, if that is not set) and from
` + systemConfig + `; a mount or an identity in the first replaces one of the same name in the second. With
--config FILE only FILE is read.

The keys of a mount are mountpoint and the long flags of 'infisicalfs mount', with what these take; an
identity has the flags that say which server and who: url, ca-cert, client-cert, client-key, headers-file, insecure-http, organization, client-id,
client-secret-file, token-file, auth and what else says how to log in. Relative paths begin at the file's directory. Flags win over variables
(INFISICALFS_…), these over the file, and the file over the variables of Infisical's own tools. Secrets do
not belong into the file, and it must be writable by its owner only.`

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config COMMAND",
		Short: "Explain the configuration file, and check it",
		Long:  configPage,
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(configCheckCommand())
	return cmd
}
