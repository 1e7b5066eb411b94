// Package options has the words that say what to mount and how: flags, which are also
// keys of the configuration file and of fstab, and variables (INFISICALFS_ and the
// flag's name). They are kept in one table, a [pflag.FlagSet], whoever fills it:
//
//	var server options.Server
//	var look options.Look
//	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
//	server.AddFlags(flags)
//	look.AddFlags(flags)
//	err := options.SetWords(flags, words) // or flags.Parse, or BindEnvironment
//	cfg, err := server.ClientConfig(os.LookupEnv, log)
//
// From them come the configurations of a client ([Server.ClientConfig]) and of a mount
// ([Look.MountConfig]), and the log-in to use ([Server.Credentials]). Nothing is printed,
// and no variable is read but through the function that is handed in. An error names the
// option and says what to do about it: it is an *exitcode.Error.
package options
