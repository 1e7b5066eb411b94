package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"infisicalfs/secret"
)

// foldersAsked is of how many folders doctor asks what the login may do there. Rights differ
// from folder to folder, so each is asked for itself.
const foldersAsked = 8

// placesAsked bounds folders together with the projects and environments on the way to them.
const placesAsked = 3 * foldersAsked

// access is what a login may do in a folder.
type access string

const (
	accessRead    access = "read"
	accessSome    access = "read but for some values"
	accessNames   access = "names without values"
	accessRefused access = "refused"
)

// folders says what the login may do in the folders of the mount, those nearest to its root
// first.
func (e *examination) folders(ctx context.Context) (string, error) {
	may := map[access][]string{}
	queue, asked := []secret.Dir{e.root}, 0
	for places := 0; len(queue) > 0 && asked < foldersAsked && places < placesAsked; places++ {
		dir := queue[0]
		queue = queue[1:]
		f, err := e.client.Folder(ctx, dir, secret.NeedListing)
		switch {
		case errors.Is(err, secret.ErrNotFound): // it is gone since it was listed
			continue
		case errors.Is(err, secret.ErrDenied):
			f = &secret.Folder{Dir: dir, Denied: err}
		case err != nil:
			return "", err
		}
		if dir.IsFolder() {
			asked++
			how := accessTo(f)
			may[how] = append(may[how], shorten(dir.String()))
		}
		for _, sub := range f.Folders {
			queue = append(queue, dir.Child(sub.Name))
		}
	}
	var parts []string
	for _, how := range []access{accessRead, accessSome, accessNames, accessRefused} {
		if len(may[how]) > 0 {
			parts = append(parts, string(how)+": "+strings.Join(may[how], ", "))
		}
	}
	switch {
	case len(parts) == 0:
		return "there is none", nil
	case len(queue) > 0:
		parts = append(parts, fmt.Sprintf("%d more, and what is in them, are not asked for", len(queue)))
	}
	return strings.Join(parts, "; "), nil
}

// accessTo says what may be done in a folder. Of one that is empty all may be read.
func accessTo(f *secret.Folder) access {
	hidden := 0
	for i := range f.Secrets {
		if f.Secrets[i].Denied() {
			hidden++
		}
	}
	switch {
	case f.Denied != nil:
		return accessRefused
	case hidden == 0:
		return accessRead
	case hidden == len(f.Secrets):
		return accessNames
	}
	return accessSome
}
