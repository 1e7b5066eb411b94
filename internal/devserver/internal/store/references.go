package store

import (
	"regexp"
	"strings"
	"time"
)

// plainReference is ${KEY}, a reference within the folder.
var plainReference = regexp.MustCompile(`\$\{([A-Za-z0-9_-]+)\}`)

// dotted is how a reference names the folder: dev.payments.eu. with the last dot.
func (at Place) dotted() string {
	return at.Env.Slug + strings.ReplaceAll(strings.TrimSuffix(at.Path, "/"), "/", ".") + "."
}

// rewrite gives every secret of the project whose text alter changes a new
// version with that.
func (p *Project) rewrite(now time.Time, alter func(at Place, value string) string) {
	for _, e := range p.Environments {
		for _, at := range (Place{p, e, "/", e.Root}).Below() {
			for _, x := range at.Folder.Secrets {
				if value := alter(at, x.Value); value != x.Value {
					at.Folder.Change(x, now, func(x *Secret) { x.Value = value })
				}
			}
		}
	}
}

// RenameReferences lets the references to a secret follow its new name.
func (at Place) RenameReferences(old, name string, now time.Time) {
	at.Project.rewrite(now, func(other Place, value string) string {
		value = strings.ReplaceAll(value, "${"+at.dotted()+old+"}", "${"+at.dotted()+name+"}")
		if other.Folder == at.Folder {
			value = strings.ReplaceAll(value, "${"+old+"}", "${"+name+"}")
		}
		return value
	})
}

// MoveReferences lets the references to moved secrets follow them: those in the
// folder that was left become absolute, those in the folder of arrival plain.
func MoveReferences(from, to Place, keys []string, now time.Time) {
	from.Project.rewrite(now, func(at Place, value string) string {
		for _, key := range keys {
			there := "${" + to.dotted() + key + "}"
			if at.Folder == to.Folder {
				there = "${" + key + "}"
			}
			value = strings.ReplaceAll(value, "${"+from.dotted()+key+"}", there)
			if at.Folder == from.Folder {
				value = strings.ReplaceAll(value, "${"+key+"}", there)
			}
		}
		return value
	})
}

// MovedText is the text of a secret where it arrives: its plain references are
// to the folder that it left, unless the new one has such a key.
func MovedText(value string, from, to Place) string {
	return plainReference.ReplaceAllStringFunc(value, func(ref string) string {
		key := ref[2 : len(ref)-1]
		if to.Folder.Shared(key) != nil {
			return ref
		}
		return "${" + from.dotted() + key + "}"
	})
}
