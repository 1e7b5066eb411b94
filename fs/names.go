package fs

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"infisicalfs/secret"
)

const (
	maxName    = 255       // bytes in a file name, on Linux
	emptyName  = "%empty"  // shows the empty name
	besideDir  = "%secret" // follows the name of a secret that a folder has too
	shortened  = "%~"      // stands between the start of a long name and its hash
	hashLength = 32
)

// EncodeName returns the file name that shows name. It differs from name where
// a file name could not hold it, or would mean something else:
//
//   - a percent sign, a slash, NUL, control characters and bytes that are not
//     UTF-8 are percent-escaped with upper-case digits, and so are "." and two
//     leading dots;
//   - the empty name is "%empty";
//   - what would be longer than 255 bytes is cut and ends in "%~" and a hash of
//     the whole name.
//
// No two names have the same file name.
func EncodeName(name string) string { return encode(name, "") }

// DecodeName is the inverse of [EncodeName] for names that were not cut. It
// refuses, with false, whatever EncodeName does not return: there is one way to
// write each name.
func DecodeName(shown string) (string, bool) {
	if shown == emptyName {
		return "", true
	}
	name, ok := unescape(shown)
	if !ok || name == "" || EncodeName(name) != shown {
		return "", false
	}
	return name, true
}

// encode is EncodeName for a name that is followed by suffix.
func encode(name, suffix string) string {
	if name == "" {
		return emptyName + suffix
	}
	escaped := escape(name)
	if len(escaped)+len(suffix) <= maxName {
		return escaped + suffix
	}
	sum := sha256.Sum256([]byte(name))
	hash := hex.EncodeToString(sum[:])[:hashLength]
	room := maxName - len(shortened) - len(hash) - len(suffix)
	return cut(escaped, room) + shortened + hash + suffix
}

func escape(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRuneInString(name[i:])
		dots := i < 2 && strings.HasPrefix(name, "..") || name == "."
		if dots || r == '%' || r == '/' || unicode.IsControl(r) || r == utf8.RuneError && size == 1 {
			for _, c := range []byte(name[i : i+size]) {
				const digits = "0123456789ABCDEF"
				b.Write([]byte{'%', digits[c>>4], digits[c&15]})
			}
		} else {
			b.WriteString(name[i : i+size])
		}
		i += size
	}
	return b.String()
}

func unescape(shown string) (string, bool) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(shown, "%")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		if len(after) < 2 {
			return "", false
		}
		c, err := hex.DecodeString(after[:2])
		if err != nil {
			return "", false
		}
		b.Write(c)
		shown = after[2:]
	}
}

// cut returns at most n bytes from the start of escaped and splits neither an
// escape nor a character.
func cut(escaped string, n int) string {
	for !utf8.RuneStart(escaped[n]) {
		n--
	}
	if i := strings.LastIndexByte(escaped[:n], '%'); i > n-3 && i >= 0 {
		n = i
	}
	return escaped[:n]
}

// entry is what a name of a snapshot stands for: a folder, or else a secret.
type entry struct {
	folder *secret.Subfolder
	secret *secret.Secret
}

// shownSecret returns the file name of a secret in the snapshot. Where a folder
// has the same name, the folder keeps it.
func shownSecret(snap *secret.Folder, name string) string {
	if _, taken := snap.Subfolder(name); taken {
		return encode(name, besideDir)
	}
	return EncodeName(name)
}

// resolve finds what the snapshot shows under a file name.
func resolve(snap *secret.Folder, shown string) (entry, bool) {
	if name, ok := DecodeName(shown); ok {
		if sub, ok := snap.Subfolder(name); ok {
			return entry{folder: &sub}, addressable(snap.Dir, name)
		}
		if s, ok := snap.Secret(name); ok {
			return entry{secret: &s}, true
		}
		return entry{}, false
	}
	if !derived(shown) {
		return entry{}, false
	}
	for i := range snap.Folders {
		if sub := &snap.Folders[i]; EncodeName(sub.Name) == shown {
			return entry{folder: sub}, addressable(snap.Dir, sub.Name)
		}
	}
	for i := range snap.Secrets {
		if s := &snap.Secrets[i]; shownSecret(snap, s.Name) == shown {
			return entry{secret: s}, true
		}
	}
	return entry{}, false
}

// derived reports whether a file name may be one that only the snapshot can
// explain: one that was cut, or that of a secret beside its folder.
func derived(shown string) bool {
	return strings.Contains(shown, shortened) || strings.HasSuffix(shown, besideDir)
}

// plausible reports whether a file name can be in any snapshot. It saves asking
// the Source for the others.
func plausible(shown string) bool {
	_, ok := DecodeName(shown)
	return ok || derived(shown)
}

// addressable reports whether a folder of that name can be asked for. Paths
// have no escapes, so one called "a/b" or ".." cannot, and is not shown.
func addressable(parent secret.Dir, name string) bool { return parent.Leads(name) }
