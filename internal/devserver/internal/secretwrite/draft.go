package secretwrite

import (
	"strings"
	"unicode/utf8"

	"infisicalfs/internal/devserver/internal/call"
	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// maxKey is the width, in characters, of the database's column for names.
const maxKey = 500

// draft is what a create or update sends about one secret; nil is not sent.
type draft struct {
	key           string
	newKey        *string
	value         *string
	comment       *string
	tagIDs        []string
	metadata      []store.Metadata
	skipMultiline *bool
	reminderNote  *string
	path          string // of a batch's entry that has its own; empty: the batch's
}

// readDraft reads a secret's fields. A server of 2024 wants a value even where only
// something else is to be changed.
func readDraft(c *call.Call, f *web.Form, key string, valueNeeded bool) draft {
	d := draft{key: store.TrimSpace(key)}
	if valueNeeded || c.Old() {
		v := f.Str("secretValue")
		d.value = &v
	} else {
		d.value = f.OptStr("secretValue")
	}
	if d.value != nil {
		v := store.StoredValue(*d.value)
		d.value = &v
	}
	if d.comment = f.OptStr("secretComment"); d.comment != nil {
		v := store.TrimSpace(*d.comment)
		d.comment = &v
	}
	d.tagIDs = f.Strings("tagIds")
	if v, ok := f.Value("skipMultilineEncoding").(bool); ok {
		d.skipMultiline = &v
	}
	if v, ok := f.Value("secretReminderNote").(string); ok {
		d.reminderNote = &v
	}
	if !c.Old() && f.Has("secretMetadata") {
		d.metadata = []store.Metadata{}
		for _, m := range f.Objects("secretMetadata", 0) {
			d.metadata = append(d.metadata, store.Metadata{Key: m.Str("key"), Value: m.Str("value"), IsEncrypted: m.Boolean("isEncrypted", false)})
		}
	}
	return d
}

// checkNewKey complains about names that current servers do not take for new
// secrets. Those of 2024 take anything.
func checkNewKey(c *call.Call, f *web.Form, field, key string) {
	if c.Old() {
		return
	}
	switch {
	case key == "":
		f.TooShort(f.Path(field), 1)
	case strings.ContainsAny(key, ":/"):
		f.Custom(field, "Secret name cannot contain colon or slash")
	}
}

// storable reports the names over which the database trips.
func storable(key string) error {
	switch {
	case strings.Contains(key, "\x00"):
		return web.Broken("Find one")
	case utf8.RuneCountInString(key) > maxKey:
		return web.Broken("Create")
	}
	return nil
}

// apply puts the draft into x; what was not sent stays.
func (d draft) apply(x *store.Secret) {
	if d.newKey != nil {
		x.Key = *d.newKey
	}
	if d.value != nil {
		x.Value = *d.value
	}
	if d.comment != nil {
		x.Comment = *d.comment
	}
	if d.tagIDs != nil {
		x.Tags = d.tagIDs
	}
	if d.metadata != nil {
		x.Metadata = d.metadata
	}
	if d.skipMultiline != nil {
		x.SkipMultiline = *d.skipMultiline
	}
	if d.reminderNote != nil {
		x.ReminderNote = d.reminderNote
	}
}

func checkTags(p *store.Project, ids []string) error {
	for _, id := range ids {
		if p.Tag(id) == nil {
			return web.NotFound("Tag not found")
		}
	}
	return nil
}
