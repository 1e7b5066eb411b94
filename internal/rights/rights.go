// Package rights says which mode and owner a file has: those of the mount, those
// that the secret's metadata on the server asks for, or those of the mount's last
// rule that matches the file's name. Rights here are permission bits, a user and a
// group, as chmod(1) and chown(1) set them; they are not what an identity may do on
// the server.
//
// A [Policy] is made once and asked for each file:
//
//	policy := rights.Policy{Mount: rights.Attr{Mode: 0o400, UID: 1000, GID: 1000}, Rules: rules}
//	attr, err := policy.File(metadata, func() []string { return []string{"payments", "API_KEY"} })
//
// It asks nobody, keeps nothing, and is safe for concurrent use.
package rights

import (
	"iter"
	"path"
	"slices"

	"infisicalfs/internal/glob"
	"infisicalfs/secret"
)

// Attr is the mode and owner of a file.
type Attr struct {
	Mode     uint32 // permission bits
	UID, GID uint32
}

// Rights are permission bits and an owner, as far as they are given.
type Rights struct {
	Mode     *uint32 // permission bits
	UID, GID *uint32
}

// of returns attr with what is given.
func (r Rights) of(attr Attr) Attr {
	if r.Mode != nil {
		attr.Mode = *r.Mode & 0o777
	}
	if r.UID != nil {
		attr.UID = *r.UID
	}
	if r.GID != nil {
		attr.GID = *r.GID
	}
	return attr
}

// Rule gives the files that a pattern matches other rights. Its names are file
// names, as they are shown, below the root of the mount.
type Rule struct {
	Files  glob.Pattern
	Rights Rights
}

// Policy is what a mount says about its files.
type Policy struct {
	Mount  Attr    // what files have that nothing else is said about
	Rules  []Rule  // the last that matches counts, as a whole, whatever the server says
	Server *Server // nil: the server has no say
}

// rule returns the rule for the file that names lead to, nil without one.
func (p *Policy) rule(names []string) *Rule {
	for i := range slices.Backward(p.Rules) {
		if p.Rules[i].Files.Match(names...) {
			return &p.Rules[i]
		}
	}
	return nil
}

// File returns mode and owner of the file of a secret with that metadata. names
// returns the file names that lead to it from the mount's root; it is called only if
// there are rules. The error says why the metadata does not get what it asks for:
// then none of that is in attr, which is in force all the same.
func (p *Policy) File(metadata []secret.Metadata, names func() []string) (attr Attr, refused error) {
	attr = p.Mount
	if p.Server != nil && len(metadata) > 0 {
		var given Rights
		if given, refused = p.Server.rights(metadata, p.Mount); refused == nil {
			attr = given.of(attr)
		}
	}
	if len(p.Rules) > 0 {
		if rule := p.rule(names()); rule != nil {
			attr = rule.Rights.of(attr)
		}
	}
	return attr, refused
}

// View returns mode and owner of a view, to which names lead. It has all of a
// folder's values in it, so it is for nobody who may not read each of files, which
// are those of the folder's secrets, and nobody writes to it. A rule that has its
// name at the end, not only a pattern, is meant as it stands.
func (p *Policy) View(names []string, files iter.Seq[Attr]) Attr {
	attr, meant := p.Mount, false
	if rule := p.rule(names); rule != nil {
		attr = rule.Rights.of(attr)
		meant = path.Base(rule.Files.String()) == names[len(names)-1]
	}
	attr.Mode &^= 0o222
	if meant || len(p.Rules) == 0 && p.Server == nil {
		return attr
	}
	for file := range files {
		attr.Mode &= readers(file, attr) | 0o111
	}
	return attr
}

// readers returns who may certainly read a file, in the bits of another one, which
// may belong to somebody else.
func readers(file, other Attr) (bits uint32) {
	if file.Mode&0o444 == 0o444 {
		return 0o444
	}
	if file.UID == other.UID {
		bits |= file.Mode & 0o400
	}
	if file.GID == other.GID {
		bits |= file.Mode & 0o040
	}
	if file.UID == other.UID && file.GID == other.GID {
		bits |= file.Mode & 0o004
	}
	return bits
}
