// Package vault opens the file vault of Infisical's own command line tool: the directory
// ~/infisical-keyring, in which each login is a file of its own, encrypted with a
// passphrase.
//
// A file is a JWE in compact form: five parts with dots between them, which are the header, the
// wrapped key, the nonce, the text and the tag. A key is derived from the
// passphrase (PBKDF2 with HMAC-SHA256), with which the key of the text is unwrapped
// (AES, RFC 3394); the text is sealed with AES-GCM. [Open] knows exactly the two algorithms that the
// tool writes, PBES2-HS256+A128KW and A256GCM, and no others, whatever the header asks for.
// A key that cannot be unwrapped tells a wrong passphrase from a damaged file.
package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

var (
	// ErrPassphrase means that a file is of another passphrase.
	ErrPassphrase = errors.New("the passphrase is wrong")

	// ErrDamaged means that a file is no login that any passphrase opens.
	ErrDamaged = errors.New("the file is damaged, or of a kind that is not known")
)

// The algorithms that the tool uses.
const (
	wrapping   = "PBES2-HS256+A128KW"
	encryption = "A256GCM"
)

// maxRounds bounds the work that a file can ask for: about a third of a second. The tool
// writes 8192.
const maxRounds = 1_000_000

// Lengths in bytes.
const (
	wrappingKey = 16 // of A128KW
	textKey     = 32 // of A256GCM
	minSalt     = 8  // below that the standard forbids it
)

// Path is the file of a login in the home directory of its owner.
func Path(home, key string) string {
	// What is no name of a file stands for itself in percent signs, as does their own.
	name := strings.NewReplacer("%", "%25", "/", "%2F").Replace(key)
	return filepath.Join(home, "infisical-keyring", name)
}

type header struct {
	Algorithm  string `json:"alg"`
	Encryption string `json:"enc"`
	Rounds     int    `json:"p2c"`
	Salt       string `json:"p2s"`
	Critical   any    `json:"crit"` // extensions that must be understood
	Zip        string `json:"zip"`
}

// Open returns what a file holds. The errors wrap [ErrPassphrase] or [ErrDamaged], and have
// nothing of the file in them.
func Open(file []byte, passphrase string) ([]byte, error) {
	parts := strings.Split(strings.TrimSpace(string(file)), ".")
	if len(parts) != 5 {
		return nil, damaged("it has %d parts and not 5", len(parts))
	}
	var raw [5][]byte
	for i, part := range parts {
		var err error
		if raw[i], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			return nil, damaged("part %d is no base64", i+1)
		}
	}
	kek, err := derive(raw[0], passphrase)
	if err != nil {
		return nil, err
	}
	wrapped, nonce, text, tag := raw[1], raw[2], raw[3], raw[4]
	if len(wrapped) != textKey+8 {
		return nil, damaged("its key has %d bytes", len(wrapped))
	}
	key, ok := unwrap(kek, wrapped)
	if !ok {
		return nil, ErrPassphrase
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, damaged("%w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil || len(nonce) != gcm.NonceSize() || len(tag) != gcm.Overhead() {
		return nil, damaged("its nonce has %d bytes and its tag %d", len(nonce), len(tag))
	}
	plain, err := gcm.Open(nil, nonce, append(text, tag...), []byte(parts[0]))
	if err != nil {
		return nil, damaged("it has been changed since it was written")
	}
	// The tool wraps its JSON in a string of JSON.
	var entry string
	if err := json.Unmarshal(plain, &entry); err != nil {
		return nil, damaged("it has no text in it")
	}
	return []byte(entry), nil
}

// derive makes the key that the text's key is wrapped in out of the passphrase.
func derive(head []byte, passphrase string) ([]byte, error) {
	var h header
	if err := json.Unmarshal(head, &h); err != nil {
		return nil, damaged("its header is no JSON")
	}
	if h.Algorithm != wrapping || h.Encryption != encryption || h.Critical != nil || h.Zip != "" {
		return nil, damaged("it is encrypted with %.40q and %.40q", h.Algorithm, h.Encryption)
	}
	salt, err := base64.RawURLEncoding.DecodeString(h.Salt)
	if err != nil || len(salt) < minSalt || h.Rounds < 1 || h.Rounds > maxRounds {
		return nil, damaged("its key takes %d rounds with a salt of %d bytes", h.Rounds, len(salt))
	}
	kek, err := pbkdf2.Key(sha256.New, passphrase, append([]byte(wrapping+"\x00"), salt...), h.Rounds, wrappingKey)
	if err != nil {
		return nil, damaged("%w", err)
	}
	return kek, nil
}

// unwrap undoes AES key wrap (RFC 3394). It fails if kek is not the key of the wrapping.
func unwrap(kek, wrapped []byte) (key []byte, ok bool) {
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, false
	}
	const half = aes.BlockSize / 2
	n := len(wrapped)/half - 1
	check := bytes.Clone(wrapped[:half])
	key = bytes.Clone(wrapped[half:])
	buffer := make([]byte, aes.BlockSize)
	for step := 6 * n; step > 0; step-- {
		part := key[(step-1)%n*half:][:half]
		copy(buffer, check)
		for i, t := 0, uint64(step); t > 0; i, t = i+1, t>>8 {
			buffer[half-1-i] ^= byte(t)
		}
		copy(buffer[half:], part)
		block.Decrypt(buffer, buffer)
		copy(check, buffer)
		copy(part, buffer[half:])
	}
	return key, bytes.Equal(check, bytes.Repeat([]byte{0xA6}, half))
}

func damaged(format string, arguments ...any) error {
	return fmt.Errorf("%w: %w", ErrDamaged, fmt.Errorf(format, arguments...))
}
