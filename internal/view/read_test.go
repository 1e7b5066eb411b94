package view

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v3"
)

// put keeps a reader from not noticing that a name came twice.
func put(m map[string]string, name, value string) error {
	if _, ok := m[name]; ok {
		return fmt.Errorf("%q is there twice", name)
	}
	m[name] = value
	return nil
}

func readJSON(text string) (map[string]string, error) {
	m := map[string]string{}
	return m, json.Unmarshal([]byte(text), &m)
}

func readYAML(text string) (map[string]string, error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return nil, err
	}
	m := map[string]string{}
	nodes := document.Content[0].Content
	for i := 0; i < len(nodes); i += 2 {
		if nodes[i].Tag != "!!str" || nodes[i+1].Tag != "!!str" {
			return nil, errors.New("not a string")
		}
		if err := put(m, nodes[i].Value, nodes[i+1].Value); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// readTOML reads pairs of basic strings, as TOML 1.0 has them.
func readTOML(text string) (map[string]string, error) {
	m := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if line == "" {
			continue
		}
		name, rest, err := basicString(line)
		if err != nil {
			return nil, err
		}
		rest, ok := strings.CutPrefix(rest, " = ")
		if !ok {
			return nil, errors.New("no equals sign")
		}
		value, rest, err := basicString(rest)
		if err != nil || rest != "" {
			return nil, fmt.Errorf("%w, then %q", err, rest)
		}
		if err := put(m, name, value); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func basicString(text string) (value, rest string, err error) {
	text, ok := strings.CutPrefix(text, `"`)
	if !ok {
		return "", "", errors.New("no quote")
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			if !utf8.ValidString(text[:i]) {
				return "", "", errors.New("not UTF-8")
			}
			return b.String(), text[i+1:], nil
		case c == 0x7f || c < ' ' && c != '\t':
			return "", "", errors.New("control character")
		case c != '\\':
			b.WriteByte(c)
			continue
		}
		i++
		switch c := text[i]; c {
		case 'b', 'f', 'n', 'r', 't', '"', '\\':
			b.WriteByte(map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', '"': '"', '\\': '\\'}[c])
		case 'u':
			code, err := strconv.ParseUint(text[i+1:i+5], 16, 32)
			if err != nil || !utf8.ValidRune(rune(code)) {
				return "", "", errors.New("no such character")
			}
			b.WriteRune(rune(code))
			i += 4
		default:
			return "", "", errors.New("no such escape")
		}
	}
	return "", "", errors.New("no end")
}

// readDocker reads as docker(1) and podman(1) say and do: a line at a time, up
// to the buffer of a bufio.Scanner, with nothing meant by quotes or backslashes.
func readDocker(text string) (map[string]string, error) {
	m := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for first := true; lines.Scan(); first = false {
		line := lines.Text()
		if !utf8.ValidString(line) {
			return nil, errors.New("not UTF-8")
		}
		if first {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		line = strings.TrimLeftFunc(line, unicode.IsSpace)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || name == "" || strings.ContainsAny(name, " \t") || strings.ContainsRune(value, 0) {
			return nil, fmt.Errorf("bad line %q", line)
		}
		if err := put(m, name, value); err != nil {
			return nil, err
		}
	}
	return m, lines.Err()
}

// readShell reads words of single and double quotes, as POSIX has them, and
// nothing else that shells can do.
func readShell(text string) (map[string]string, error) {
	m := map[string]string{}
	for text != "" {
		rest, ok := strings.CutPrefix(text, "export ")
		name, rest, found := strings.Cut(rest, "=")
		if !ok || !found {
			return nil, errors.New("no assignment")
		}
		var value strings.Builder
		for rest != "" && rest[0] != '\n' {
			switch rest[0] {
			case '\'':
				within, after, found := strings.Cut(rest[1:], "'")
				if !found {
					return nil, errors.New("no end")
				}
				value.WriteString(within)
				rest = after
			case '"':
				within, after, found := strings.Cut(rest[1:], `"`)
				if !found || strings.ContainsAny(within, "\\$`") {
					return nil, errors.New("no end, or something that means something")
				}
				value.WriteString(within)
				rest = after
			default:
				return nil, fmt.Errorf("%q is not quoted", rest[0])
			}
		}
		if len(name)+value.Len()+2 > 128<<10 || strings.ContainsRune(value.String(), 0) {
			return nil, errors.New("cannot be in an environment")
		}
		if err := put(m, name, value.String()); err != nil {
			return nil, err
		}
		text = strings.TrimPrefix(rest, "\n")
	}
	return m, nil
}

// readSystemd reads by what systemd.exec(5) says of EnvironmentFile=.
func readSystemd(text string) (map[string]string, error) {
	for _, r := range text {
		if r == 0 || r == '\ufeff' || 0xfdd0 <= r && r <= 0xfdef || r&0xfffe == 0xfffe || r == utf8.RuneError && !utf8.ValidString(text) {
			return nil, fmt.Errorf("%U is not valid there", r)
		}
	}
	const blank = " \t\r"
	m := map[string]string{}
	for text != "" {
		text = strings.TrimLeft(text, blank+"\n")
		if text == "" {
			break
		}
		if text[0] == '#' || text[0] == ';' {
			_, text, _ = strings.Cut(text, "\n")
			continue
		}
		name, rest, found := strings.Cut(text, "=")
		if !found || strings.Contains(name, "\n") {
			return nil, errors.New("a line without an equals sign would be ignored")
		}
		if identifier(name) != "" {
			return nil, errors.New("the variable would be ignored")
		}
		rest = strings.TrimLeft(rest, blank)
		var value strings.Builder
		switch {
		case strings.HasPrefix(rest, "'"):
			within, after, found := strings.Cut(rest[1:], "'")
			if !found {
				return nil, errors.New("no end")
			}
			value.WriteString(within)
			rest = after
		case strings.HasPrefix(rest, `"`):
			i := 1
			for ; i < len(rest) && rest[i] != '"'; i++ {
				if rest[i] == '\\' && i+1 < len(rest) {
					i++
					if !strings.ContainsRune("\"\\`$\n", rune(rest[i])) {
						value.WriteByte('\\')
					}
					if rest[i] == '\n' {
						continue
					}
				}
				value.WriteByte(rest[i])
			}
			if i == len(rest) {
				return nil, errors.New("no end")
			}
			rest = rest[i+1:]
		default:
			return nil, errors.New("not quoted: this reader does not know that")
		}
		after, rest, _ := strings.Cut(rest, "\n")
		if strings.Trim(after, blank) != "" {
			return nil, errors.New("something follows the quote")
		}
		if err := put(m, name, value.String()); err != nil {
			return nil, err
		}
		text = rest
	}
	return m, nil
}

// readDotenv reads what node's dotenv, python-dotenv, godotenv, gotenv, compose-go
// and Ruby's dotenv read alike, and fails at what one of them takes for something
// else. What each of them does is tried elsewhere, with themselves.
func readDotenv(text string) (map[string]string, error) {
	m := map[string]string{}
	if strings.ContainsAny(text, "\r\x00") || !utf8.ValidString(text) {
		return nil, errors.New("a carriage return, or no text")
	}
	for text != "" {
		name, rest, found := strings.Cut(text, "=")
		if !found || strings.ContainsAny(name, " \n#'\"-") || name[0] <= '9' && name[0] != '.' {
			return nil, errors.New("no assignment")
		}
		var value string
		switch {
		case strings.HasPrefix(rest, "'"):
			value, rest, found = strings.Cut(rest[1:], "'")
			if strings.Contains(value, `\\`) || strings.HasSuffix(value, `\`) {
				return nil, errors.New("a backslash that means something")
			}
		case strings.HasPrefix(rest, `"`):
			value, rest, found = strings.Cut(rest[1:], `"`)
			if strings.ContainsAny(value, `\$`) {
				return nil, errors.New("a backslash or dollar sign that means something")
			}
		default:
			value, rest, found = strings.Cut(rest, "\n")
			rest = "\n" + rest
			if strings.TrimSpace(value) != value || value == "" || strings.ContainsAny(value, "#\\$") || value[0] == '`' {
				return nil, errors.New("a value without quotes that has more than one meaning")
			}
		}
		line, _, more := strings.Cut(value, "\n")
		if more && strings.TrimRightFunc(line, unicode.IsSpace) != line || strings.TrimLeftFunc(value, unicode.IsSpace) != value && strings.Contains(value, `\`) {
			return nil, errors.New("white space where gotenv stumbles")
		}
		if !found || !strings.HasPrefix(rest, "\n") || dollarMeans.MatchString(value) {
			return nil, errors.New("no end, or a dollar sign that means something")
		}
		if err := put(m, name, value); err != nil {
			return nil, err
		}
		text = rest[1:]
	}
	return m, nil
}

// dollarMeans is what at least one reader of .env makes something else of, whatever
// quotes are around it.
var dollarMeans = regexp.MustCompile(`\$[A-Za-z0-9_{(]|\\\$`)

// readCompose reads escapes between double quotes, and nothing but text between single
// ones. It fails at what not all readers with such escapes take alike.
func readCompose(text string) (map[string]string, error) {
	m := map[string]string{}
	if strings.ContainsAny(text, "\r\x00") || !utf8.ValidString(text) {
		return nil, errors.New("a carriage return, or no text")
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if line == "" {
			continue
		}
		name, quoted, found := strings.Cut(line, "=")
		if !found || len(quoted) < 2 || quoted[0] != quoted[len(quoted)-1] {
			return nil, errors.New("no assignment of one line in quotes")
		}
		value, q := quoted[1:len(quoted)-1], quoted[:1]
		switch {
		case q == "'" && (strings.Contains(value, q) || strings.HasSuffix(value, `\`)):
			return nil, errors.New("a quote, or a backslash before one")
		case q == "'":
		case q != `"`:
			return nil, errors.New("other quotes")
		default:
			var err error
			if value, err = unescape(value); err != nil {
				return nil, err
			}
		}
		if err := put(m, name, value); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// unescape takes the escapes of a value away.
func unescape(value string) (string, error) {
	means := map[string]string{`\\`: `\`, `\"`: `"`, `\$`: "$", `\n`: "\n", `\r`: "\r"}
	var b strings.Builder
	for before := ""; value != ""; {
		size := 1
		if value[0] == '\\' {
			size = 2
		}
		token := value[:min(size, len(value))]
		meaning, escape := means[token]
		switch {
		case !escape && strings.Contains(`\"$`, token[:1]):
			return "", errors.New("something that wants a backslash before it, or that is no escape")
		case before == `\\` && (token == "n" || token == "r" || token == `\"`):
			return "", errors.New("a backslash before what is an escape for who looks for that first")
		case before == `\$` && token == "(":
			return "", errors.New("what looks like a command")
		case !escape:
			meaning = token
		}
		b.WriteString(meaning)
		before, value = token, value[len(token):]
	}
	return b.String(), nil
}

// readExpand reads as dotenv does, with what dotenv-expand and its like make of dollar
// signs after that. It fails at what would be expanded or run.
func readExpand(text string) (map[string]string, error) {
	m := map[string]string{}
	if strings.ContainsAny(text, "\r\x00") || !utf8.ValidString(text) {
		return nil, errors.New("a carriage return, or no text")
	}
	for text != "" {
		name, rest, found := strings.Cut(text, "=")
		if !found || rest == "" {
			return nil, errors.New("no assignment")
		}
		var value string
		switch q := rest[:1]; {
		case strings.Contains("'\"`", q):
			value, rest, found = strings.Cut(rest[1:], q)
			if q != "'" && strings.Contains(strings.ReplaceAll(value, `\$`, ""), `\`) {
				return nil, errors.New("a backslash that may mean something")
			}
		default:
			value, rest, found = strings.Cut(rest, "\n")
			rest = "\n" + rest
			if strings.TrimSpace(value) != value || strings.ContainsAny(value, "#\\$'\"`") {
				return nil, errors.New("a value without quotes that has more than one meaning")
			}
		}
		if !found || !strings.HasPrefix(rest, "\n") || strings.Contains(value, "$(") || regexp.MustCompile(`(^|[^\\])\$`).MatchString(value) {
			return nil, errors.New("no end, or a dollar sign that means something")
		}
		if err := put(m, name, strings.ReplaceAll(value, `\$`, "$")); err != nil {
			return nil, err
		}
		text = rest[1:]
	}
	return m, nil
}
