package fault

import (
	"bufio"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Floods returns the answers that are more than anybody could use, or arrive in a
// way that needs a socket. None is held in memory.
func Floods() []Lie {
	return slices.Concat(longLists(), endlessLists(), longIndexes(), oddTransfers())
}

// streamed is a list of secrets as write writes it.
func streamed(write func(io.Writer)) Fault { return Fault{Match: isList, Write: stream(write)} }

// longLists are lists of secrets with too many entries, or too long ones.
func longLists() []Lie {
	return []Lie{
		{"a million names", streamed(func(w io.Writer) { ManySecrets(w, 1_000_000) }), AboutList},
		{"a million imported names", streamed(func(w io.Writer) {
			io.WriteString(w, `{"secrets":[],"imports":[{"environment":"dev","secretPath":"/x","secrets":[`)
			manyEntries(w, 1_000_000)
			io.WriteString(w, `]}]}`)
		}), AboutList},
		{"a million imports", streamed(func(w io.Writer) {
			io.WriteString(w, `{"secrets":[],"imports":[`)
			for range 1_000_000 {
				io.WriteString(w, `{"environment":"dev","secretPath":"/x","secrets":[]},`)
			}
			io.WriteString(w, `{}]}`)
		}), AboutList},
		{"a thousand values of a megabyte", streamed(func(w io.Writer) {
			value := strings.Repeat("v", 1<<20)
			io.WriteString(w, `{"secrets":[`)
			for i := range 1000 {
				if _, err := fmt.Fprintf(w, `{"id":"%d","version":1,"secretKey":"K%d","secretValue":"%s"},`, i, i, value); err != nil {
					return
				}
			}
			io.WriteString(w, `{}]}`)
		}), AboutList},
	}
}

// endlessLists are lists of secrets that go on until nobody listens.
func endlessLists() []Lie {
	return []Lie{
		{"a name without end", streamed(func(w io.Writer) {
			io.WriteString(w, `{"secrets":[{"secretKey":"`)
			repeat(w, "n")
		}), AboutList},
		{"tags without end", streamed(func(w io.Writer) {
			io.WriteString(w, `{"secrets":[{"secretKey":"K","tags":[`)
			repeat(w, `{"id":"i","slug":"s"},`)
		}), AboutList},
		{"blanks without end", streamed(func(w io.Writer) { repeat(w, " ") }), AboutList},
		{"something unknown without end", streamed(func(w io.Writer) {
			io.WriteString(w, `{"x":"`)
			repeat(w, "x")
		}), AboutList},
	}
}

// longIndexes are lists of folders and projects with too many entries.
func longIndexes() []Lie {
	return []Lie{
		{"a million folders", Fault{Match: isFolders, Write: stream(func(w io.Writer) {
			io.WriteString(w, `{"folders":[`)
			for i := range 1_000_000 {
				if _, err := fmt.Fprintf(w, `{"id":"%d","name":"f%d","relativePath":"/f%d"},`, i, i, i); err != nil {
					return
				}
			}
			io.WriteString(w, `{}]}`)
		})}, AboutList},
		{"a million projects", Fault{Match: isProjects, Write: stream(func(w io.Writer) {
			io.WriteString(w, `{"projects":[`)
			for i := range 1_000_000 {
				if _, err := fmt.Fprintf(w, `{"id":"%d","slug":"p%d","environments":[]},`, i, i); err != nil {
					return
				}
			}
			io.WriteString(w, `{}]}`)
		})}, AboutAll},
	}
}

// oddTransfers arrive in a way that is a trap by itself.
func oddTransfers() []Lie {
	return []Lie{
		{"a bomb of blanks", Fault{Match: isList, Write: bomb(`{"secrets":[`, " ")}, AboutList},
		{"a bomb of a value", Fault{Match: isList, Write: bomb(`{"secrets":[{"secretKey":"K","secretValue":"`, "v")}, AboutList},
		{"compressed, which it is not", Fault{Match: notLogin, Write: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, `{"secrets":[],"folders":[]}`)
		}}, AboutAll},
		{"one byte at a time", Fault{Match: isList, Write: drip}, AboutList},
		{"more promised than sent", Fault{Match: isList, Write: lengthLie(100_000)}, AboutList},
		{"more sent than promised", Fault{Match: isList, Write: lengthLie(20)}, AboutList},
		{"a header without end", Fault{Match: isList, Write: func(w http.ResponseWriter, _ *http.Request) {
			for i := range 4096 {
				w.Header().Set(fmt.Sprintf("X-Flood-%d", i), strings.Repeat("h", 1000))
			}
			io.WriteString(w, `{"secrets":[]}`)
		}}, AboutList},
	}
}

// ManySecrets writes the list of a folder with n secrets, SECRET_0000000 and so
// on, whose values are value-0000000 and so on, as current servers would.
func ManySecrets(w io.Writer, n int) {
	io.WriteString(w, `{"secrets":[`)
	manyEntries(w, n)
	io.WriteString(w, `],"imports":[]}`)
}

// oneEntry is what manyEntries writes, with a verb where the number of the entry goes.
const oneEntry = `{"id":"0a1b2c3d-4e5f-4a6b-8c7d-00000%[1]s","_id":"0a1b2c3d-4e5f-4a6b-8c7d-00000%[1]s","workspace":"5a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",` +
	`"environment":"dev","version":1,"type":"shared","secretKey":"SECRET_%[1]s","secretValue":"value-%[1]s","secretComment":"","secretPath":"/",` +
	`"secretReminderNote":null,"secretReminderRepeatDays":null,"skipMultilineEncoding":false,"createdAt":"2026-01-02T03:04:05.000Z",` +
	`"updatedAt":"2026-01-02T03:04:05.000Z","isRotatedSecret":false,"secretValueHidden":false,"tags":[],"secretMetadata":[]}`

// manyEntries writes n of them. It counts in the text itself: formatting each would
// take longer than reading it.
func manyEntries(w io.Writer, n int) {
	const mark = "#######" // as many digits
	entry := fmt.Appendf(nil, ","+oneEntry, mark)
	var numbers [][]byte
	for at := bytes.Index(entry, []byte(mark)); at >= 0; at = bytes.Index(entry, []byte(mark)) {
		number := entry[at : at+len(mark)]
		copy(number, "0000000")
		numbers = append(numbers, number)
	}
	out := bufio.NewWriterSize(w, 64<<10)
	defer out.Flush()
	for i := range n {
		if _, err := out.Write(entry[max(0, 1-i):]); err != nil { // the first without its comma
			return
		}
		for _, number := range numbers {
			increment(number)
		}
	}
}

// increment adds one to a number in decimal digits.
func increment(digits []byte) {
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i]++; digits[i] <= '9' {
			return
		}
		digits[i] = '0'
	}
}

// stream answers with what write writes, until the client has had enough.
func stream(write func(io.Writer)) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		out := bufio.NewWriterSize(w, 64<<10)
		write(out)
		out.Flush() // a client that went away is no news
	}
}

// repeat writes text again and again until nobody listens.
func repeat(w io.Writer, text string) {
	block := bytes.Repeat([]byte(text), 64<<10/len(text))
	for {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// bomb is a compressed answer that never ends. It is compressed once, and is as long as
// who reads it has patience for.
func bomb(begin, text string) func(http.ResponseWriter, *http.Request) {
	head := slices.Concat([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"), deflated([]byte(begin)))
	block := bytes.Repeat(deflated(bytes.Repeat([]byte(text), 64<<10)), 64)
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "application/json")
		_, err := w.Write(head)
		for err == nil {
			_, err = w.Write(block)
		}
	}
}

// deflated returns text as a part of a compressed stream that can stand anywhere in it.
func deflated(text []byte) []byte {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		panic("devserver: " + err.Error()) // the level is a constant
	}
	w.Write(text)
	w.Flush()
	return out.Bytes()
}

// drip says a little more all the time, and never all.
func drip(w http.ResponseWriter, r *http.Request) {
	flush := http.NewResponseController(w)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	text := `{"secrets":[` + strings.Repeat(" ", 1<<20)
	for i := range len(text) {
		if _, err := io.WriteString(w, text[i:i+1]); err != nil {
			return
		}
		flush.Flush()
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// lengthLie promises so many bytes of a body that has another number.
func lengthLie(promised int) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler) // HTTP/2 has no such lie
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", promised)
		ManySecrets(conn, 10)
	}
}
