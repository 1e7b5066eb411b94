package lostupdate

import (
	"infisicalfs/fs/internal/caller"
	"infisicalfs/secret"
)

// Record is what a process knows of a secret, for another process of ours that is to go
// on with a mount. It has no value.
type Record struct {
	Who     caller.Process `json:"who"`
	Dir     secret.Dir     `json:"dir"`
	Name    []byte         `json:"name"` // bytes, which JSON would mend where they are no UTF-8
	Read    Base           `json:"read"`
	HasRead bool           `json:"hasRead,omitempty"`
	Wrote   Base           `json:"wrote"`
}

// Records returns all that is known, the oldest first.
func (b *Bases) Records() []Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Record, 0, len(b.order))
	for _, key := range b.order {
		k := b.known[key]
		list = append(list, Record{key.who, key.dir, []byte(key.name), k.read, k.hasRead, k.wrote})
	}
	return list
}

// Recall takes in what Records of an earlier process has returned.
func (b *Bases) Recall(list []Record) {
	for _, r := range list {
		b.note(r.Who, r.Dir, string(r.Name), func(k *knowledge) { *k = knowledge{r.HasRead, r.Read, r.Wrote} })
	}
}
