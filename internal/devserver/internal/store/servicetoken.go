package store

import (
	"fmt"
	"path"
	"strings"
	"time"
)

// ServiceToken is a token of one project, as there were before machine identities.
type ServiceToken struct {
	ID        string         `json:"id"`
	Secret    string         `json:"secret"`
	Name      string         `json:"name"`
	ProjectID string         `json:"projectId"`
	Scopes    []ServiceScope `json:"scopes"`
	Write     bool           `json:"write,omitempty"`
}

// ServiceScope is an environment and a path, or a pattern of paths, that a token is for.
type ServiceScope struct {
	Environment string `json:"environment"`
	SecretPath  string `json:"secretPath"`
}

// Text is the token as it is handed out: with the key that encrypted secrets with once, which
// the server does not want to see.
func (t *ServiceToken) Text() string { return "st." + t.ID + "." + t.Secret + ".0123456789abcdef" }

// ServiceTokenOf finds the token of which the first three parts are text, nil if there is none.
func (st *State) ServiceTokenOf(text string) *ServiceToken {
	return Find(st.ServiceTokens, func(t *ServiceToken) bool { return text == "st."+t.ID+"."+t.Secret })
}

// Covers reports whether the token is for a path of an environment.
func (t *ServiceToken) Covers(env, dir string) bool {
	for _, s := range t.Scopes {
		ok, _ := path.Match(strings.ReplaceAll(s.SecretPath, "**", "*"), dir)
		deep := strings.HasSuffix(s.SecretPath, "/**") && (strings.HasPrefix(dir, strings.TrimSuffix(s.SecretPath, "**")) || dir == strings.TrimSuffix(s.SecretPath, "/**"))
		if s.Environment == env && (ok || deep) {
			return true
		}
	}
	return false
}

// Plain is the one scope that is no pattern, if there is no other: requests are then taken
// for it, whatever they say.
func (t *ServiceToken) Plain() (ServiceScope, bool) {
	if len(t.Scopes) != 1 || strings.ContainsAny(t.Scopes[0].SecretPath, "*?[") {
		return ServiceScope{}, false
	}
	return t.Scopes[0], true
}

// AddServiceToken makes a service token of that name for a project.
func (e *Editor) AddServiceToken(name, projectSlug string, write bool, scopes ...ServiceScope) error {
	return e.change(func(st *State, _ time.Time) error {
		p := st.ProjectBySlug(projectSlug)
		if p == nil {
			return fmt.Errorf("there is no project %s", projectSlug)
		}
		st.ServiceTokens = append(st.ServiceTokens, &ServiceToken{ID: NewUUID(), Secret: RandomHex(16), Name: name, ProjectID: p.ID, Scopes: scopes, Write: write})
		return nil
	})
}
