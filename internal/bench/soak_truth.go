//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"
)

// truth is what the server had when. Versions of a secret are numbered; what a
// version's text is follows from name and number, so every text can be told from
// every other, and from a mixture.
type truth struct {
	mu sync.Mutex // guards what follows

	begun   map[string]int         // the newest version that may be on the server
	ended   map[string][]time.Time // by version: when it was on the server for certain
	refused time.Time              // since when the denied folder is denied; zero: it is not
}

func newTruth() *truth {
	return &truth{begun: map[string]int{}, ended: map[string][]time.Time{}}
}

// textOf is version n of a secret. Lengths differ, and some are of many READs'
// worth or more than a page.
func textOf(name string, n int) string {
	length := 48 + (n*7919+len(name)*31)%9000
	if n%50 == 49 {
		length += 150 << 10
	}
	head := fmt.Sprintf("not-a-secret %s %d ", name, n)
	return head + strings.Repeat(string(rune('a'+n%26)), length) + "."
}

// versionOf tells which version of a secret text is.
func versionOf(name, text string) (n int, ok bool) {
	words := strings.SplitN(text, " ", 4)
	if len(words) != 4 {
		return 0, false
	}
	n, err := strconv.Atoi(words[2])
	return n, err == nil && text == textOf(name, n)
}

// unlike says how text differs from the version that it says it is.
func unlike(name, text string) string {
	words := strings.SplitN(text, " ", 4)
	if len(words) != 4 {
		return fmt.Sprintf("%d bytes without a beginning", len(text))
	}
	n, _ := strconv.Atoi(words[2])
	whole := textOf(name, n)
	same := 0
	for same < min(len(text), len(whole)) && text[same] == whole[same] {
		same++
	}
	if same == len(text) {
		return fmt.Sprintf("%d of version %d's %d bytes, and the end", same, n, len(whole))
	}
	return fmt.Sprintf("%d of version %d's %d bytes, and %d others, the first is %q", same, n, len(whole), len(text)-same, text[same])
}

// begin is called before a version is sent; it returns its number and text.
func (t *truth) begin(name string) (n int, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begun[name]++
	return t.begun[name], textOf(name, t.begun[name])
}

// end says that version n is on the server.
func (t *truth) end(name string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.ended[name]
	for len(list) <= n {
		list = append(list, time.Time{})
	}
	list[n] = time.Now()
	t.ended[name] = list
}

// newest returns the newest version that was certainly on the server by then.
func (t *truth) newest(name string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.ended[name]) - 1
}

// age returns how long before now version n had been replaced; 0 if it was not.
func (t *truth) age(name string, n int, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, replaced := range t.ended[name][min(n+1, len(t.ended[name])):] {
		if !replaced.IsZero() {
			return max(0, now.Sub(replaced))
		}
	}
	return 0
}

// possible reports whether version n was ever given to the server.
func (t *truth) possible(name string, n int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return n >= 0 && n <= t.begun[name]
}

// deny notes since when the denied folder is denied; the zero time: it is not.
func (t *truth) deny(since time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused = since
}

// denied returns for how long the folder had been denied at that time.
func (t *truth) denied(at time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused.IsZero() {
		return 0
	}
	return max(0, at.Sub(t.refused))
}

func oneOf(list []string) string { return list[rand.IntN(len(list))] }
