package cache

import (
	"slices"

	"infisicalfs/secret"
)

// same reports whether people would see no difference. Order and dates alone
// are none, and neither is a list of subfolders that was not asked for, or the
// id of a folder of our own making, which is not known at first.
func same(a, b *secret.Folder) bool {
	if (a.Denied == nil) != (b.Denied == nil) {
		return false
	}
	if !slices.EqualFunc(a.Secrets, b.Secrets, sameSecret) {
		return false
	}
	return a.NoSubfolders || b.NoSubfolders || slices.EqualFunc(a.Folders, b.Folders, sameSubfolder)
}

// sameAt is same for two snapshots that differ under some names only.
func sameAt(a, b *secret.Folder, names []string) bool {
	for _, name := range names {
		x, had := a.Secret(name)
		y, has := b.Secret(name)
		if had != has || has && !sameSecret(x, y) {
			return false
		}
		before, hadFolder := a.Subfolder(name)
		after, hasFolder := b.Subfolder(name)
		if a.NoSubfolders || b.NoSubfolders {
			continue
		}
		if hadFolder != hasFolder || hasFolder && !sameSubfolder(before, after) {
			return false
		}
	}
	return true
}

func sameSecret(a, b secret.Secret) bool {
	return a.Name == b.Name && a.Hidden == b.Hidden && sameVersion(a, b)
}

func sameSubfolder(a, b secret.Subfolder) bool {
	return a.Name == b.Name && (a.ID == b.ID || a.ID == "" || b.ID == "")
}

func sameVersion(a, b secret.Secret) bool {
	return a.ID == b.ID && a.Version == b.Version && a.Value.Equal(b.Value)
}

// lacks reports whether folder is without a name that old has.
func lacks(folder, old *secret.Folder) bool {
	for _, s := range old.Secrets {
		if _, ok := folder.Secret(s.Name); !ok {
			return true
		}
	}
	if folder.NoSubfolders {
		return false
	}
	for _, sub := range old.Folders {
		if _, ok := folder.Subfolder(sub.Name); !ok {
			return true
		}
	}
	return false
}

// dated returns folder with a date for each secret. Servers send none with
// imported secrets: such a one keeps the date under which it was shown before,
// or was fetched just now, so that its file's mtime moves when its value does
// and only then.
func dated(folder, old *secret.Folder) *secret.Folder {
	secrets := folder.Secrets
	for i, s := range folder.Secrets {
		if !s.Updated.IsZero() {
			continue
		}
		if &secrets[0] == &folder.Secrets[0] {
			secrets = slices.Clone(secrets)
		}
		secrets[i].Updated = folder.Fetched
		if old != nil {
			if before, ok := old.Secret(s.Name); ok && sameVersion(before, s) {
				secrets[i].Updated = before.Updated
			}
		}
	}
	return folder.With(func(f *secret.Folder) { f.Secrets, f.Stale = secrets, false })
}
