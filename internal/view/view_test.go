package view

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

func TestHowTheyLook(t *testing.T) {
	f := folder("GREETING", "hello, world", "EMPTY", "", "PASSWORD", "it's $fake", "LINES", "a\nb\n")
	for name, want := range map[string]string{
		".env.compose":  "EMPTY=\"\"\nGREETING=\"hello, world\"\nLINES=\"a\\nb\\n\"\nPASSWORD=\"it's \\$fake\"\n",
		".env.sh":       "export EMPTY=''\nexport GREETING='hello, world'\nexport LINES='a\nb\n'\nexport PASSWORD='it'\"'\"'s $fake'\n",
		".env.systemd":  "EMPTY=\"\"\nGREETING=\"hello, world\"\nLINES=\"a\nb\n\"\nPASSWORD=\"it's \\$fake\"\n",
		".secrets.json": "{\n  \"EMPTY\": \"\",\n  \"GREETING\": \"hello, world\",\n  \"LINES\": \"a\\nb\\n\",\n  \"PASSWORD\": \"it's $fake\"\n}\n",
		".secrets.toml": "\"EMPTY\" = \"\"\n\"GREETING\" = \"hello, world\"\n\"LINES\" = \"a\\nb\\n\"\n\"PASSWORD\" = \"it's $fake\"\n",
		".secrets.yaml": "\"EMPTY\": \"\"\n\"GREETING\": \"hello, world\"\n\"LINES\": \"a\\nb\\n\"\n\"PASSWORD\": \"it's $fake\"\n",
	} {
		require.Equal(t, want, render(t, builtin(t, name), f), name)
	}
	f = folder("A", "hello, world", "B", "it's", "C", `it's "x"`, "D", "")
	require.Equal(t, "A='hello, world'\nB=\"it's\"\nC=it's \"x\"\nD=''\n", render(t, builtin(t, ".env"), f))
	require.Equal(t, "A=hello, world\nB=it's\nC=it's \"x\"\nD=\n", render(t, builtin(t, ".env.docker"), f))
}

func TestAFolderWithoutSecrets(t *testing.T) {
	for _, v := range Builtin(EnvStrict) {
		want := ""
		if strings.HasPrefix(v.Name(), ".secrets") && v.Name() != ".secrets.toml" {
			want = "{}\n"
		}
		require.Equal(t, want, render(t, v, folder()), v.Name())
	}
}

func TestImportsAreThereAndFoldersAreNot(t *testing.T) {
	f := folder("OWN", "a", "IMPORTED", "b")
	f.Secrets[0].Import = &secret.Dir{Project: "demo", Env: "dev", Path: "/shared"}
	f.Folders = []secret.Subfolder{{Name: "payments"}}
	require.Equal(t, "IMPORTED=b\nOWN=a\n", render(t, builtin(t, ".env.docker"), f))
}

func TestWhatMayNotBeReadIsNotLeftOut(t *testing.T) {
	f := folder("A", "a", "B", "", "C", "c")
	f.Secrets[1].Hidden, f.Secrets[1].Reason = true, "the identity may not read it"
	for _, v := range Builtin(EnvStrict) {
		_, err := v.Render(f)
		require.ErrorIs(t, err, secret.ErrDenied)
		require.EqualError(t, err, v.Name()+` cannot hold "B": its value is hidden: the identity may not read it`)
	}
	f.Secrets[1].Garbled, f.Secrets[1].Reason = true, "the value is not UTF-8"
	for _, v := range Builtin(EnvStrict) {
		_, err := v.Render(f)
		require.ErrorIs(t, err, secret.ErrUnavailable)
		require.NotErrorIs(t, err, secret.ErrDenied)
		require.EqualError(t, err, v.Name()+` cannot hold "B": its value is damaged in the server's answer: the value is not UTF-8`)
	}
	denied := fmt.Errorf("%w: /demo/dev", secret.ErrDenied)
	_, err := builtin(t, ".env").Render(&secret.Folder{Denied: denied})
	require.ErrorIs(t, err, secret.ErrDenied)
}

func TestTheErrorSaysHowManyMore(t *testing.T) {
	f := folder("A", "a\nb", "B", "b", "C", "c\nd", "D", "\r")
	_, err := builtin(t, ".env.docker").Render(f)
	require.EqualError(t, err, `.env.docker cannot hold "A": the value has several lines, or a carriage return (and 2 other secrets)`)
	f.Secrets = f.Secrets[:3]
	_, err = builtin(t, ".env.docker").Render(f)
	require.ErrorContains(t, err, "(and one other secret)")
}

func TestNoErrorShowsAValue(t *testing.T) {
	const text = "fake-value-QQ"
	for _, spoiler := range []string{"\x00", "\xff", "\r", "\n", "${", `\\`, "'\"\\", strings.Repeat("x", 128<<10)} {
		f := folder("KEY", text+spoiler+text)
		for _, v := range Builtin(EnvStrict) {
			value, err := v.Render(f)
			require.NotContains(t, fmt.Sprintf("%v %+v %#v %q", value, value, value, err), text)
			require.NotContains(t, fmt.Sprintf("%+v %#v", v, errors.Unwrap(err)), text)
		}
	}
}

func TestAViewIsBounded(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	f := &secret.Folder{}
	for i := range 16 {
		f.Secrets = append(f.Secrets, secret.Secret{Name: fmt.Sprintf("K%02d", i), Value: secret.NewValue(big)})
	}
	for _, name := range []string{".secrets.json", ".env"} {
		_, err := builtin(t, name).Render(f)
		require.ErrorIs(t, err, secret.ErrTooLarge)
		require.EqualError(t, err, name+": too large: a view holds 16 MiB")
	}
	f.Secrets = f.Secrets[1:]
	text, err := builtin(t, ".secrets.json").Render(f)
	require.NoError(t, err)
	require.Greater(t, text.Len(), 15<<20)
}

// What a buffer no longer needs of its memory has no value in it.
func TestMemoryIsWiped(t *testing.T) {
	p := &buffer{}
	took := p.take(secret.NewValue("fake-value"))
	require.Equal(t, "fake-value", string(took))
	again := p.take(secret.NewValue("QQ"))
	require.Equal(t, "QQ\x00\x00\x00\x00\x00\x00\x00\x00", string(took))
	p.addBytes(again)
	old := p.b[:cap(p.b)]
	p.add(strings.Repeat("x", 1000))
	require.Equal(t, strings.Repeat("\x00", len(old)), string(old))
	last := p.b
	p.wipe()
	require.Zero(t, strings.Count(string(last)+string(took), "Q"))
}
