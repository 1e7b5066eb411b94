// Package tempname knows how programs call the files that they make beside
// what they write: temporaries, swap and lock files, backups, emergency copies.
// It looks at names, open flags and modes only; what becomes of such a file is
// for the caller to decide.
//
// There are four kinds, from certain to uncertain:
//
//   - A temporary: the name says by itself that it is temporary ([Names.Temporary]).
//   - An emergency file: what an editor saves when its terminal goes away; its
//     name could be anybody's, so the program counts ([Emergency]).
//   - A backup name: a secret that is renamed to it is about to be written anew,
//     or was renamed by a person ([Names.Backup]).
//   - A doubtful name: a known beginning and random characters ([Doubtful]).
//     Names that people choose can look the same.
//
// Names are file names as the kernel has them, not names on the server.
package tempname

import (
	"iter"
	"regexp"
	"strings"
)

// Names decides by name alone.
type Names struct {
	// Dotfiles makes every name with a leading dot a secret's, unless a program
	// is known to call its temporary files so. Without it only those are that
	// people are known to keep.
	Dotfiles bool
}

// ends say by the end of a name that it is temporary:
//
//	X~ X.~1~          backups of emacs, vim, nano, cp --backup, install -b
//	X# #X#            emacs' auto-save, lpd
//	.lock             git, kubectl, proper-lockfile
//	.swp .swo .swx    vim (.swpx: a probe of its swap file)
//	.tmp .temp .part  many
//	.tmp-HEX .tmp.N   atomically (Node) and others
//	.rej              patch
//	.augnew           augeas
//	.vsctmp           VS Code
//	.dpkg-new …       dpkg
//	-journal -wal     SQLite
//	___jb_tmp___      JetBrains
//	.sb-…             macOS' safe save
var ends = regexp.MustCompile(`[~#]$` +
	`|\.(lock|sw[a-p]|swx|swpx|tmp|temp|part|rej|augnew|vsctmp)$` +
	`|\.tmp-[0-9a-f]{8,}$|\.tmp\.[0-9]+$|\.dpkg-[a-z]+$|-(journal|wal|shm)$|___jb_tmp___$|\.sb-[0-9a-f]+-[A-Za-z0-9]+$`)

// kept are names with a leading dot that people keep, because programs look for
// credentials there: those of npm, curl, PostgreSQL, Apache, MySQL, PyPI, git,
// Docker, S3, boto, Yarn, Terraform, Vault, direnv, Samba, Erlang, msmtp,
// Sentry, and the directories of ssh, AWS, Docker, kubectl, GnuPG.
var kept = regexp.MustCompile(`^\.(npmrc|netrc|pgpass|pg_service\.conf|htpasswd|my\.cnf|mylogin\.cnf|pypirc|git-credentials` +
	`|dockercfg|dockerconfigjson|s3cfg|boto|yarnrc|yarnrc\.yml|terraformrc|vault-token|env|envrc|env(\.[a-z]+)+|smbcredentials` +
	`|erlang\.cookie|msmtprc|sentryclirc|ssh|aws|docker|kube|gnupg|config)$`)

// dotTemporaries are names with a leading dot that no person chooses: emacs'
// locks, LibreOffice's, NFS', FUSE's, GIO's, macOS', Rust's tempfile, rsync's
// directories, atomicwrites'.
var dotTemporaries = regexp.MustCompile(`^\.(#|~|\.|_|nfs[0-9a-f]{8,}$|fuse_hidden|goutputstream-|sb-|tmp|DS_Store$|atomicwrite|rsync-)`)

// Temporary reports whether the name alone says that a file or directory is
// temporary. The siblings are what else the folder has; they count only for
// names with a leading dot under Dotfiles: .KEY.a8Gk2x (rsync), .KEY123456
// (renameio) and .KEY.swp are temporaries of KEY.
func (n Names) Temporary(name string, siblings iter.Seq[string]) bool {
	switch {
	case ends.MatchString(name), strings.HasPrefix(name, "#"):
		return true
	case !strings.HasPrefix(name, "."), kept.MatchString(name):
		return false
	case !n.Dotfiles, dotTemporaries.MatchString(name):
		return true
	}
	for sibling := range siblings {
		tail, ok := strings.CutPrefix(name[1:], strings.TrimPrefix(sibling, "."))
		if ok && dotTail.MatchString(tail) {
			return true
		}
	}
	return false
}

// TemporaryDir reports whether a directory's name says that what is in it is temporary.
// A dot alone does not: people keep much in such directories.
func TemporaryDir(name string) bool {
	return Names{Dotfiles: true}.Temporary(name, func(func(string) bool) {})
}

// dotTail is what follows the name of a sibling in .KEY.a8Gk2x and the like.
var dotTail = regexp.MustCompile(`^[.-]?([A-Za-z0-9]{6}|[0-9]{5,})$`)
