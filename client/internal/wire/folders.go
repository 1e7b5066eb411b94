package wire

import (
	"fmt"
	"unsafe"

	"infisicalfs/client/internal/jsonstream"
	"infisicalfs/secret"
)

// ReadFolders reads an answer to "list folders". Garbled: a name is no text. It is
// nil if the scanner failed.
func ReadFolders(s *jsonstream.Scanner, h *jsonstream.Reservation, maxEntries int) (folders []Folder, garbled bool) {
	reader := folderReader{listReader: listReader{most: maxEntries, scan: s, hold: h}}
	reader.read()
	if s.Err() != nil {
		return nil, reader.garbled
	}
	return reader.folders, reader.garbled
}

// folderReader reads one answer to "list folders" as it arrives.
type folderReader struct {
	listReader
	folders []Folder
	garbled bool // a name is no text
}

// read reads the answer; [jsonstream.Scanner.Err] tells whether it was one.
func (r *folderReader) read() {
	r.paths = map[string]string{}
	var folders bool
	r.scan.Members("the answer", func(key []byte) {
		switch string(key) {
		case "folders":
			r.once(&folders, "folders")
			if !r.scan.Null() {
				r.scan.Elements("folders", r.folder)
				return
			}
			folders = false
		default:
			r.scan.Skip()
		}
	})
	if !folders {
		r.scan.Misshapen(`it has none of the expected keys ("folders")`)
	}
	r.scan.Finish()
}

func (r *folderReader) folder() {
	s := r.scan
	if len(r.folders) == r.most {
		s.Fail(fmt.Errorf("the server's answer has more than %d folders (--max-secrets): %w", r.most, secret.ErrTooLarge))
		return
	}
	var w Folder
	var named bool
	s.Members("a folder", func(key []byte) {
		switch string(key) {
		case "id":
			w.ID = r.string("id of a folder")
		case "name":
			r.once(&named, "name")
			name, valid := s.Text("name of a folder")
			w.Name = string(name)
			r.garbled = r.garbled || !valid
		case "isReserved":
			w.IsReserved = s.Bool("isReserved")
		case "relativePath":
			w.RelativePath = r.string("relativePath")
		case "updatedAt":
			w.UpdatedAt = r.date("updatedAt of a folder")
		case "lastSecretModified":
			w.TellsModified = true
			if w.NeverModified = s.Null(); !w.NeverModified {
				s.Skip()
			}
		default:
			s.Skip()
		}
	})
	if !named {
		s.Misshapen("a folder has no name")
	}
	r.folders = append(r.folders, w)
	r.keep(2*int(unsafe.Sizeof(w)) + int(unsafe.Sizeof(secret.Subfolder{})) + len(w.ID) + len(w.Name) + len(w.RelativePath))
}
