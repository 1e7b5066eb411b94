package clitest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Header is what the tool writes there, with the number of rounds given.
func Header(rounds int) map[string]any {
	salt := make([]byte, 12)
	rand.Read(salt)
	return map[string]any{
		"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "p2c": rounds, "p2s": base64.RawURLEncoding.EncodeToString(salt),
		"created": time.Now().UTC().String(),
	}
}

// Entry is the text of a login with that token.
func Entry(t testing.TB, email, token string) string {
	t.Helper()
	entry, err := json.Marshal(map[string]string{"email": email, "privateKey": "", "JTWToken": token, "RefreshToken": ""})
	require.NoError(t, err)
	return string(entry)
}

// Seal returns the file of an entry.
func Seal(t testing.TB, entry, passphrase string) []byte {
	t.Helper()
	plain, err := json.Marshal(entry)
	require.NoError(t, err)
	return SealRaw(t, Header(8192), plain, passphrase)
}

// SealRaw returns the file of any text, with any header.
func SealRaw(t testing.TB, header map[string]any, plain []byte, passphrase string) []byte {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString
	head, err := json.Marshal(header)
	require.NoError(t, err)
	salt, err := base64.RawURLEncoding.DecodeString(header["p2s"].(string))
	require.NoError(t, err)
	rounds := min(max(header["p2c"].(int), 1), 8192) // more are asked for only to be refused
	kek, err := pbkdf2.Key(sha256.New, passphrase, append([]byte("PBES2-HS256+A128KW\x00"), salt...), rounds, 16)
	require.NoError(t, err)
	cek, nonce := make([]byte, 32), make([]byte, 12)
	rand.Read(cek)
	rand.Read(nonce)
	block, err := aes.NewCipher(cek)
	require.NoError(t, err)
	gcm, err := cipher.NewGCM(block)
	require.NoError(t, err)
	sealed := gcm.Seal(nil, nonce, plain, []byte(text(head)))
	body, tag := sealed[:len(sealed)-16], sealed[len(sealed)-16:]
	return []byte(text(head) + "." + text(Wrap(t, kek, cek)) + "." + text(nonce) + "." + text(body) + "." + text(tag))
}

// Wrap is AES key wrap, as RFC 3394 tells it in 2.2.1.
func Wrap(t testing.TB, kek, key []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(kek)
	require.NoError(t, err)
	n := len(key) / 8
	a := uint64(0xA6A6A6A6A6A6A6A6)
	r := make([]uint64, n+1)
	for i := 1; i <= n; i++ {
		r[i] = binary.BigEndian.Uint64(key[8*(i-1):])
	}
	for j := 0; j <= 5; j++ {
		for i := 1; i <= n; i++ {
			var b [16]byte
			binary.BigEndian.PutUint64(b[:8], a)
			binary.BigEndian.PutUint64(b[8:], r[i])
			block.Encrypt(b[:], b[:])
			a = binary.BigEndian.Uint64(b[:8]) ^ uint64(n*j+i)
			r[i] = binary.BigEndian.Uint64(b[8:])
		}
	}
	wrapped := binary.BigEndian.AppendUint64(nil, a)
	for _, part := range r[1:] {
		wrapped = binary.BigEndian.AppendUint64(wrapped, part)
	}
	return wrapped
}
