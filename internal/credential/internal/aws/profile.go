package aws

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"infisicalfs/internal/credential/internal/tokenfile"
	"infisicalfs/internal/exitcode"
	"infisicalfs/secret"
)

// profile is one profile of the files ~/.aws/config and ~/.aws/credentials.
type profile struct {
	name   string
	values map[string]string
}

func (p profile) value(key string) string { return p.values[key] }

// has reports whether the profile says where keys come from, in whatever way.
func (p profile) has() bool {
	for _, key := range []string{"aws_access_key_id", "aws_secret_access_key", "role_arn", "sso_session", "sso_start_url", "credential_process"} {
		if p.values[key] != "" {
			return true
		}
	}
	return false
}

// profileFile is a file with profiles: which variable names it, and what it is called in
// ~/.aws if none does.
type profileFile struct{ variable, name string }

// profileFiles are the two, of which the second wins.
var profileFiles = []profileFile{{"AWS_CONFIG_FILE", "config"}, {"AWS_SHARED_CREDENTIALS_FILE", "credentials"}}

// profilePath is where the file is, empty if nobody is at home.
func (s *Sources) profilePath(file profileFile) string {
	if path := s.variable(file.variable); path != "" {
		return path
	}
	home := s.variable("HOME")
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".aws", file.name)
}

// located is where a file is that a profile names: a relative path begins at the working
// directory, which is PWD for whoever has left it.
func (s *Sources) located(path string) string {
	if dir := s.variable("PWD"); dir != "" && !filepath.IsAbs(path) {
		return filepath.Join(dir, path)
	}
	return path
}

// profile reads the profile that AWS_PROFILE names, or the one called default. That
// there are no files is fine, that a profile is named and missing is not. What the
// credentials file says wins.
func (s *Sources) profile() (profile, error) {
	named := cmp.Or(s.variable("AWS_PROFILE"), s.variable("AWS_DEFAULT_PROFILE"))
	p := profile{name: cmp.Or(named, "default"), values: map[string]string{}}
	found := false
	for _, file := range profileFiles {
		path := s.profilePath(file)
		if path == "" {
			continue
		}
		text, err := tokenfile.Read("AWS's "+file.name+" file", path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return p, err
		}
		found = readProfile(string(text), p.name, p.values) || found
	}
	if named != "" && !found {
		return p, exitcode.Errorf(exitcode.Config, "unset AWS_PROFILE or name a profile of ~/.aws/config", "AWS: there is no profile %q", named)
	}
	return p, nil
}

// readProfile puts the keys of one profile of a file into values and reports whether it
// is there. The sections of config are called "profile NAME" but for "default"; those of
// credentials have the name alone. Indented lines belong to a key above, of which none
// says where keys come from.
func readProfile(text, name string, values map[string]string) (found bool) {
	inside := false
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
		case trimmed[0] == '[':
			section, _, _ := strings.Cut(trimmed[1:], "]")
			fields := strings.Fields(section)
			if len(fields) == 2 && fields[0] == "profile" {
				fields = fields[1:]
			}
			inside = len(fields) == 1 && fields[0] == name
			found = found || inside
		case inside && line[0] != ' ' && line[0] != '\t':
			if key, value, ok := strings.Cut(trimmed, "="); ok {
				values[strings.ToLower(strings.TrimSpace(key))] = withoutComment(strings.TrimSpace(value))
			}
		}
	}
	return found
}

// withoutComment leaves away what follows a blank and a sign of comment.
func withoutComment(value string) string {
	for _, sign := range []string{" #", " ;", "\t#", "\t;"} {
		value, _, _ = strings.Cut(value, sign)
	}
	return strings.TrimSpace(value)
}

// fromProfile returns the profile's own keys or those of its web identity. What would
// have to be run, looked up in a browser's log-in or asked of another profile is refused
// with the way to have it done.
func (s *Sources) fromProfile(ctx context.Context, p profile, region string) (Keys, error) {
	refuse := func(what string) error {
		return exitcode.Errorf(exitcode.Config, `let Amazon's command do it: eval "$(aws configure export-credentials --profile `+p.name+` --format env)"`,
			"AWS: the profile %q %s, which infisicalfs does not do", p.name, what)
	}
	id, key := p.value("aws_access_key_id"), p.value("aws_secret_access_key")
	switch {
	case p.value("source_profile") != "" || p.value("credential_source") != "":
		return Keys{}, refuse("takes a role by way of other keys")
	case id != "" && key != "":
		return Keys{ID: id, Secret: secret.NewValue(key), Session: secret.NewValue(p.value("aws_session_token")), From: "AWS profile " + p.name}, nil
	case id != "" || key != "":
		return Keys{}, exitcode.Errorf(exitcode.Config, "complete it", "AWS: the profile %q has only one of aws_access_key_id and aws_secret_access_key", p.name)
	case p.value("web_identity_token_file") != "":
		return s.fromWebIdentity(ctx, webIdentity{
			from: "AWS profile " + p.name, file: s.located(p.value("web_identity_token_file")), region: region,
			role: p.value("role_arn"), session: p.value("role_session_name"),
		})
	case p.value("sso_session") != "" || p.value("sso_start_url") != "":
		return Keys{}, refuse("logs in by a browser (sso)")
	case p.value("credential_process") != "":
		return Keys{}, refuse("runs a program (credential_process)")
	default:
		return Keys{}, refuse("takes a role without saying with which keys")
	}
}
