// Package keyring reads one item of the desktop's keyring (gnome-keyring, KeePassXC,
// KWallet), which programs speak to by the Secret Service interface on the session's D-Bus.
//
//	address, err := keyring.Address(lookup)            // ErrNoBus: a server, a unit of systemd's, sudo
//	text, err := keyring.Get(ctx, address, "infisical-cli", user)
//
// Reading has no effect on the session: no bus and no keyring is started for it, nobody
// is asked to unlock one ([ErrLocked] says that somebody has to), and a program that has
// the name of the keyring and never answers is waited for three seconds.
package keyring
