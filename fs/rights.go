package fs

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hanwen/go-fuse/v2/fuse"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/internal/glob"
	"infisicalfs/secret"
)

// Rights are permission bits and an owner, as far as they are given.
type Rights struct {
	Mode     *uint32 // permission bits
	UID, GID *uint32
}

// Rule gives the files that a pattern matches other rights. Its names are file
// names, as they are shown, below the root of the mount.
type Rule struct {
	Files  glob.Pattern
	Rights Rights
}

// ServerRights lets the metadata of a secret say what its file's mode and owner
// are. Who may edit secrets is not who may decide what happens on this machine,
// so it goes as far as the mount says and no further.
type ServerRights struct {
	// Ceiling has the permission bits that may be given at most.
	Ceiling uint32
	// Account returns the number of a user, or of a group, by its name. It
	// answers at once.
	Account func(name string, group bool) (uint32, bool)
}

// The keys of the metadata.
const (
	modeKey  = "fs.mode"  // octal, such as 0440
	ownerKey = "fs.owner" // a user's name or number
	groupKey = "fs.group" // a group's
)

// setRights sets mode and owner of the file that shows s, which is called name
// in dir: those of the mount, then those that the server gives, then those of the last
// rule that matches.
func (f *FS) setRights(dir secret.Dir, name string, s *secret.Secret, out *fuse.Attr) {
	out.Mode = f.cfg.FileMode
	out.Uid, out.Gid = f.cfg.UID, f.cfg.GID
	if f.cfg.ServerRights != nil && len(s.Metadata) > 0 {
		rights, err := f.cfg.ServerRights.of(s, out)
		if err == nil {
			rights.set(out)
		} else if f.refusedRights.first(dir, name, err) {
			f.log.Warn("the secret's metadata asks for rights that it does not get; the mount's are in force",
				"path", path.Join(dir.String(), filename.Encode(name)), "error", err)
		}
	}
	if len(f.cfg.Rules) > 0 {
		elements := append(f.elements(dir), filename.Encode(name))
		for _, rule := range slices.Backward(f.cfg.Rules) {
			if rule.Files.Match(elements...) {
				rule.Rights.set(out)
				return
			}
		}
	}
}

// setViewRights sets mode and owner of a view of snap, called shown. It has all of
// the folder's values in it, so it is for nobody who may not read each of their
// files. A rule that has its name at the end, not only a pattern, is meant so.
func (f *FS) setViewRights(snap *secret.Folder, shown string, out *fuse.Attr) {
	out.Mode, out.Uid, out.Gid = f.cfg.FileMode, f.cfg.UID, f.cfg.GID
	elements := append(f.elements(snap.Dir), shown)
	meant := false
	for _, rule := range slices.Backward(f.cfg.Rules) {
		if rule.Files.Match(elements...) {
			rule.Rights.set(out)
			meant = path.Base(rule.Files.String()) == shown
			break
		}
	}
	out.Mode &^= 0o222
	if meant || len(f.cfg.Rules) == 0 && f.cfg.ServerRights == nil {
		return
	}
	for i := range snap.Secrets {
		var file fuse.Attr
		f.setRights(snap.Dir, snap.Secrets[i].Name, &snap.Secrets[i], &file)
		out.Mode &= readers(&file, out.Uid, out.Gid) | 0o111
	}
}

// readers returns who may certainly read a file, in the bits of another one that
// belongs to uid and gid.
func readers(file *fuse.Attr, uid, gid uint32) (bits uint32) {
	if file.Mode&0o444 == 0o444 {
		return 0o444
	}
	if file.Uid == uid {
		bits |= file.Mode & 0o400
	}
	if file.Gid == gid {
		bits |= file.Mode & 0o040
	}
	if file.Uid == uid && file.Gid == gid {
		bits |= file.Mode & 0o004
	}
	return bits
}

func (r Rights) set(out *fuse.Attr) {
	if r.Mode != nil {
		out.Mode = *r.Mode & 0o777
	}
	if r.UID != nil {
		out.Uid = *r.UID
	}
	if r.GID != nil {
		out.Gid = *r.GID
	}
}

// elements returns the file names that lead from the root to dir.
func (f *FS) elements(dir secret.Dir) []string {
	var list []string
	for ; dir != f.cfg.Root && dir != (secret.Dir{}); dir = dir.Parent() {
		list = append(list, filename.Encode(dir.Name()))
	}
	slices.Reverse(list)
	return list
}

// of returns the rights that a secret's metadata asks for, all or none, in place
// of the mount's. Files that belong to root are believed by programs because of
// that, so root is for mounts that are root's anyway. Who is given a file gets no
// more of it than the ceiling has, whatever the mount's mode is.
func (c *ServerRights) of(s *secret.Secret, mount *fuse.Attr) (rights Rights, err error) {
	for _, m := range s.Metadata {
		switch m.Key {
		case modeKey:
			bits, err := strconv.ParseUint(m.Value, 8, 32)
			if err != nil {
				return Rights{}, fmt.Errorf("%s is no octal number: write it like 0440", modeKey)
			}
			if over := uint32(bits) &^ (c.Ceiling & 0o777); bits > 0o7777 || over != 0 {
				return Rights{}, fmt.Errorf("%s=%04o has bits that --server-modes=%04o does not allow", modeKey, bits, c.Ceiling)
			}
			mode := uint32(bits)
			rights.Mode = &mode
		case ownerKey:
			if rights.UID, err = c.account(m, false, mount.Uid); err != nil {
				return Rights{}, err
			}
		case groupKey:
			if rights.GID, err = c.account(m, true, mount.Gid); err != nil {
				return Rights{}, err
			}
		}
	}
	if rights.Mode == nil && (rights.UID != nil || rights.GID != nil) {
		mode := mount.Mode & c.Ceiling
		rights.Mode = &mode
	}
	return rights, nil
}

// account reads a user or group; mount is the one that the mount's files have.
func (c *ServerRights) account(m secret.Metadata, group bool, mount uint32) (*uint32, error) {
	number, err := strconv.ParseUint(m.Value, 10, 32)
	id := uint32(number)
	if err != nil {
		var ok bool
		if id, ok = c.Account(m.Value, group); !ok {
			return nil, fmt.Errorf("%s=%q does not exist on this machine", m.Key, strings.ToValidUTF8(m.Value, "?"))
		}
	}
	if id == 0 && mount != 0 {
		return nil, fmt.Errorf("%s is root, and the mount's is not", m.Key)
	}
	if id == nobody {
		return nil, fmt.Errorf("%s=%d is no account", m.Key, id)
	}
	return &id, nil
}

// notices knows what was logged already.
type notices struct {
	mu    sync.Mutex // guards texts
	texts map[string]bool
}

// maxNotices bounds what is remembered; past it things are logged again.
const maxNotices = 1000

// first reports whether err has not been logged yet of a secret.
func (n *notices) first(dir secret.Dir, name string, err error) bool {
	text := fmt.Sprintf("%s %q: %v", dir, name, err)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.texts[text] {
		return false
	}
	if n.texts == nil || len(n.texts) >= maxNotices {
		n.texts = make(map[string]bool)
	}
	n.texts[text] = true
	return true
}

// nobody is the number that chown takes for "leave it as it is".
const nobody = 1<<32 - 1
