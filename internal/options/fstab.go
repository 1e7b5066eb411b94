package options

import (
	"errors"
	"slices"
	"strings"

	"infisicalfs/internal/exitcode"
)

// ignoredOptions are for mount(8), systemd or the kernel, which has most of
// them set anyway.
var ignoredOptions = []string{
	"defaults", "auto", "noauto", "user", "nouser", "users", "owner", "group", "_netdev", "nofail", "_rnetdev",
	"rw", "suid", "nosuid", "dev", "nodev", "exec", "noexec", "atime", "noatime", "relatime", "norelatime", "strictatime",
	"lazytime", "nolazytime", "diratime", "nodiratime", "sync", "async", "dirsync", "silent", "loud", "mand", "nomand",
	"iversion", "noiversion", "comment", "uhelper", "helper", "default_permissions",
}

// FromFstab translates the texts that mount(8) was given with -o, as in fstab, into
// flags. What is for mount(8), systemd or the kernel is left out.
func FromFstab(texts []string) (flags []string, err error) {
	for _, text := range texts {
		options, err := SplitOptions(text)
		if err != nil {
			return nil, err
		}
		for _, option := range options {
			name, value, hasValue := strings.Cut(option, "=")
			if name == "" || strings.HasPrefix(strings.ToLower(name), "x-") || slices.Contains(ignoredOptions, name) {
				continue
			}
			name = strings.ReplaceAll(name, "_", "-")
			switch {
			case name == "remount":
				return nil, &exitcode.Error{Err: errors.New("a mount cannot be changed"), Hint: "unmount it and mount it again", Code: exitcode.Usage}
			case name == "ro":
				flags = append(flags, "--read-only")
			case hasValue:
				flags = append(flags, "--"+name+"="+value)
			default:
				flags = append(flags, "--"+name)
			}
		}
	}
	return flags, nil
}

// SplitOptions splits at commas as libmount does: one between double quotes is a
// part of the option. The quotes are taken away.
func SplitOptions(text string) (options []string, err error) {
	var option strings.Builder
	quoted := false
	for _, c := range []byte(text) {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			options = append(options, option.String())
			option.Reset()
		default:
			option.WriteByte(c)
		}
	}
	if quoted {
		return nil, &exitcode.Error{Err: errors.New("a double quote in the options is not closed"), Hint: `quote a value that has a comma: chmod="KEY=0400,nobody:root"`, Code: exitcode.Usage}
	}
	return append(options, option.String()), nil
}
