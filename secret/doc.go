// Package secret holds the nouns that all other packages share: which folder is
// meant ([Dir]), what it contains ([Folder], [Secret], [Value]), who can tell
// ([Source], [Upstream]), who can change it ([Writer]) and what can go wrong
// (the sentinel errors). It imports the standard library only.
//
//	folder, err := source.Folder(ctx, secret.Dir{Project: "demo", Env: "dev", Path: "/"}, secret.NeedEntry)
//	if err != nil {
//		return err // ErrNotFound only if the server said so
//	}
//	s, ok := folder.Secret("DB_USER")
//	// s.Unreadable() says why there is no value; s.Value prints as "[secret]".
//
// A [Folder] is an immutable snapshot: whoever holds one may read it without a
// lock and sees one version of everything in it to the end.
package secret
