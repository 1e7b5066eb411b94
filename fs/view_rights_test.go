package fs

import (
	"testing"

	"infisicalfs/internal/fusetest"
	"infisicalfs/internal/rights"
	"infisicalfs/secret"
)

// A view has all of a folder's values in it: it is for nobody who may not read
// each of their files, unless a rule names it.
func TestWhoMayReadAView(t *testing.T) {
	const mount = 0o444
	key := func(mode, uid, gid *uint32) []rights.Rule { return []rights.Rule{rule("GREETING", mode, uid, gid)} }
	for _, tc := range []struct {
		rules          []rights.Rule
		metadata       []secret.Metadata
		mode, uid, gid uint32
	}{
		{nil, nil, mount, 1, 2},
		{key(new(uint32(0o400)), nil, nil), nil, 0o400, 1, 2},
		{key(new(uint32(0o440)), nil, nil), nil, 0o440, 1, 2},
		{key(new(uint32(0o444)), new(uint32(7)), new(uint32(8))), nil, mount, 1, 2},
		{key(new(uint32(0o440)), new(uint32(7)), nil), nil, 0o040, 1, 2},
		{key(new(uint32(0o440)), nil, new(uint32(8))), nil, 0o400, 1, 2},
		{key(new(uint32(0o404)), nil, new(uint32(8))), nil, 0o400, 1, 2},
		{key(new(uint32(0o400)), new(uint32(7)), nil), nil, 0, 1, 2},
		{[]rights.Rule{rule("*", new(uint32(0o400)), new(uint32(7)), nil)}, nil, 0o400, 7, 2},
		{append([]rights.Rule{rule("*", new(uint32(0o440)), new(uint32(7)), nil)}, key(new(uint32(0o400)), new(uint32(9)), nil)...), nil, 0, 7, 2},
		{append(key(new(uint32(0o400)), new(uint32(7)), nil), rule("**/.env", new(uint32(0o640)), nil, new(uint32(8)))), nil, 0o440, 1, 8},
		{nil, []secret.Metadata{{Key: "fs.mode", Value: "0400"}}, 0o400, 1, 2},
	} {
		w := newWorld(func(c *Config) {
			c.Root, c.UID, c.GID, c.FileMode, c.Rules = dev, 1, 2, mount, tc.rules
			c.ServerRights = &rights.Server{Ceiling: 0o444}
		})
		w.Put(dev, secret.Secret{Name: "GREETING", Value: secret.NewValue("x"), Metadata: tc.metadata})
		k := fusetest.Direct(t, w.Root(), w.Options())
		requireRights(t, k, "/.env", tc.mode, tc.uid, tc.gid)
		if tc.rules == nil || len(tc.rules) == 1 && tc.uid == 1 {
			requireRights(t, k, "/payments/.env", mount, 1, 2)
		}
	}
}
