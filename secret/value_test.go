package secret_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

const text = "fake-value-QQ"

// traces are the ways in which a formatter might print text.
var traces = []string{
	text,
	hex.EncodeToString([]byte(text)),
	strings.ToUpper(hex.EncodeToString([]byte(text))),
	strings.Trim(fmt.Sprint([]byte(text)), "[]"),
	strings.TrimSuffix(fmt.Sprintf("%#v", []byte(text))[len("[]byte{"):], "}"),
	base64.StdEncoding.EncodeToString([]byte(text))[:12],
}

func requireHidden(t *testing.T, shown, how string) {
	t.Helper()
	for _, trace := range traces {
		require.NotContains(t, shown, trace, how)
	}
}

type exported struct{ V secret.Value }

type unexported struct{ v secret.Value }

type pointers struct {
	V *secret.Value
	v *secret.Value
}

type nested struct {
	inner unexported
	list  []unexported
	table map[string]unexported
	any   any
}

func shapes() map[string]any {
	v := secret.NewValue(text)
	return map[string]any{
		"value":              v,
		"pointer":            &v,
		"exported field":     exported{v},
		"unexported field":   unexported{v},
		"pointer to struct":  &unexported{v},
		"pointer fields":     pointers{&v, &v},
		"slice":              []secret.Value{v},
		"slice of pointers":  []*secret.Value{&v},
		"array":              [1]secret.Value{v},
		"map":                map[string]secret.Value{"k": v},
		"map of structs":     map[string]unexported{"k": {v}},
		"interface":          []any{v, &v, unexported{v}},
		"nested, unexported": nested{unexported{v}, []unexported{{v}}, map[string]unexported{"k": {v}}, v},
		"secret":             secret.Secret{Name: "KEY", Value: v},
		"folder":             &secret.Folder{Secrets: []secret.Secret{{Name: "KEY", Value: v}}},
		"change":             secret.Change{New: &secret.Folder{Secrets: []secret.Secret{{Value: v}}}},
		"error":              fmt.Errorf("wrapped: %v", v),
	}
}

func TestValueHidesFromEveryVerb(t *testing.T) {
	for _, verb := range []string{
		"%v", "%+v", "%#v", "%s", "%q", "%#q", "%+q", "%x", "%X", "% x", "%#x", "%d", "%#d", "%c", "%U", "%#U",
		"%b", "%o", "%O", "%e", "%g", "%t", "%p", "%T", "%w", "%10s", "%-10.3s", "%z",
	} {
		for shape, value := range shapes() {
			requireHidden(t, fmt.Sprintf(verb, value), verb+" of "+shape) //nolint:govet // wrong verbs are the point
		}
	}
	for shape, value := range shapes() {
		requireHidden(t, fmt.Sprint(value)+fmt.Sprintln(value), "print of "+shape)
	}
	require.Equal(t, "[secret]", fmt.Sprint(secret.NewValue(text)))
	require.Equal(t, "[secret]", fmt.Sprintf("%q", secret.NewValue("")), "the length is nobody's business either")
}

func TestValueHidesFromEncoders(t *testing.T) {
	for shape, value := range shapes() {
		encoded, err := json.Marshal(value)
		require.NoError(t, err, shape)
		requireHidden(t, string(encoded), "JSON of "+shape)

		var buf bytes.Buffer
		_ = gob.NewEncoder(&buf).Encode(value) // some shapes it cannot encode
		requireHidden(t, buf.String(), "gob of "+shape)

		encoded, _ = xml.Marshal(value)
		requireHidden(t, string(encoded), "XML of "+shape)
	}
	encoded, err := json.Marshal(map[string]secret.Value{"k": secret.NewValue(text)})
	require.NoError(t, err)
	require.JSONEq(t, `{"k":"[secret]"}`, string(encoded))
}

func TestValueHidesFromLogs(t *testing.T) {
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		for shape, value := range shapes() {
			var buf bytes.Buffer
			log := slog.New(handler(&buf)).With("early", value)
			log.LogAttrs(context.Background(), slog.LevelInfo, "message", slog.Any("late", value))
			require.Contains(t, buf.String(), "late", name)
			requireHidden(t, buf.String(), name+" log of "+shape)
		}
	}
}

func TestValueRevealsOnRequest(t *testing.T) {
	for _, text := range []string{"", text, "line\nline\n", "\x00\xff"} {
		v := secret.NewValue(text)
		require.Equal(t, text, v.Reveal())
		require.Equal(t, len(text), v.Len())
		require.True(t, v.Equal(secret.NewValue(text)))
		require.False(t, v.Equal(secret.NewValue(text+".")))
	}
	var zero secret.Value
	require.Empty(t, zero.Reveal())
	require.True(t, zero.Equal(secret.NewValue("")))
	require.Equal(t, "[secret]", zero.String())
}
