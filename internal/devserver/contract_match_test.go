package devserver

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"infisicalfs/internal/devserver/internal/store"
)

// bindings is what placeholders stand for.
type bindings map[string]string

var placeholder = regexp.MustCompile(`(?s)<([^<>]+)>`)

// fill replaces the placeholders whose meaning is known, and writes out
// "<1000 times x>".
func (re *replay) fill(s string) string { return re.known.fill(s) }

func (b bindings) fill(s string) string {
	return placeholder.ReplaceAllStringFunc(s, func(p string) string {
		name := p[1 : len(p)-1]
		if n, what, ok := strings.Cut(name, " times "); ok {
			if times, err := strconv.Atoi(n); err == nil {
				return strings.Repeat(what, times)
			}
		}
		if v, ok := b[name]; ok {
			return v
		}
		return p
	})
}

// compare returns what is wrong with an answer, "" if nothing.
func (re *replay) compare(c contractCase, got received) string {
	if got.failed != nil {
		return "no answer: " + got.failed.Error()
	}
	if got.status != c.Status {
		return fmt.Sprintf("status %d, want %d: %s", got.status, c.Status, shorten(string(got.raw)))
	}
	if complaint := compareHeaders(c, got); complaint != "" {
		return complaint
	}
	if c.Answer == nil {
		if len(got.raw) > 0 {
			return "a body, want none: " + shorten(string(got.raw))
		}
		return ""
	}
	learned := maps.Clone(re.known)
	if complaint := re.match(learned, "", re.expand(c.Answer), got.body); complaint != "" {
		return complaint
	}
	re.known = learned
	return ""
}

func compareHeaders(c contractCase, got received) string {
	rate := ""
	if c.Rate > 0 {
		rate = strconv.Itoa(c.Rate)
	}
	want := map[string]string{"X-Ratelimit-Limit": rate}
	if c.Rate > 0 {
		want["X-Ratelimit-Remaining"], want["X-Ratelimit-Reset"] = strconv.Itoa(c.Rate-1), "<any number>"
	}
	maps.Copy(want, c.AnswerHeaders)
	for k, w := range want {
		g := got.header.Get(k)
		if _, err := strconv.Atoi(g); w == "<any number>" && err == nil {
			continue
		}
		if g != w {
			return fmt.Sprintf("header %s is %q, want %q", k, g, w)
		}
	}
	if got.header.Get("Content-Type") != "application/json; charset=utf-8" {
		return "content type " + got.header.Get("Content-Type")
	}
	sum := sha1.Sum(got.raw)
	etag := `"` + base64.StdEncoding.EncodeToString(sum[:]) + `"`
	if len(got.raw) > 0 && got.header.Get("Etag") != etag {
		return "the ETag is not the SHA-1 of the body"
	}
	return ""
}

// expand writes shapes out: an object with a shape has all fields of the shape,
// its own go first, and "=x" is the value of field x.
func (re *replay) expand(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = re.expand(v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		name, _ := v["shape"].(string)
		maps.Copy(out, re.shapes[name])
		for k, x := range v {
			out[k] = re.expand(x)
		}
		delete(out, "shape")
		for k, x := range out {
			if s, ok := x.(string); ok && strings.HasPrefix(s, "=") && name != "" {
				out[k] = out[s[1:]]
			}
		}
		return out
	}
	return v
}

// ordered are the lists whose order is a fact; others are compared as sets.
var ordered = []string{"imports", "secretImports", "path", "options"}

// match compares want, which may have placeholders, with got, and binds the
// placeholders that it meets for the first time.
func (re *replay) match(b bindings, at string, want, got any) string {
	switch want := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s: %v, want an object", at, got)
		}
		if missing, extra := difference(want, g), difference(g, want); len(missing)+len(extra) > 0 {
			return fmt.Sprintf("%s: fields missing %v, too many %v", at, missing, extra)
		}
		for _, k := range store.SortedKeys(want) {
			if complaint := re.match(b, at+"/"+k, want[k], g[k]); complaint != "" {
				return complaint
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(want) {
			return fmt.Sprintf("%s: %s, want a list of %d: %s", at, shorten(fmt.Sprint(got)), len(want), shorten(fmt.Sprint(want)))
		}
		if slices.Contains(ordered, at[strings.LastIndex(at, "/")+1:]) {
			for i := range want {
				if complaint := re.match(b, fmt.Sprintf("%s/%d", at, i), want[i], g[i]); complaint != "" {
					return complaint
				}
			}
			return ""
		}
		return re.matchSet(b, at, want, g)
	case string:
		g, ok := got.(string)
		if !ok {
			return fmt.Sprintf("%s: %v, want %q", at, got, want)
		}
		return matchString(b, at, want, g)
	default:
		if want != got {
			return fmt.Sprintf("%s: %v, want %v", at, shorten(fmt.Sprint(got)), want)
		}
		return ""
	}
}

func (re *replay) matchSet(b bindings, at string, want, got []any) string {
	rest := slices.Clone(got)
	for _, w := range want {
		complaint := ""
		i := slices.IndexFunc(rest, func(g any) bool {
			tried := maps.Clone(b)
			c := re.match(tried, at+"/*", w, g)
			if c == "" {
				maps.Copy(b, tried)
			} else if complaint == "" || len(rest) == 1 || sameKey(w, g) {
				complaint = c
			}
			return c == ""
		})
		if i < 0 {
			return fmt.Sprintf("%s: nothing like %s (%s)", at, shorten(fmt.Sprint(w)), complaint)
		}
		rest = slices.Delete(rest, i, i+1)
	}
	return ""
}

func sameKey(a, b any) bool {
	x, _ := a.(map[string]any)
	y, _ := b.(map[string]any)
	return x["secretKey"] != nil && x["secretKey"] == y["secretKey"] || x["name"] != nil && x["name"] == y["name"]
}

func matchString(b bindings, at, want, got string) string {
	if m := placeholder.FindString(want); m != "" && m == want {
		name := want[1 : len(want)-1]
		_, known := b[name]
		isTime := strings.HasPrefix(name, "time ") || strings.HasPrefix(name, "seed time ") || name == "any time"
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", got); isTime && err != nil {
			return fmt.Sprintf("%s: %q is no time", at, got)
		}
		switch {
		case name == "any string", name == "any time":
			return ""
		case known, strings.Contains(name, " times "):
		case !isTime && !store.IsUUID(got):
			return fmt.Sprintf("%s: %q, want an id for %s", at, got, want)
		default:
			if other := taken(b, name, got); other != "" {
				return fmt.Sprintf("%s: %q stands for <%s> already, want a new one for %s", at, got, other, want)
			}
			b[name] = got
			return ""
		}
	}
	if w := b.fill(want); w != got {
		return fmt.Sprintf("%s: %q, want %q (%s)", at, shorten(got), shorten(w), shorten(want))
	}
	return ""
}

// taken returns the placeholder that stands for the value already. Times of the
// seed may be equal.
func taken(b bindings, name, value string) string {
	if strings.HasPrefix(name, "seed time ") {
		return ""
	}
	for other, v := range b {
		if v == value {
			return other
		}
	}
	return ""
}

func difference(a, b map[string]any) []string {
	var out []string
	for k := range a {
		if _, ok := b[k]; !ok {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

func shorten(s string) string {
	if len(s) > 300 {
		return strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}
