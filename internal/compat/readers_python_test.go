package compat

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// debianPython is the interpreter that Debian's packages of libraries are for.
const debianPython = "/usr/bin/python3"

// pythonReaders prints what each reader reads. It is told the paths in the order
// of its second line, and the names of the settings in both.
const pythonReaders = `
import json, os, pathlib, sys
_, env, directory, env_names, directory_names = sys.argv
from dotenv import dotenv_values, load_dotenv
from pydantic import BaseSettings, create_model

def settings(names, **kwargs):
    return create_model("Settings", __base__=BaseSettings, **{name: (str, ...) for name in json.loads(names)})(**kwargs).dict()

os.environ["X"] = "wrong"
read = {"dotenv_values": dotenv_values(env)}
read["pydantic with env_file"] = settings(env_names, _env_file=env)
read["pydantic with secrets_dir"] = settings(directory_names, _secrets_dir=directory)
read["directory"] = {p.name: p.read_bytes().decode() for p in pathlib.Path(directory).iterdir() if p.is_file()}
before = set(os.environ)
load_dotenv(env)
read["load_dotenv"] = {name: os.environ[name] for name in os.environ if name not in before}
print(json.dumps(read))
`

// pydanticChanges are the values that pydantic's secrets_dir makes something else
// of, whatever the directory is.
func pydanticChanges() map[string]string {
	changed := map[string]string{}
	for _, name := range []string{"SPACE", "SPACES", "SPACES_QUOTES", "SPACES_LATER", "SPACE_BACKSLASH", "TAB", "NEWLINE", "NEWLINE_LAST", "PEM", "NO_BREAK_SPACE"} {
		changed[name] = "pydantic takes away the white space around a text"
	}
	for _, name := range []string{"CRLF", "RETURN", "RETURN_LAST"} {
		changed[name] = "pydantic reads text files, and Python turns carriage returns into newlines there"
	}
	return changed
}

func TestPython(t *testing.T) {
	needs(t, debianPython)
	w := newUglyWorld(t)
	var read map[string]map[string]string
	require.NoError(t, json.Unmarshal(output(t, "", debianPython, "-c", pythonReaders, w.file(".env"), w.path("all"),
		names(held(".env")), names(ugly)), &read))
	for reader, of := range map[string]struct{ want, changed map[string]string }{
		"dotenv_values":             {held(".env"), nil},
		"load_dotenv":               {held(".env"), nil},
		"pydantic with env_file":    {held(".env"), nil},
		"pydantic with secrets_dir": {ugly, pydanticChanges()},
		"directory":                 {ugly, nil},
	} {
		t.Run(reader, func(t *testing.T) { requireSame(t, of.want, read[reader], of.changed) })
	}
}

func names(values map[string]string) string {
	text, err := json.Marshal(slices.Sorted(maps.Keys(values)))
	if err != nil {
		panic(err)
	}
	return string(text)
}

// A model that minds upper and lower case has its fields as Python spells them,
// and wants all in one directory.
func TestPydanticThatMindsCase(t *testing.T) {
	needs(t, debianPython)
	w := newServer(t)
	w.fill("app", map[string]string{"DATABASE_URL": "postgres://app:fake@db/app", "PIN": "007"})
	w.fill("app/payments", map[string]string{"STRIPE_KEY": "fake-stripe-key"})
	w.mount("--path=/app", "--layout=flat", "--names=lower", "--read-only")
	const script = `
import sys
from pydantic import BaseSettings

class Settings(BaseSettings):
    database_url: str
    pin: str
    payments__stripe_key: str
    class Config:
        case_sensitive = True
        secrets_dir = sys.argv[1]

print(Settings().json())
`
	require.JSONEq(t, `{"database_url": "postgres://app:fake@db/app", "pin": "007", "payments__stripe_key": "fake-stripe-key"}`,
		string(output(t, "", debianPython, "-W", "error", "-c", script, w.dir)))
}
