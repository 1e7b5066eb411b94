package rights

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"infisicalfs/internal/glob"
	"infisicalfs/secret"
)

func rule(t *testing.T, pattern string, r Rights) Rule {
	p, err := glob.Parse(pattern)
	require.NoError(t, err)
	return Rule{Files: p, Rights: r}
}

func metadata(pairs string) (list []secret.Metadata) {
	for pair := range strings.FieldsSeq(pairs) {
		key, value, _ := strings.Cut(pair, "=")
		list = append(list, secret.Metadata{Key: key, Value: value})
	}
	return list
}

var mount = Attr{Mode: 0o600, UID: 1, GID: 2}

// The last rule that matches counts, as a whole.
func TestTheLastRuleCounts(t *testing.T) {
	policy := Policy{Mount: mount, Rules: []Rule{
		rule(t, "**/*_KEY", Rights{Mode: new(uint32(0o440)), GID: new(uint32(5))}),
		rule(t, "payments/*", Rights{Mode: new(uint32(0o4400)), UID: new(uint32(7))}),
		rule(t, "EMPTY", Rights{UID: new(uint32(8)), GID: new(uint32(9))}),
		rule(t, "NOTHING", Rights{}),
	}}
	for path, want := range map[string]Attr{
		"GREETING":          mount,
		"A_KEY":             {0o440, 1, 5},
		"payments/API_KEY":  {0o400, 7, 2},
		"payments/eu/B_KEY": {0o440, 1, 5},
		"EMPTY":             {0o600, 8, 9},
		"payments/EMPTY":    {0o400, 7, 2},
		"NOTHING":           mount,
	} {
		got, err := policy.File(nil, func() []string { return strings.Split(path, "/") })
		require.NoError(t, err)
		require.Equal(t, want, got, path)
	}
}

// Names cost something, and are asked for only where there are rules.
func TestNamesAreForRules(t *testing.T) {
	policy := Policy{Mount: mount, Server: &Server{Ceiling: 0o444}}
	got, err := policy.File(metadata("fs.mode=0444"), func() []string { t.Error("asked"); return nil })
	require.NoError(t, err)
	require.Equal(t, Attr{0o444, 1, 2}, got)
}

func TestWhatTheServerMaySay(t *testing.T) {
	server := &Server{Ceiling: 0o440, Account: func(name string, group bool) (uint32, bool) {
		id, ok := map[string]uint32{"postgres": 70, "root": 0}[name]
		if group {
			id++
		}
		return id, ok && (name != "root" || !group)
	}}
	for _, c := range []struct {
		metadata string
		mount    Attr
		want     Attr
		refused  string
	}{
		{"", mount, mount, ""},
		{"other=x", mount, mount, ""},
		{"fs.mode=0440", mount, Attr{0o440, 1, 2}, ""},
		{"fs.mode=0", mount, Attr{0, 1, 2}, ""},
		{"fs.owner=postgres fs.group=postgres", mount, Attr{0o400, 70, 71}, ""}, // no more than the ceiling
		{"fs.mode=0400 fs.owner=70", mount, Attr{0o400, 70, 2}, ""},
		{"fs.owner=0", Attr{0o600, 0, 0}, Attr{0o400, 0, 0}, ""}, // root's mount may have root's files
		{"fs.mode=0444", mount, mount, "fs.mode=0444 has bits that --server-modes=0440 does not allow"},
		{"fs.mode=02440", mount, mount, "has bits"},
		{"fs.mode=17777777777", mount, mount, "has bits"},
		{"fs.mode=77777777777", mount, mount, "no octal number"},
		{"fs.mode=rw", mount, mount, "no octal number"},
		{"fs.mode=0440 fs.owner=nosuch", mount, mount, "does not exist on this machine"},
		{"fs.owner=root", mount, mount, "fs.owner is root"},
		{"fs.group=0", mount, mount, "fs.group is root"},
		{"fs.owner=4294967295", mount, mount, "no account"},
		{"fs.owner=\xff", mount, mount, `"?" does not exist`},
	} {
		policy := Policy{Mount: c.mount, Server: server}
		got, err := policy.File(metadata(c.metadata), nil)
		require.Equal(t, c.want, got, c.metadata)
		if c.refused == "" {
			require.NoError(t, err, c.metadata)
		} else {
			require.ErrorContains(t, err, c.refused)
		}
	}
	// Without a ceiling the server has no say, and a rule wins over it.
	without := Policy{Mount: mount}
	got, err := without.File(metadata("fs.mode=0444 fs.owner=root"), nil)
	require.NoError(t, err)
	require.Equal(t, mount, got)
	ruled := Policy{Mount: mount, Server: server, Rules: []Rule{rule(t, "K", Rights{Mode: new(uint32(0o404))})}}
	got, err = ruled.File(metadata("fs.mode=0440 fs.owner=70"), func() []string { return []string{"K"} })
	require.NoError(t, err)
	require.Equal(t, Attr{0o404, 70, 2}, got)
}

// A view can be read by whoever may read each of the files, and by nobody else.
func TestAViewIsForWhoMayReadAll(t *testing.T) {
	everybody := Attr{0o444, 1, 2}
	for name, c := range map[string]struct {
		rules []Rule
		files []Attr
		want  Attr
	}{
		"no files":           {nil, nil, everybody},
		"alike":              {nil, []Attr{everybody, everybody}, everybody},
		"writable":           {nil, []Attr{{0o666, 1, 2}}, everybody},
		"the owner's":        {nil, []Attr{everybody, {0o400, 1, 2}}, Attr{0o400, 1, 2}},
		"the group's":        {nil, []Attr{everybody, {0o440, 1, 2}}, Attr{0o440, 1, 2}},
		"another owner's":    {nil, []Attr{{0o440, 7, 2}}, Attr{0o040, 1, 2}},
		"another group's":    {nil, []Attr{{0o440, 1, 8}}, Attr{0o400, 1, 2}},
		"others but a group": {nil, []Attr{{0o404, 1, 8}}, Attr{0o400, 1, 2}},
		"a stranger's":       {nil, []Attr{{0o440, 7, 8}}, Attr{0, 1, 2}},
		"no two agree":       {nil, []Attr{{0o040, 1, 2}, {0o400, 1, 2}}, Attr{0, 1, 2}},
		"a pattern's rule":   {[]Rule{rule(t, "*", Rights{Mode: new(uint32(0o600)), UID: new(uint32(7))})}, []Attr{{0o400, 7, 2}}, Attr{0o400, 7, 2}},
		"its own rule":       {[]Rule{rule(t, "**/.env", Rights{Mode: new(uint32(0o640)), GID: new(uint32(8))})}, []Attr{{0o400, 7, 2}}, Attr{0o440, 1, 8}},
	} {
		policy := Policy{Mount: Attr{0o644, 1, 2}, Rules: c.rules, Server: &Server{}}
		require.Equal(t, c.want, policy.View([]string{".env"}, slices.Values(c.files)), name)
	}
	plain := Policy{Mount: Attr{0o644, 1, 2}}
	require.Equal(t, everybody, plain.View([]string{".env"}, func(func(Attr) bool) { t.Error("all files are alike") }))
}

func ExamplePolicy() {
	files, _ := glob.Parse("tls/*.key")
	policy := Policy{
		Mount: Attr{Mode: 0o400, UID: 1000, GID: 1000},
		Rules: []Rule{{Files: files, Rights: Rights{Mode: new(uint32(0o440)), GID: new(uint32(33))}}},
	}
	attr, _ := policy.File(nil, func() []string { return []string{"tls", "server.key"} })
	fmt.Printf("%04o %d:%d", attr.Mode, attr.UID, attr.GID)
	// Output: 0440 1000:33
}
