package options

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// Mode is a flag that takes permission bits in octal, as chmod does.
type Mode fs.FileMode

// String is empty for "not given".
func (m *Mode) String() string {
	if *m == 0 {
		return ""
	}
	return fmt.Sprintf("%04o", uint32(*m))
}

func (m *Mode) Type() string { return "mode" }
func (m *Mode) Set(text string) error {
	bits, err := strconv.ParseUint(text, 8, 32)
	if err != nil || bits > 0o777 {
		return fmt.Errorf("permission bits are wanted, 0000 to 0777")
	}
	*m = Mode(bits)
	return nil
}

// Switch is a flag that is on or off.
type Switch bool

func (v *Switch) String() string {
	if *v {
		return "on"
	}
	return "off"
}

func (v *Switch) Type() string { return "switch" }
func (v *Switch) Set(text string) error {
	if text != "on" && text != "off" {
		return errors.New("on or off is wanted")
	}
	*v = text == "on"
	return nil
}

// List is a flag that can be repeated. In a variable each line is one.
type List []string

var _ pflag.SliceValue = (*List)(nil) // a list in the configuration file

func (l *List) String() string { return strings.Join(*l, "\n") }
func (l *List) Type() string   { return "list" }
func (l *List) Set(text string) error {
	*l = append(*l, strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
	return nil
}

func (l *List) Append(text string) error     { *l = append(*l, text); return nil }
func (l *List) Replace(texts []string) error { *l = texts; return nil }
func (l *List) GetSlice() []string           { return *l }
