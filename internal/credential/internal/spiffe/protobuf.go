package spiffe

import (
	"encoding/binary"
	"iter"
)

// The numbers of fields in the messages JWTSVIDRequest, JWTSVIDResponse and JWTSVID.
const (
	requestAudience = 1
	requestID       = 2
	answerTokens    = 1
	tokenID         = 1
	tokenText       = 2
)

// Types of fields on the wire.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

// message is the request in the form of protocol buffers.
func (r Request) message() []byte {
	b := appendText(nil, requestAudience, r.Audience)
	if r.ID != "" {
		b = appendText(b, requestID, r.ID)
	}
	return b
}

func appendText(b []byte, field uint64, text string) []byte {
	b = binary.AppendUvarint(b, field<<3|wireBytes)
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

// fields goes through the fields of a message that have texts or messages; it passes over
// numbers, and ends where the message makes no sense.
func fields(b []byte) iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		for len(b) > 0 {
			tag, n := binary.Uvarint(b)
			if n <= 0 {
				return
			}
			b = b[n:]
			size := uint64(0)
			switch tag & 7 {
			case wireVarint:
				_, n := binary.Uvarint(b)
				if n <= 0 {
					return
				}
				size = uint64(n)
			case wire64:
				size = 8
			case wire32:
				size = 4
			case wireBytes:
				length, n := binary.Uvarint(b)
				if n <= 0 {
					return
				}
				b, size = b[n:], length
			default:
				return
			}
			if size > uint64(len(b)) {
				return
			}
			if tag&7 == wireBytes && !yield(tag>>3, b[:size]) {
				return
			}
			b = b[size:]
		}
	}
}
