package textedit

import (
	"bytes"
	"math"
	"syscall"
)

// Edit is one change of a text: bytes that are written somewhere, or a length to
// which it is cut or filled up with zeros. Both go past the end, with zeros between.
type Edit struct {
	Data []byte
	Off  int64 // or the length
	Cut  bool  // it sets a length
}

// Size returns how long a text of so many bytes is after the edit. EFBIG: longer than
// anything that can be kept. Nothing was done yet.
func (e Edit) Size(before int) (int, syscall.Errno) {
	switch {
	case e.Off > math.MaxInt32:
		return 0, syscall.EFBIG
	case e.Cut:
		return int(e.Off), 0
	case len(e.Data) == 0:
		return before, 0
	}
	return max(before, int(e.Off)+len(e.Data)), 0
}

// Do makes the change. [Edit.Size] has said before that it can be.
func (e Edit) Do(t *Text) {
	if e.Cut {
		t.Resize(int(e.Off))
	} else if len(e.Data) > 0 {
		t.writeAt(e.Data, int(e.Off))
	}
}

// Changes reports whether the text is another one after the edit.
func (e Edit) Changes(t *Text) bool {
	size, errno := e.Size(t.Len())
	switch {
	case errno != 0 || size != t.Len():
		return true
	case e.Cut || len(e.Data) == 0:
		return false
	}
	return !bytes.Equal(t.b[e.Off:int(e.Off)+len(e.Data)], e.Data)
}
