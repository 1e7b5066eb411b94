package fs

import (
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

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
		e, ok := resolve(after, name)
		if child == nil || !ok {
			continue
		}
		if n, ok := child.Operations().(*file); ok && e.secret != nil {
			n.pages.newest(e.secret)
		}
	}
}

// publish shows new versions, after a moment for those who read the old ones.
// While it waits for one file another may be opened in its new version, which
// then stays.
func publish(nodes []*fusefs.Inode) {
	deadline := time.Now().Add(changeWaits)
	for _, n := range nodes {
		if file, ok := n.Operations().(*file); ok {
			if file.pages.late() {
				file.pages.wait(deadline)
			}
			file.pages.renew(func() { n.NotifyContent(0, 0) }, func() { n.NotifyContent(-1, 0) })
		} else {
			forgetAttr(n)
		}
	}
}

// forgetContent invalidates attributes, and the pages of a file.
func forgetContent(n *fusefs.Inode) {
	if file, ok := n.Operations().(*file); ok {
		file.forget()
	} else {
		forgetAttr(n)
	}
}

// forgetAttr invalidates attributes.
func forgetAttr(n *fusefs.Inode) {
	ask := func() { n.NotifyContent(-1, 0) }
	if file, ok := n.Operations().(*file); ok {
		file.pages.asking(ask)
	} else {
		ask()
	}
}
