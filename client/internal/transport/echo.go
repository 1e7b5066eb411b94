package transport

import "strings"

// withheld stands for words of a server that repeat what they were sent.
const withheld = "(its words repeat what was sent and are left out)"

// revealingLength is how many bytes of a secret in a row are too many to be seen, unless
// the whole secret is shorter.
const revealingLength = 8

// echoes reports whether words of a server have a part of a secret in them.
func echoes(words, sent string) bool {
	if len(sent) <= revealingLength {
		return sent != "" && strings.Contains(words, sent)
	}
	for i := 0; i+revealingLength <= len(words); i++ {
		if strings.Contains(sent, words[i:i+revealingLength]) {
			return true
		}
	}
	return false
}
