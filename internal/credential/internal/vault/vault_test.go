package vault_test

import (
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/credential/clitest"
	"infisicalfs/internal/credential/internal/vault"
)

const passphrase = "correct horse"

func TestAFileIsOpened(t *testing.T) {
	entry := clitest.Entry(t, "a.b+c@example.com", "eyJ.x.y")
	file := clitest.Seal(t, entry, passphrase)
	for _, around := range []string{"", "\n"} {
		text, err := vault.Open(append(file, around...), passphrase)
		require.NoError(t, err)
		require.Equal(t, entry, string(text))
	}
}

// ofTheTool is a file that the module has written with which Infisical's tool keeps its
// vault (version 0.43.121), for a made-up login whose token ended in 2023.
var ofTheTool = strings.Join([]string{
	"eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1ciLCJjcmVhdGVkIjoiMjAyNi0xMS0yNyAwMzo0NTo1My45ODk5NDIwOTYgKzAwMDAgVVRDIG09KzAuMDAwODg4ODEyIiwiZW5jIjoiQTI1NkdDTSIsInAyYyI6ODE5MiwicDJzIjoiekV6dkhITWlua0hJM1NoRiJ9",
	"g3tNYB6xsO5HmuSzCqox0Vtt1MLBxkbn67KNdDp0cI6siX3Jetblmw",
	"anoFqDvXdmYG0gGq",
	"XPEtwOgFOXRebMrWJBpiLfMaAcESDBvmoVMpqzJ8AZ_HQ1VKOvqXcjW91ywis5seYHw4WLDkaBtxXSiVxDmIXuiBPDTTXCL5cH7Ks15-Ef3Xw2jjz0syHvJ3tpT88KtbJnHCdo7q-5RWdpaaziqKRVK2qJDemuh7l502eN4hOwisqUqcm5L7K0h125tb2sNs_ceAu6aBo1TynoQD4kvUQl7AhgvWG4YBbl55Lpi1t3nuv2kcKTfmFD2i",
	"vS_ihSsy3A7m8Owl4nFgoQ",
}, ".")

// The encoder of these tests is ours as well, so what it and [vault.Open] agree on is held
// against that.
func TestAFileOfTheToolIsOpened(t *testing.T) {
	text, err := vault.Open([]byte(ofTheTool), "MyEnvPass")
	require.NoError(t, err)
	require.Equal(t, `{"email":"w","JTWToken":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdXRoVG9rZW5UeXBlIjoiYWNjZXNzVG9rZW4iLCJ1c2VySWQiOiJ1LTAiLCJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDg2NDAwMH0.c2ln"}`, string(text))
	_, err = vault.Open([]byte(ofTheTool), passphrase)
	require.ErrorIs(t, err, vault.ErrPassphrase)
}

// The encoder of these tests is held against the vector of RFC 3394, 4.6.
func TestTheEncoderOfTheTests(t *testing.T) {
	bytes := func(text string) []byte {
		b, err := hex.DecodeString(text)
		require.NoError(t, err)
		return b
	}
	require.Equal(t, bytes("28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"),
		clitest.Wrap(t, bytes("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"),
			bytes("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")))
}

func TestNamesOfFiles(t *testing.T) {
	for key, name := range map[string]string{
		"a.b+c@example.com":         "a.b+c@example.com",
		"weird/key name@x--org%2F":  "weird%2Fkey name@x--org%252F",
		"../../etc/passwd":          "..%2F..%2Fetc%2Fpasswd",
		"you@example.com--acme org": "you@example.com--acme org",
	} {
		require.Equal(t, filepath.Join("/home/u/infisical-keyring", name), vault.Path("/home/u", key))
	}
}

func TestWhatCannotBeOpened(t *testing.T) {
	const canary = "canary-in-the-vault"
	plain := []byte(`"` + canary + `"`)
	good := clitest.SealRaw(t, clitest.Header(8192), plain, passphrase)
	parts := strings.Split(string(good), ".")
	with := func(at int, part string) []byte {
		changed := append([]string{}, parts...)
		changed[at] = part
		return []byte(strings.Join(changed, "."))
	}
	flip := func(part string) string { // one bit of its first byte
		if part[0] == 'A' {
			return "B" + part[1:]
		}
		return "A" + part[1:]
	}
	head := func(name string, value any) []byte {
		h := clitest.Header(8192)
		h[name] = value
		return clitest.SealRaw(t, h, plain, passphrase)
	}
	for _, c := range []struct {
		name string
		file []byte
		with string
		want error
		says string
	}{
		{"another passphrase", good, "wrong horse", vault.ErrPassphrase, ""},
		{"no passphrase", good, "", vault.ErrPassphrase, ""},
		{"empty", nil, passphrase, vault.ErrDamaged, "1 parts"},
		{"cut off", good[:len(good)-20], passphrase, vault.ErrDamaged, "its tag"},
		{"half", []byte(strings.Join(parts[:3], ".")), passphrase, vault.ErrDamaged, "3 parts"},
		{"no base64", with(3, "!!"), passphrase, vault.ErrDamaged, "part 4"},
		{"a bit of the text", with(3, flip(parts[3])), passphrase, vault.ErrDamaged, "changed"},
		{"a bit of the tag", with(4, flip(parts[4])), passphrase, vault.ErrDamaged, "changed"},
		{"a short key", with(1, parts[1][:12]), passphrase, vault.ErrDamaged, "key has"},
		{"no key", with(1, ""), passphrase, vault.ErrDamaged, "key has 0"},
		{"no nonce", with(2, ""), passphrase, vault.ErrDamaged, "nonce has 0"},
		{"a header that is no JSON", with(0, "e30x"), passphrase, vault.ErrDamaged, "header"},
		{"no header", with(0, "e30"), passphrase, vault.ErrDamaged, "encrypted with"},
		{"another wrapping", head("alg", "PBES2-HS512+A256KW"), passphrase, vault.ErrDamaged, "PBES2-HS512"},
		{"no wrapping", head("alg", "dir"), passphrase, vault.ErrDamaged, "dir"},
		{"another encryption", head("enc", "A128CBC-HS256"), passphrase, vault.ErrDamaged, "A128CBC"},
		{"an extension", head("crit", []string{"b64"}), passphrase, vault.ErrDamaged, "encrypted with"},
		{"too much work", head("p2c", 1_000_001), passphrase, vault.ErrDamaged, "1000001 rounds"},
		{"no work", head("p2c", 0), passphrase, vault.ErrDamaged, "0 rounds"},
		{"less than no work", head("p2c", -1), passphrase, vault.ErrDamaged, "-1 rounds"},
		{"no salt", head("p2s", ""), passphrase, vault.ErrDamaged, "salt of 0"},
		{"not a string inside", clitest.SealRaw(t, clitest.Header(8192), []byte(`{"x":1}`), passphrase), passphrase, vault.ErrDamaged, "no text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := vault.Open(c.file, c.with)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.says)
			require.Nil(t, text)
			require.NotContains(t, err.Error(), canary)
			require.NotContains(t, err.Error(), passphrase)
		})
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("a.b.c.d.e"))
	f.Add([]byte("eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1ciLCJlbmMiOiJBMjU2R0NNIiwicDJjIjoxLCJwMnMiOiJBQUFBQUFBQUFBQUFBQUFBIn0.AAAA.AAAA.AAAA.AAAA"))
	f.Fuzz(func(t *testing.T, file []byte) {
		_, err := vault.Open(file, passphrase)
		require.Error(t, err)
	})
}
