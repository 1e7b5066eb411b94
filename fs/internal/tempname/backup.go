package tempname

import (
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// backupEnds are what editors and programs append to the name of the file whose
// old version they keep: perl -i.bak, sed -i.old, patch, nano, Helix
// (KEYa8Gk2x.bck), ed, JetBrains.
var backupEnds = regexp.MustCompile(`\.(bak|old|orig|save|bck|hup)$|___jb_old___$`)

// Backup reports whether a secret called old that is renamed to name may be an
// old version that a program puts aside before it writes the new one: a temporary, or
// the old name with an end of the table. And shred renames what it destroys to
// zeros, 000 and 00 and 0, before it unlinks it.
func (n Names) Backup(old, name string) bool {
	if n.Temporary(name, func(yield func(string) bool) { yield(old) }) {
		return true
	}
	return strings.HasPrefix(name, old) && backupEnds.MatchString(name) || Shredded(name) && len(name) <= len(old)
}

// Shredded reports whether name is one of shred's on the way to unlink.
func Shredded(name string) bool { return strings.Trim(name, "0") == "" }

// emergency is a file that an editor makes when its terminal goes away or the
// machine shuts down, or a backup that it makes by copying.
type emergency struct {
	programs []string       // as /proc/PID/comm has them
	name     *regexp.Regexp // of the whole file name, or
	end      *regexp.Regexp // what follows the name of a sibling
	excl     bool           // created with O_EXCL, as nano does not do for what it saves otherwise
	unsent   bool           // it may be the only copy of what was typed
}

// emergencies have names that cp, tar and people use as well, so the program
// counts.
var emergencies = []emergency{
	{programs: []string{"nano", "rnano", "pico"}, name: all(`.+\.save(\.[0-9]+)?`), excl: true, unsent: true},
	{programs: []string{"joe", "jmacs", "jstar", "jpico", "rjoe"}, name: all(`DEADJOE`), excl: true, unsent: true},
	{programs: []string{"ed", "red"}, name: all(`ed\.hup`), unsent: true},
	{programs: []string{"ex", "vi", "vim", "vim.basic", "vim.tiny", "vim.nox", "vim.gtk3", "view", "nvim"}, end: all(`\.(bak|old|orig)`)},
}

// Emergency reports whether the program of that name (/proc/PID/comm) makes an
// emergency copy or a backup of its own by creating the file with these open
// flags. The sibling function says whether the folder has a name. Unsent says
// that it may hold what was typed and never saved.
func Emergency(name, program string, flags uint32, sibling func(string) bool) (yes, unsent bool) {
	for _, e := range emergencies {
		if !slices.Contains(e.programs, program) || e.excl && flags&syscall.O_EXCL == 0 {
			continue
		}
		if e.name != nil && e.name.MatchString(name) {
			return true, e.unsent
		}
		if e.end == nil {
			continue
		}
		for i := range name {
			if e.end.MatchString(name[i:]) && sibling(name[:i]) {
				return true, e.unsent
			}
		}
	}
	return false, false
}

// MayBeEmergency reports whether it is worth asking for the program's name.
func MayBeEmergency(name string) bool {
	return slices.ContainsFunc(emergencies, func(e emergency) bool {
		if e.name != nil {
			return e.name.MatchString(name)
		}
		for i := range name {
			if e.end.MatchString(name[i:]) {
				return true
			}
		}
		return false
	})
}

// onlyCopy is a temporary that may hold the only copy of what was typed: vim's swap
// files and emacs' auto-saves.
var onlyCopy = regexp.MustCompile(`^\..*\.sw[a-p]$|^#.*#$`)

// OnlyCopy reports whether a temporary may hold the only copy of what was typed.
func OnlyCopy(name string) bool { return onlyCopy.MatchString(name) }
