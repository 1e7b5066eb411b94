package fs

import (
	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"infisicalfs/fs/internal/filename"
	"infisicalfs/secret"
)

// announce tells files that they have a new version, which waits for readers of
// the old one only.
func (f *FS) announce(out outdated, after *secret.Folder) {
	if len(out.content) == 0 {
		return
	}
	at := f.inode(out.dir)
	if at == nil {
		return
	}
	for _, name := range out.content {
		child := at.GetChild(name)
		e, ok := filename.Resolve(after, name)
		if child == nil || !ok {
			continue
		}
		if n, ok := child.Operations().(*file); ok && e.Secret != nil {
			n.pages.SetNewest(e.Secret)
		}
	}
}

// publish shows new versions of what the kernel knows in a directory, after a
// moment for those who read the old ones.
func publish(at *fusefs.Inode, names []string) {
	for _, name := range names {
		n := at.GetChild(name)
		if n == nil {
			continue
		}
		if file, ok := n.Operations().(*file); ok {
			file.pages.Publish(func() { n.NotifyContent(0, 0) }, func() { n.NotifyContent(-1, 0) })
		} else {
			forgetAttr(n)
		}
	}
}

// forgetContent invalidates attributes, and the pages of a secret or a view.
func forgetContent(n *fusefs.Inode) {
	switch shown := n.Operations().(type) {
	case *file:
		shown.forget()
	case *viewFile:
		n.NotifyContent(0, 0)
	default:
		forgetAttr(n)
	}
}

// forgetAttr invalidates attributes.
func forgetAttr(n *fusefs.Inode) { n.NotifyContent(-1, 0) }
