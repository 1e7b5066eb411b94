package fs

import (
	"regexp"
	"strings"
	"syscall"

	"infisicalfs/secret"
)

// scratchNames are how programs call their temporary, swap, lock and backup
// files. sed, perl and sponge name theirs sedXXXXXX, XXXXXXXX and sponge.XXXXXX.
var scratchNames = regexp.MustCompile(`^[.#]` + `|[~#]$` + `|^[0-9]+$` +
	`|\.(lock|swp|swx|tmp|temp|bak|orig|rej|part)$` + `|^(sed|XX|sponge\.)[A-Za-z0-9]{6}$`)

// environmentName is what most secrets are called and no program calls its
// temporary files.
var environmentName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

// word is what people write, as opposed to random characters: words, perhaps
// with a number at the end.
var word = regexp.MustCompile(`^([a-z]*([A-Z][a-z]+)*|[A-Z]+)[0-9]{0,3}$`)

// acronym is a word with capital letters in it: TLSKey, serverCA.
var acronym = regexp.MustCompile(`^[a-z]*[A-Z]+[a-z]*[0-9]{0,3}$`)

// numberEnd is longer than a date.
var numberEnd = regexp.MustCompile(`[0-9]{9}$`)

// mixed is six letters and digits with capital letters and others among them.
var mixed = regexp.MustCompile(`^[A-Za-z0-9]*([A-Z][A-Za-z0-9]*[a-z0-9]|[a-z0-9][A-Za-z0-9]*[A-Z])[A-Za-z0-9]*$`)

var alphanumeric = regexp.MustCompile(`^[A-Za-z0-9]{5,}$`)

// scratchByName reports whether a name is that of a program's own file beside
// what it writes.
func scratchByName(snap *secret.Folder, name string) bool {
	return scratchNames.MatchString(name) || randomTail(snap, name)
}

// randomTail reports whether a name is that of another secret with random
// characters at its end.
func randomTail(snap *secret.Folder, name string) bool {
	if environmentName.MatchString(name) {
		return false
	}
	for i := range snap.Secrets {
		tail, ok := strings.CutPrefix(name, shownSecret(snap, snap.Secrets[i].Name))
		tail = strings.TrimLeft(tail, ".-_")
		if ok && alphanumeric.MatchString(tail) && !word.MatchString(tail) {
			return true
		}
	}
	return false
}

// createsScratch decides what a file is that is created: scratch, or a secret.
// Nothing but its name and the way in which it is created tells them apart.
func (f *FS) createsScratch(snap *secret.Folder, shown string, flags, mode uint32) bool {
	exclusive := flags&syscall.O_EXCL != 0
	if scratchByName(snap, shown) || exclusive && strings.HasPrefix(shown, "tmp") {
		return true
	}
	if e, ok := resolve(snap, shown); ok && e.secret != nil {
		return false
	}
	if name, ok := DecodeName(shown); ok && f.overlay.wasUnlinked(snap.Dir, name) {
		return false
	}
	return exclusive && mode&0o077 == 0 && randomEnd(shown)
}

// randomEnd reports whether a name ends as mkstemp(3) (six letters and digits) or
// Go's os.CreateTemp (a number) let names end. What is created for nobody else's
// eyes and under a name of its own is somebody's temporary file or a private key
// that is copied here, and only a temporary file may stay here.
func randomEnd(name string) bool {
	if environmentName.MatchString(name) {
		return false
	}
	end := name[max(0, len(name)-6):]
	if numberEnd.MatchString(name) || strings.HasSuffix(strings.TrimSuffix(name, end), ".o") && mixed.MatchString(end) {
		return true // the latter is patch's
	}
	return mixed.MatchString(end) && !word.MatchString(end) && !acronym.MatchString(end)
}

// renamesToScratch decides the same for the new name of a rename.
func (f *FS) renamesToScratch(snap *secret.Folder, shown string) bool {
	if f.overlay.scratch(snap.Dir, shown) != nil {
		return true
	}
	_, taken := resolve(snap, shown)
	return !taken && scratchByName(snap, shown)
}
