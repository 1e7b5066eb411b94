// Package credential finds what to log in with: which method, fed from where.
//
// A [Method] is one way to log in. It says by which names people know it, which flags,
// variables and files feed it (its [Setting] values), and how a [client.Auth] is made of
// them. Each method is a file of its own, method_NAME.go, and a line in the list in
// methods.go; nothing else in the program knows them one by one.
//
// [Search.Find] goes through the places in which a method's settings can be, the ranks:
// flags before the environment, that before systemd's credentials, that before the files
// of Infisical's own command line tool, and at last what the machine itself suggests. The
// first rank in which anything is seen decides. Two methods that are seen in one rank
// contradict each other, which is an error; what is seen in lower ranks is passed over,
// and told. --auth (or INFISICAL_AUTH_METHOD) picks a method instead:
//
//	var flags credential.Flags
//	flags.AddFlags(set)
//	// … parse the command line …
//	search := credential.Search{Flags: &flags, Lookup: os.LookupEnv}
//	found, err := search.Find(ctx)
//	// found.Apply(&config) of a client; found.String() tells where it comes from
//
// Nothing is sent to the server here, and nothing is printed. Files are read once, so that
// a mistake shows at once, and again for each login, so that one that was replaced is
// followed. An error names the flag, the variable or the file and says what to do about it
// (*exitcode.Error); none has a credential in it.
package credential
