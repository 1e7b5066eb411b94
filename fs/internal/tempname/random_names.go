package tempname

import (
	"iter"
	"regexp"
	"strings"
	"syscall"
)

// row is one way in which programs name temporaries with random characters. A
// row has a root, literal characters or the name of a sibling, and what follows
// it: its separator, alphabet and length. A tail without a root is no row: such
// shapes match half of the names that people choose.
type row struct {
	programs string
	literal  string         // the root; "" for the name of a sibling
	tail     *regexp.Regexp // all that follows the root
	excl     bool           // created with O_EXCL
	private  bool           // with a mode that gives nobody else a right
	not      *regexp.Regexp // tails that people choose too often; nil for none
}

func all(tail string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + tail + `)$`) }

// suffix is what programs append to the random characters if they are asked to.
const suffix = `(\.[A-Za-z0-9]+)?`

// rows are from traces of the programs.
var rows = []row{
	{programs: "sed -i", literal: "sed", tail: all(`[A-Za-z0-9]{6}`), excl: true, private: true},
	{programs: "perl -i", literal: "XX", tail: all(`[A-Za-z0-9]{6}`), excl: true, private: true},
	{programs: "Python tempfile", literal: "tmp", tail: all(`[a-z0-9_]{8}` + suffix), excl: true, private: true},
	{programs: "emacs (file-precious-flag)", literal: "tmp", tail: all(`[A-Za-z0-9]{6}`), excl: true, private: true},
	{programs: "mktemp", literal: "tmp.", tail: all(`[A-Za-z0-9]{10}`), excl: true, private: true},
	{programs: "sort -T", literal: "sort", tail: all(`[A-Za-z0-9]{6}`), excl: true, private: true},
	{programs: "sponge", literal: "sponge.", tail: all(`[A-Za-z0-9]{6}`), excl: true, private: true},
	{programs: "dos2unix", literal: "d2utmp", tail: all(`[A-Za-z0-9]{6}`), excl: true, private: true},
	{programs: "PHP tempnam", literal: "php", tail: all(`[A-Za-z0-9]{6}`), excl: true, private: true},
	// vim tries whether the directory can be written, with the first of these
	// numbers that is free.
	{programs: "vim", tail: nil, literal: "4913", excl: true},
	{programs: "vim", tail: nil, literal: "5036", excl: true},
	{programs: "vim", tail: nil, literal: "5159", excl: true},

	{programs: "GLib, Qt, mktemp", tail: all(`\.[A-Za-z0-9]{6}`), excl: true},
	{programs: "patch", tail: all(`\.o[A-Za-z0-9]{6}`), excl: true},
	{programs: "busybox sed -i, PHP tempnam", tail: all(`[A-Za-z0-9]{6}`), excl: true, private: true},
	{programs: "mktemp, ssh-keygen, augeas", tail: all(`[._-][A-Za-z0-9]{6,10}` + suffix), excl: true, private: true},
	{programs: "Go os.CreateTemp, Java createTempFile", tail: all(`[._-]?[0-9]{5,20}` + suffix), excl: true, private: true},
	{programs: "Python tempfile", tail: all(`[._-]?[a-z0-9_]{8}` + suffix), excl: true, private: true},
	{programs: "Perl File::Temp", tail: all(`[._-]?[A-Za-z0-9_]{8,10}` + suffix), excl: true, private: true},
	{programs: "Ruby Tempfile", tail: all(`[0-9]{8}-[0-9]+-[a-z0-9]+` + suffix), excl: true, private: true},
	// No flags tell its files from others. A date is nobody's hash.
	{programs: "write-file-atomic", tail: all(`\.[0-9]{7,10}`), not: all(`\.(19|20)[0-9]{2}(0[1-9]|1[0-2])([0-2][0-9]|3[01])`)},
}

// Doubtful reports whether a file that is created with these open flags and this
// mode may be a program's temporary: its name is a root of one of the table's
// rows and random characters. The roots are what the folder has, what is being
// made in it, and what was removed from it a moment ago.
func Doubtful(name string, flags, mode uint32, roots iter.Seq[string]) bool {
	_, ok := doubtful(name, flags, mode, roots)
	return ok
}

// doubtful also says whose name it is.
func doubtful(name string, flags, mode uint32, roots iter.Seq[string]) (programs string, ok bool) {
	var siblings []row
	for _, r := range rows {
		switch {
		case r.excl && flags&syscall.O_EXCL == 0, r.private && mode&0o077 != 0:
		case r.literal == "":
			siblings = append(siblings, r)
		case r.matches(r.literal, name):
			return r.programs, true
		}
	}
	for root := range roots {
		if root == "" || !strings.HasPrefix(name, root) {
			continue
		}
		for _, r := range siblings {
			if r.matches(root, name) {
				return r.programs, true
			}
		}
	}
	return "", false
}

func (r row) matches(root, name string) bool {
	tail, ok := strings.CutPrefix(name, root)
	switch {
	case !ok:
		return false
	case r.tail == nil:
		return tail == ""
	}
	return r.tail.MatchString(tail) && (r.not == nil || !r.not.MatchString(tail))
}
