package wire

import (
	"fmt"
	"unsafe"

	"infisicalfs/client/internal/jsonstream"
	"infisicalfs/secret"
)

// ReadProjects reads the list under the first of the keys that an answer to "list
// projects" has. It is nil if the scanner failed.
func ReadProjects(s *jsonstream.Scanner, h *jsonstream.Reservation, maxEntries int, keys ...string) []Project {
	reader := projectReader{listReader: listReader{most: maxEntries, scan: s, hold: h}}
	reader.read(keys...)
	if s.Err() != nil {
		return nil
	}
	return reader.projects
}

// projectReader reads one answer to "list projects" as it arrives.
type projectReader struct {
	listReader
	count    int
	projects []Project
	found    bool
}

// read reads the list under the first of the keys that the answer has;
// [jsonstream.Scanner.Err] tells whether it was an answer.
func (r *projectReader) read(keys ...string) {
	r.paths = map[string]string{}
	lists, seen := make([][]Project, len(keys)), make([]bool, len(keys))
	r.scan.Members("the answer", func(key []byte) {
		for i, known := range keys {
			if string(key) != known {
				continue
			}
			r.once(&seen[i], known)
			if seen[i] = !r.scan.Null(); seen[i] {
				r.scan.Elements(known, func() { lists[i] = append(lists[i], r.project()) })
			}
			return
		}
		r.scan.Skip()
	})
	for i := range keys {
		if seen[i] && !r.found {
			r.projects, r.found = lists[i], true
		}
	}
	if !r.found {
		r.scan.Misshapen(fmt.Sprintf("it has none of the expected keys (%q)", keys))
	}
	r.scan.Finish()
}

func (r *projectReader) project() (p Project) {
	s := r.scan
	if r.count++; r.count > r.most {
		s.Fail(fmt.Errorf("the server's answer has more than %d projects (--max-secrets): %w", r.most, secret.ErrTooLarge))
		return p
	}
	var named bool
	s.Members("a project", func(key []byte) {
		switch string(key) {
		case "id":
			p.ID = r.string("id of a project")
		case "slug":
			r.once(&named, "slug")
			p.Slug = r.string("slug of a project")
		case "orgId":
			p.OrgID = r.string("orgId")
		case "updatedAt":
			p.UpdatedAt = r.date("updatedAt of a project")
		case "environments":
			if !s.Null() {
				s.Elements("environments", func() { p.Environments = append(p.Environments, r.environment()) })
			}
		default:
			s.Skip()
		}
	})
	r.keep(4*int(unsafe.Sizeof(p)) + len(p.ID) + len(p.Slug) + len(p.OrgID))
	return p
}

func (r *projectReader) environment() (e Environment) {
	r.scan.Members("an environment", func(key []byte) {
		switch string(key) {
		case "id":
			e.ID = r.string("id of an environment")
		case "slug":
			e.Slug = r.string("slug of an environment")
		default:
			r.scan.Skip()
		}
	})
	r.keep(pairOverhead + len(e.ID) + len(e.Slug))
	return e
}
