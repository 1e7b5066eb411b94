package transport

import "strings"

// withheld stands for words of a server that repeat what they were sent.
const withheld = "(its words repeat what was sent and are left out)"

// tellingLength is how many bytes of a secret in a row are too many to be seen, unless
// the whole secret is shorter.
const tellingLength = 8

// repeats reports whether words of a server have a part of a secret in them.
func repeats(words, sent string) bool {
	if len(sent) <= tellingLength {
		return sent != "" && strings.Contains(words, sent)
	}
	for i := 0; i+tellingLength <= len(words); i++ {
		if strings.Contains(sent, words[i:i+tellingLength]) {
			return true
		}
	}
	return false
}
