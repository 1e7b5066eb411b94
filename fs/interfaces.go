package fs

import fusefs "github.com/hanwen/go-fuse/v2/fs"

// Which messages of the kernel each type of node and of open file answers. go-fuse
// finds out by these interfaces: a method that has not quite the right form would be
// left out without a word, and its message be answered with ENOTSUP, or with success.
// What a node does not answer here is answered as on a read-only file system, by what
// it embeds of package readonly.
//
// .infisicalfs has nodes of its own, in package controldir.

// A directory of the server's: dir.go, and what is made, renamed and removed in it in
// create.go, mkdir.go, rename.go, unlink.go.
var (
	_ fusefs.NodeLookuper       = (*dir)(nil)
	_ fusefs.NodeGetattrer      = (*dir)(nil)
	_ fusefs.NodeSetattrer      = (*dir)(nil)
	_ fusefs.NodeSymlinker      = (*dir)(nil)
	_ fusefs.NodeMknoder        = (*dir)(nil)
	_ fusefs.NodeMkdirer        = (*dir)(nil)
	_ fusefs.NodeUnlinker       = (*dir)(nil)
	_ fusefs.NodeRmdirer        = (*dir)(nil)
	_ fusefs.NodeRenamer        = (*dir)(nil)
	_ fusefs.NodeLinker         = (*dir)(nil)
	_ fusefs.NodeOpendirHandler = (*dir)(nil)
	_ fusefs.NodeCreater        = (*dir)(nil)
	_ fusefs.NodeTmpfiler       = (*dir)(nil)
	_ fusefs.NodeGetxattrer     = (*dir)(nil)
	_ fusefs.NodeListxattrer    = (*dir)(nil)
	_ fusefs.NodeSetxattrer     = (*dir)(nil)
	_ fusefs.NodeRemovexattrer  = (*dir)(nil)
)

// An open directory: listing.go.
var (
	_ fusefs.FileLookuper     = (*listing)(nil)
	_ fusefs.FileReaddirenter = (*listing)(nil)
	_ fusefs.FileSeekdirer    = (*listing)(nil)
	_ fusefs.FileReleasedirer = (*listing)(nil)
	_ fusefs.FileFsyncdirer   = (*listing)(nil)
	_ fusefs.FileLseeker      = (*listing)(nil)
)

// A secret or a scratch file: file.go; without a handle kernel_cache.go.
var (
	_ fusefs.NodeGetattrer     = (*file)(nil)
	_ fusefs.NodeSetattrer     = (*file)(nil)
	_ fusefs.NodeOpener        = (*file)(nil)
	_ fusefs.NodeReader        = (*file)(nil)
	_ fusefs.NodeFlusher       = (*file)(nil)
	_ fusefs.NodeGetxattrer    = (*file)(nil)
	_ fusefs.NodeListxattrer   = (*file)(nil)
	_ fusefs.NodeSetxattrer    = (*file)(nil)
	_ fusefs.NodeRemovexattrer = (*file)(nil)
)

// A file that is open for reading: handle.go.
var (
	_ fusefs.FileReader   = (*handle)(nil)
	_ fusefs.FileFsyncer  = (*handle)(nil)
	_ fusefs.FileReleaser = (*handle)(nil)
	_ fusefs.FileLseeker  = (*handle)(nil)
)

// A file that is open for writing: write_handle.go; how that ends: close.go.
var (
	_ fusefs.FileReader   = (*writeHandle)(nil)
	_ fusefs.FileWriter   = (*writeHandle)(nil)
	_ fusefs.FileFlusher  = (*writeHandle)(nil)
	_ fusefs.FileFsyncer  = (*writeHandle)(nil)
	_ fusefs.FileReleaser = (*writeHandle)(nil)
	_ fusefs.FileLseeker  = (*writeHandle)(nil)
)

// A folder as one file: view.go.
var (
	_ fusefs.NodeGetattrer   = (*viewFile)(nil)
	_ fusefs.NodeSetattrer   = (*viewFile)(nil)
	_ fusefs.NodeOpener      = (*viewFile)(nil)
	_ fusefs.NodeReader      = (*viewFile)(nil)
	_ fusefs.NodeGetxattrer  = (*viewFile)(nil)
	_ fusefs.NodeListxattrer = (*viewFile)(nil)
)

// A view that is open: view.go.
var (
	_ fusefs.FileReader   = (*viewHandle)(nil)
	_ fusefs.FileFsyncer  = (*viewHandle)(nil)
	_ fusefs.FileReleaser = (*viewHandle)(nil)
	_ fusefs.FileLseeker  = (*viewHandle)(nil)
)

// A directory that a program has made for its own files: scratch_dir.go.
var (
	_ fusefs.NodeLookuper      = (*scratchDir)(nil)
	_ fusefs.NodeGetattrer     = (*scratchDir)(nil)
	_ fusefs.NodeSetattrer     = (*scratchDir)(nil)
	_ fusefs.NodeSymlinker     = (*scratchDir)(nil)
	_ fusefs.NodeMkdirer       = (*scratchDir)(nil)
	_ fusefs.NodeUnlinker      = (*scratchDir)(nil)
	_ fusefs.NodeRmdirer       = (*scratchDir)(nil)
	_ fusefs.NodeRenamer       = (*scratchDir)(nil)
	_ fusefs.NodeLinker        = (*scratchDir)(nil)
	_ fusefs.NodeReaddirer     = (*scratchDir)(nil)
	_ fusefs.NodeCreater       = (*scratchDir)(nil)
	_ fusefs.NodeGetxattrer    = (*scratchDir)(nil)
	_ fusefs.NodeListxattrer   = (*scratchDir)(nil)
	_ fusefs.NodeSetxattrer    = (*scratchDir)(nil)
	_ fusefs.NodeRemovexattrer = (*scratchDir)(nil)
)

// A link into a generation: link.go.
var (
	_ fusefs.NodeGetattrer  = (*link)(nil)
	_ fusefs.NodeReadlinker = (*link)(nil)
)

// A generation: generation_dir.go.
var (
	_ fusefs.NodeLookuper  = (*generationDir)(nil)
	_ fusefs.NodeGetattrer = (*generationDir)(nil)
	_ fusefs.NodeReaddirer = (*generationDir)(nil)
	_ fusefs.NodeLseeker   = (*generationDir)(nil)
)

// A secret in a generation: generation_file.go.
var (
	_ fusefs.NodeGetattrer   = (*generationFile)(nil)
	_ fusefs.NodeSetattrer   = (*generationFile)(nil)
	_ fusefs.NodeOpener      = (*generationFile)(nil)
	_ fusefs.NodeReader      = (*generationFile)(nil)
	_ fusefs.NodeFlusher     = (*generationFile)(nil)
	_ fusefs.NodeGetxattrer  = (*generationFile)(nil)
	_ fusefs.NodeListxattrer = (*generationFile)(nil)
)
