package secret

import "fmt"

// ApprovalError says that a change is not made because a change policy wants an
// approval: the server keeps a request for it, in which somebody may approve it
// later. It wraps [ErrApproval].
type ApprovalError struct {
	Op      string // what was asked for, such as "update secret"
	Request string // the id of the request, of letters, digits, "-" and "_"; empty: the server did not say
	Slug    string // what the server's web page calls it, likewise
}

func (e *ApprovalError) Error() string {
	which := "the server does not say which request"
	switch {
	case e.Request != "" && e.Slug != "":
		which = "request " + e.Request + ", " + e.Slug
	case e.Request != "":
		which = "request " + e.Request
	}
	return fmt.Sprintf("%s: a change policy wants an approval (%s), and nothing is stored until then: %v", e.Op, which, ErrApproval)
}

// Unwrap returns [ErrApproval].
func (e *ApprovalError) Unwrap() error { return ErrApproval }
