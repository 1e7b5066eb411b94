package call

import (
	"net/http"
	"strings"

	"infisicalfs/internal/devserver/internal/store"
	"infisicalfs/internal/devserver/internal/web"
)

// What is said about what is not there, or is there already.

// NoProject is what the secret routes say about an unknown project.
func (c *Call) NoProject(id string) *web.Failure {
	if c.Old() {
		return web.NotFound("Project not found during bot lookup. Are you sure you are using the correct project ID?")
	}
	return web.NotFound("Project with ID '%s' not found", id)
}

// NoFolder is what a current server says about a missing environment or path,
// where at was looked up in vain.
func (c *Call) NoFolder(at store.Place, env, path string) *web.Failure {
	switch {
	case c.GoReads() && at.Env == nil:
		return web.NotFound("Environment not found")
	case c.GoReads():
		return web.NotFound("Folder not found")
	}
	return web.Fail(http.StatusNotFound, "SecretPathNotFound",
		"Folder with path '%s' in environment '%s' was not found. Please ensure the environment slug and secret path are correct.", path, env)
}

// NoFolderFor is what writes, and in 2024 single reads, say about a missing
// environment or path: they name the operation.
func (c *Call) NoFolderFor(at store.Place, operation, env, path string) error {
	if c.Old() {
		return web.Fail(http.StatusNotFound, operation, "Folder not found for the given environment slug & secret path")
	}
	f := c.NoFolder(at, env, path)
	f.Name = map[string]string{"Create secret": "CreateSecret", "UpdateSecret": "UpdateSecret", "Delete secret": "DeleteSecret"}[operation]
	if f.Name == "" {
		f.Name = "NotFound"
	}
	return f
}

// NoSecret is what single reads say about a missing secret.
func (c *Call) NoSecret(name string) error {
	if c.Old() {
		return web.NotFound("Secret not found")
	}
	return web.NotFound("Secret with name '%s' not found", name)
}

// NoVersion is said about a version that a secret does not have. A server of July
// 2024 stumbles over it, also where the secret is missing.
func (c *Call) NoVersion(name string) error {
	if c.July() {
		return web.Fail(http.StatusInternalServerError, "Internal Server Error", "Cannot read properties of undefined (reading 'secretId')")
	}
	return c.NoSecret(name)
}

// NoSecretToChange is what updates and deletes say about a missing secret.
func (c *Call) NoSecretToChange(name string) error {
	if c.July() {
		return web.BadRequest("Secret not found: blind index %s", name)
	}
	return c.NoSecret(name)
}

// AlreadyExists is the same sentence in the words of both generations.
func (c *Call) AlreadyExists(format string, args ...any) *web.Failure {
	if !c.Old() {
		format = strings.Replace(format, "already exist", "already exists", 1)
	}
	return web.BadRequest(format, args...)
}
