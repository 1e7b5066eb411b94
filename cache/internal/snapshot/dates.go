package snapshot

import (
	"slices"
	"time"

	"infisicalfs/secret"
)

// maxDates bounds what [Dates] remembers.
const maxDates = 10_000

// Dates gives secrets without a date one: servers send none with imported secrets. It is when
// their version was seen first, so that a file's mtime moves when its value does and only
// then, also if the folder was not kept in between. No value is in it, and no more than
// 10,000 secrets. The zero Dates is ready; it is not safe for concurrent use.
type Dates struct {
	first map[place]sight
}

type place struct {
	dir  secret.Dir
	name string
}

// sight is when a version was seen first.
type sight struct {
	id      string
	version int
	print   uint64 // of the value
	at      time.Time
}

// Dated returns folder, not marked Stale, with a date for each secret: of those without one,
// that of old (nil: nothing was shown before) or the one that is remembered, if it was the same version, and
// folder.Fetched otherwise.
func (d *Dates) Dated(folder, old *secret.Folder) *secret.Folder {
	secrets := folder.Secrets
	for i := range folder.Secrets {
		s := &folder.Secrets[i]
		if !s.Updated.IsZero() {
			continue
		}
		if &secrets[0] == &folder.Secrets[0] {
			secrets = slices.Clone(secrets)
		}
		secrets[i].Updated = d.dateOf(folder, s, old)
	}
	return folder.With(func(f *secret.Folder) { f.Secrets, f.Stale = secrets, false })
}

func (d *Dates) dateOf(folder *secret.Folder, s *secret.Secret, old *secret.Folder) time.Time {
	at := place{folder.Dir, s.Name}
	now := sight{s.ID, s.Version, s.Value.Fingerprint(), folder.Fetched}
	if before, ok := d.first[at]; ok && before.id == now.id && before.version == now.version && before.print == now.print {
		now.at = before.at
	}
	if old != nil {
		if before, ok := old.Secret(s.Name); ok && SameVersion(before, *s) {
			now.at = before.Updated
		}
	}
	if d.first == nil {
		d.first = make(map[place]sight)
	}
	if len(d.first) >= maxDates {
		for some := range d.first {
			delete(d.first, some)
			break
		}
	}
	d.first[at] = now
	return now.at
}
