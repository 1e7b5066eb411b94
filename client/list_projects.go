package client

import (
	"context"
	"fmt"
	"net/http"
	"unsafe"

	"infisicalfs/secret"
)

// projectReader reads one answer to "list projects" as it arrives.
type projectReader struct {
	listReader
	count    int
	projects []wireProject
	found    bool
}

// read reads the list under the first of the keys that the answer has;
// [scan.err] tells whether it was an answer.
func (r *projectReader) read(keys ...string) {
	r.paths = map[string]string{}
	lists, seen := make([][]wireProject, len(keys)), make([]bool, len(keys))
	r.scan.members("the answer", func(key []byte) {
		for i, known := range keys {
			if string(key) != known {
				continue
			}
			r.once(&seen[i], known)
			if seen[i] = !r.scan.null(); seen[i] {
				r.scan.elements(known, func() { lists[i] = append(lists[i], r.project()) })
			}
			return
		}
		r.scan.skip()
	})
	for i := range keys {
		if seen[i] && !r.found {
			r.projects, r.found = lists[i], true
		}
	}
	if !r.found {
		r.scan.misshapen(fmt.Sprintf("it has none of the expected keys (%q)", keys))
	}
	r.scan.finish()
}

func (r *projectReader) project() (p wireProject) {
	s := r.scan
	if r.count++; r.count > r.most {
		s.fail(fmt.Errorf("the server's answer has more than %d projects (--max-secrets): %w", r.most, secret.ErrTooLarge))
		return p
	}
	var named bool
	s.members("a project", func(key []byte) {
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
			if !s.null() {
				s.elements("environments", func() { p.Environments = append(p.Environments, r.environment()) })
			}
		default:
			s.skip()
		}
	})
	r.keep(4*int(unsafe.Sizeof(p)) + len(p.ID) + len(p.Slug) + len(p.OrgID))
	return p
}

func (r *projectReader) environment() (e wireEnvironment) {
	r.scan.members("an environment", func(key []byte) {
		switch string(key) {
		case "id":
			e.ID = r.string("id of an environment")
		case "slug":
			e.Slug = r.string("slug of an environment")
		default:
			r.scan.skip()
		}
	})
	r.keep(noteOverhead + len(e.ID) + len(e.Slug))
	return e
}

// getProjects sends a GET whose answer has projects under the first of the keys.
func (c *Client) getProjects(ctx context.Context, q request, keys ...string) (list []wireProject, err error) {
	q.method = http.MethodGet
	q.into = func(s *scan, h *holding) {
		reader := projectReader{listReader: listReader{most: c.cfg.MaxSecrets, scan: s, hold: h}}
		reader.read(keys...)
		if list = reader.projects; s.err != nil {
			list = nil
		}
	}
	answer, err := c.do(ctx, q)
	if err != nil {
		return nil, err
	}
	return list, answer.streamed()
}
