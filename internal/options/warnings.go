package options

import (
	"os"
	"path/filepath"

	"infisicalfs/internal/config"
	"infisicalfs/internal/credential"
	"infisicalfs/internal/exitcode"
)

// Warning is what no mount is refused for, and hardly anybody means.
type Warning struct {
	Section string // that it is about
	Err     error
}

// Warnings looks through all that holds of the configuration.
func Warnings(files *config.Config) []Warning {
	return append(sharedMountpoints(files), openSecrets(files)...)
}

// sharedMountpoints finds mounts that keep each other from being mounted.
func sharedMountpoints(files *config.Config) (list []Warning) {
	first := map[string]string{}
	for _, name := range files.Mounts() {
		mount, _ := files.Mount(name)
		point, ok := mount.Setting("mountpoint")
		if !ok {
			continue
		}
		path := filepath.Clean(point.Value())
		if other, taken := first[path]; taken {
			list = append(list, Warning{name, exitcode.Errorf(exitcode.Config, "give each mount a directory of its own",
				"%s: the mountpoint %s is that of the mount %s too", point.At, path, other)})
			continue
		}
		first[path] = name
	}
	return list
}

// openSecrets finds files with credentials that are not their owner's alone, each
// once.
func openSecrets(files *config.Config) (list []Warning) {
	var sections []config.Section
	for _, name := range files.Identities() {
		s, _ := files.Identity(name)
		sections = append(sections, s)
	}
	for _, name := range files.Mounts() {
		s, _ := files.Mount(name)
		sections = append(sections, s)
	}
	seen := map[string]bool{}
	for _, section := range sections {
		for _, key := range append(credential.SecretFileFlags(), headersFlag, keyFlag) {
			s, ok := section.Setting(key)
			if !ok || seen[s.Value()] {
				continue
			}
			seen[s.Value()] = true
			info, err := os.Stat(s.Value())
			if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o077 == 0 {
				continue // one that cannot be read is an error of the mounts that want it
			}
			list = append(list, Warning{section.Name, exitcode.Errorf(exitcode.Config, "chmod go= "+s.Value(),
				"%s: %s: %s can be read by others (mode %04o)", s.At, key, s.Value(), info.Mode().Perm())})
		}
	}
	return list
}
