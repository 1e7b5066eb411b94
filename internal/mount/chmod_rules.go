package mount

import (
	"errors"
	"os/user"
	"strconv"
	"strings"

	"infisicalfs/internal/exitcode"
	"infisicalfs/internal/glob"
	"infisicalfs/internal/rights"
)

// Rule gives files another mode and owner than the mount's.
type Rule = rights.Rule

const ruleForm = "write it like 'tls/*.key=0400,postgres:postgres', '*.pem=0440' or 'db/*=,postgres'"

// ParseRule reads PATTERN=[MODE][,[OWNER][:GROUP]]. The pattern is one of package
// glob, relative to the mount's root. Owner and group are names or numbers; names
// are looked up now, and have to exist. The error is an *exitcode.Error.
func ParseRule(text string) (Rule, error) {
	at := strings.LastIndexByte(text, '=')
	if at < 0 {
		return Rule{}, exitcode.Errorf(exitcode.Config, ruleForm, "%q has no =", text)
	}
	files, err := glob.Parse(text[:at])
	if err != nil {
		return Rule{}, exitcode.Errorf(exitcode.Config, "use a pattern like tls/*.key, relative to what is mounted", "the pattern %q %w", text[:at], err)
	}
	rule := Rule{Files: files}
	mode, owner, owned := strings.Cut(text[at+1:], ",")
	if mode == "" && !owned {
		return Rule{}, exitcode.Errorf(exitcode.Config, ruleForm, "%q says neither mode nor owner", text)
	}
	if mode != "" {
		bits, err := strconv.ParseUint(mode, 8, 32)
		if err != nil || bits > 0o777 {
			return Rule{}, exitcode.Errorf(exitcode.Config, "use permission bits like 0400", "%q is no mode: it has to be octal, 0000 to 0777", mode)
		}
		value := uint32(bits)
		rule.Rights.Mode = &value
	}
	if owned {
		name, group, _ := strings.Cut(owner, ":")
		if name == "" && group == "" {
			return Rule{}, exitcode.Errorf(exitcode.Config, ruleForm, "%q names no owner after the comma", text)
		}
		if rule.Rights.UID, err = account(name, "user", userNumber); err != nil {
			return Rule{}, err
		}
		if rule.Rights.GID, err = account(group, "group", groupNumber); err != nil {
			return Rule{}, err
		}
	}
	return rule, nil
}

// account returns the number of a user or group, nil for the empty name.
func account(name, kind string, find func(string) (string, error)) (*uint32, error) {
	if name == "" {
		return nil, nil
	}
	text := name
	if _, err := strconv.ParseUint(name, 10, 32); err != nil {
		text, err = find(name)
		if errors.As(err, new(user.UnknownUserError)) || errors.As(err, new(user.UnknownGroupError)) {
			return nil, exitcode.Errorf(exitcode.Config, "name one that exists, give its number, or create it before mounting", "there is no %s %q on this machine", kind, name)
		}
		if err != nil {
			return nil, exitcode.Errorf(exitcode.Config, "give its number", "the %s %q cannot be looked up: %w", kind, name, err)
		}
	}
	number, err := strconv.ParseUint(text, 10, 32)
	if err != nil || number == 1<<32-1 { // which means "none" to chown
		return nil, exitcode.Errorf(exitcode.Config, "give a number below 4294967295", "%q is no number of a %s", text, kind)
	}
	id := uint32(number)
	return &id, nil
}

func userNumber(name string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return u.Uid, nil
}

func groupNumber(name string) (string, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return g.Gid, nil
}
