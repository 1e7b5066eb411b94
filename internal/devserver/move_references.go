package devserver

import (
	"regexp"
	"strings"
)

// plainReference is ${KEY}, a reference within the folder.
var plainReference = regexp.MustCompile(`\$\{([A-Za-z0-9_-]+)\}`)

// dotted is how a reference names the folder: dev.payments.eu. with the last dot.
func (at place) dotted() string {
	return at.env.Slug + strings.ReplaceAll(strings.TrimSuffix(at.path, "/"), "/", ".") + "."
}

// rewrite gives every secret of the project whose text alter changes a new
// version with that.
func (c *call) rewrite(p *project, alter func(at place, value string) string) {
	for _, e := range p.Environments {
		for _, at := range (place{p, e, "/", e.Root}).below() {
			for _, x := range at.f.Secrets {
				if value := alter(at, x.Value); value != x.Value {
					at.f.change(x, c.now, func(x *secret) { x.Value = value })
				}
			}
		}
	}
}

// renameReferences lets the references to a secret follow its new name.
func (c *call) renameReferences(at place, old, name string) {
	c.rewrite(at.p, func(other place, value string) string {
		value = strings.ReplaceAll(value, "${"+at.dotted()+old+"}", "${"+at.dotted()+name+"}")
		if other.f == at.f {
			value = strings.ReplaceAll(value, "${"+old+"}", "${"+name+"}")
		}
		return value
	})
}

// moveReferences lets the references to moved secrets follow them: those in the
// folder that was left become absolute, those in the folder of arrival plain.
func (c *call) moveReferences(from, to place, keys []string) {
	c.rewrite(from.p, func(at place, value string) string {
		for _, key := range keys {
			there := "${" + to.dotted() + key + "}"
			if at.f == to.f {
				there = "${" + key + "}"
			}
			value = strings.ReplaceAll(value, "${"+from.dotted()+key+"}", there)
			if at.f == from.f {
				value = strings.ReplaceAll(value, "${"+key+"}", there)
			}
		}
		return value
	})
}

// movedText is the text of a secret where it arrives: its plain references are
// to the folder that it left, unless the new one has such a key.
func movedText(value string, from, to place) string {
	return plainReference.ReplaceAllStringFunc(value, func(ref string) string {
		key := ref[2 : len(ref)-1]
		if to.f.shared(key) != nil {
			return ref
		}
		return "${" + from.dotted() + key + "}"
	})
}
