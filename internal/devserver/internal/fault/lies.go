package fault

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Lie is something that a broken, hostile or misled server says.
type Lie struct {
	Name  string
	Fault Fault
	About Subject
}

// Subject is what a [Lie] is about: what cannot be told truly while it is told.
type Subject int

const (
	AboutNothing Subject = iota // the answer is odd, and what it says of secrets is true
	AboutVictim                 // the secret called [LieVictim], and no other
	AboutList                   // the list of secrets, and so all of a folder's
	AboutAll                    // every answer
)

// The secret that some lies are about, and the value that it has to have for them.
const (
	LieVictim = "VICTIM"
	LieMarker = "marker-of-the-victim"
)

// Lies returns those that fit into memory; for the others see [Floods].
func Lies() []Lie {
	return slices.Concat(textLies(), fieldLies(), headerLies(), shapeLies())
}

func isList(r *http.Request) bool {
	path := strings.TrimSuffix(r.URL.Path, "/")
	return r.Method == http.MethodGet && (strings.HasSuffix(path, "/v4/secrets") || strings.HasSuffix(path, "/v3/secrets/raw"))
}

func isProjects(r *http.Request) bool {
	path := r.URL.Path
	return r.Method == http.MethodGet && (strings.HasSuffix(path, "/v1/projects") || strings.HasSuffix(path, "/v1/workspace") || strings.HasSuffix(path, "/workspaces"))
}

func isFolders(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/folders")
}

func isRead(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/secrets")
}

func notLogin(r *http.Request) bool { return !strings.Contains(r.URL.Path, "/auth/") }

// textLies are bytes that are no text, in the answers that have the victim.
func textLies() []Lie {
	replaced := func(old, with string) Fault {
		return Fault{Match: isRead, Rewrite: func(body []byte) []byte {
			return bytes.ReplaceAll(body, []byte(old), []byte(with))
		}}
	}
	name := `"secretKey":"` + LieVictim + `"`
	return []Lie{
		{"a value that is not UTF-8", replaced(LieMarker, LieMarker+"\xff\xfe"), AboutVictim},
		{"a value in Latin-1", replaced(LieMarker, LieMarker+" gr\xfc\xdfe"), AboutVictim},
		{"half a character in a value", replaced(LieMarker, LieMarker+`\ud800`), AboutVictim},
		{"halves in the wrong order", replaced(LieMarker, LieMarker+`\ude00\ud83d`), AboutVictim},
		{"a name that is not UTF-8", replaced(name, `"secretKey":"`+LieVictim+"\xff\""), AboutVictim},
		{"half a character in a name", replaced(name, `"secretKey":"`+LieVictim+`\udfff"`), AboutVictim},
		{"a folder's name that is not UTF-8", Fault{Match: isFolders, Rewrite: func(body []byte) []byte {
			return bytes.ReplaceAll(body, []byte(`"name":"payments"`), []byte("\"name\":\"pay\xffments\""))
		}}, AboutNothing},
		{"a project's name that is not UTF-8", Fault{Match: isProjects, Rewrite: func(body []byte) []byte {
			return bytes.ReplaceAll(body, []byte(`"name":"`), []byte("\"name\":\"\xff"))
		}}, AboutNothing},
		{"another project whose slug is not UTF-8", Fault{Match: isProjects, Rewrite: func(body []byte) []byte {
			return bytes.Replace(body, []byte(`s":[{`), []byte("s\":[{\"id\":\"x\",\"slug\":\"de\xffmo\",\"environments\":[]},{"), 1)
		}}, AboutNothing},
		{"two names", replaced(name, name+`,"secretKey":"OTHER"`), AboutList},
		{"two values", replaced(name, name+`,"secretValue":"another"`), AboutList},
	}
}

// fieldLies are fields of the victim that cannot be.
func fieldLies() []Lie {
	field := func(key, raw string) Fault {
		return Fault{Match: isRead, Rewrite: func(body []byte) []byte { return setOfVictim(body, key, raw) }}
	}
	return []Lie{
		{"a negative version", field("version", "-1"), AboutVictim},
		{"a huge version", field("version", "99999999999999999999"), AboutVictim},
		{"a version in pieces", field("version", "1.5"), AboutVictim},
		{"a version beyond numbers", field("version", "1e400"), AboutVictim},
		{"a null as value", field("secretValue", "null"), AboutVictim},
		{"a date before dates", field("updatedAt", `"0001-01-01T00:00:00Z"`), AboutNothing},
		{"a date after dates", field("updatedAt", `"9999-12-31T23:59:59Z"`), AboutNothing},
		{"a date that is none", field("createdAt", `"the day before yesterday"`), AboutNothing},
		{"a number as value", field("secretValue", "7"), AboutList},
		{"a list as name", field("secretKey", `["VICTIM"]`), AboutList},
		{"a text as version", field("version", `"one"`), AboutList},
		{"nothing as name", field("secretKey", "null"), AboutList},
		{"something nested deep", field("extra", strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)), AboutList},
	}
}

// setOfVictim sets a field of the victim in an answer, if it is in it.
func setOfVictim(body []byte, key, raw string) []byte {
	var answer map[string]json.RawMessage
	if json.Unmarshal(body, &answer) != nil {
		return body
	}
	change := func(text json.RawMessage) json.RawMessage {
		var s map[string]json.RawMessage
		if json.Unmarshal(text, &s) != nil || string(s["secretKey"]) != `"`+LieVictim+`"` {
			return text
		}
		s[key] = json.RawMessage("null") // the lie may be more than the encoder takes
		one, err := json.Marshal(s)
		if err != nil {
			return text
		}
		return bytes.Replace(one, []byte(`"`+key+`":null`), []byte(`"`+key+`":`+raw), 1)
	}
	var out bytes.Buffer
	out.WriteByte('{')
	for name, text := range answer {
		var list []json.RawMessage
		switch {
		case name == "secret":
			text = change(text)
		case name == "secrets" && json.Unmarshal(text, &list) == nil:
			for i := range list {
				list[i] = change(list[i])
			}
			text = append(append([]byte{'['}, bytes.Join(rawBytes(list), []byte{','})...), ']')
		}
		if out.Len() > 1 {
			out.WriteByte(',')
		}
		out.WriteString(`"` + name + `":`)
		out.Write(text)
	}
	out.WriteByte('}')
	return out.Bytes()
}

func rawBytes(list []json.RawMessage) [][]byte {
	out := make([][]byte, len(list))
	for i, text := range list {
		out[i] = text
	}
	return out
}

// headerLies are told beside the body.
func headerLies() []Lie {
	added := func(key, value string) Fault {
		return Fault{Match: isRead, Header: http.Header{key: {value}}}
	}
	limited := func(header http.Header) Fault {
		return Fault{Match: notLogin, Status: http.StatusTooManyRequests, Header: header, Body: `{"error":"RateLimitExceeded","message":"x"}`}
	}
	return []Lie{
		{"a huge ETag", added("Etag", `"`+strings.Repeat("e", 100_000)+`"`), AboutNothing},
		{"an ETag with a control character", added("Etag", "\"a\tb\""), AboutNothing},
		{"JSON that is called HTML", added("Content-Type", "text/html"), AboutNothing},
		{"a budget beyond numbers", Fault{Match: notLogin, Header: http.Header{"X-Ratelimit-Limit": {"1e99"}, "X-Ratelimit-Remaining": {"-5"}, "X-Ratelimit-Reset": {"NaN"}}}, AboutNothing},
		{"wait for a year", limited(http.Header{"Retry-After": {"31536000"}}), AboutAll},
		{"wait until 2199", limited(http.Header{"Retry-After": {"Tue, 31 Dec 2199 23:59:59 GMT"}}), AboutAll},
		{"wait for less than nothing", limited(http.Header{"Retry-After": {"-1"}}), AboutAll},
		{"not modified, which nobody asked", Fault{Match: notLogin, Status: http.StatusNotModified}, AboutAll},
		{"a redirect to itself", Fault{Match: notLogin, Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"/api/status"}}}, AboutAll},
		{"a redirect elsewhere", Fault{Match: notLogin, Status: http.StatusFound, Header: http.Header{"Location": {"http://192.0.2.1/"}}}, AboutAll},
	}
}

// shapeLies are bodies that are no answer.
func shapeLies() []Lie {
	says := func(body string) Fault { return Fault{Match: notLogin, Status: http.StatusOK, Body: body} }
	rewritten := func(change func([]byte) []byte) Fault { return Fault{Match: notLogin, Rewrite: change} }
	const empty = `{"secrets":[],"folders":[],"imports":[]}`
	return []Lie{
		{"nothing", says(""), AboutAll},
		{"null", says("null"), AboutAll},
		{"a list", says("[]"), AboutAll},
		{"another object", says(`{"status":"ok"}`), AboutAll},
		{"no lists", says(`{"secrets":null,"folders":null}`), AboutAll},
		{"lists that are texts", says(`{"secrets":"","folders":""}`), AboutAll},
		{"two lists in one", says(`{"secrets":[],"folders":[],"secrets":[],"folders":[]}`), AboutAll},
		{"two answers in one", says(empty + empty), AboutAll},
		{"a page", says("<html><body>log in</body></html>"), AboutAll},
		{"UTF-16", says("\xff\xfe{\x00}\x00"), AboutAll},
		{"an end too early", rewritten(func(b []byte) []byte { return b[:len(b)-1] }), AboutAll},
		{"something behind the end", rewritten(func(b []byte) []byte { return append(bytes.Clone(b), "x"...) }), AboutAll},
		{"a cut connection", Fault{Match: notLogin, Truncate: 20}, AboutAll},
	}
}
