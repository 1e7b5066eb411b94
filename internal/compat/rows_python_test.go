package compat

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// debianPython is the interpreter that Debian's packages of libraries are for.
const debianPython = "/usr/bin/python3"

// python is a reader of testdata/readers/python.py.
func python(reader string) func(t *testing.T, files []string) []reading {
	return interpreted("python.py", reader, debianPython)
}

// interpreted is a reader of a file of testdata/readers.
func interpreted(file, reader string, command ...string) func(t *testing.T, files []string) []reading {
	return func(t *testing.T, files []string) []reading {
		path, err := filepath.Abs("testdata/readers/" + file)
		require.NoError(t, err)
		return script(reader, append(command[:len(command):len(command)], path)...)(t, files)
	}
}

var pythonRows = []reader{
	{name: "python-dotenv", version: debian("python3-dotenv"), use: forLiteral, others: envColumns, read: python("dotenv_values"),
		byItself: "expands `${`, which `.env` refuses"},
	{name: "python-dotenv (`load_dotenv`)", version: debian("python3-dotenv"), use: forLiteral, read: python("load_dotenv"), environment: true},
	{name: "pydantic 1 (`env_file`)", version: debian("python3-pydantic"), use: forLiteral, read: python("env_file")},
	{name: "pydantic 1 (`secrets_dir`)", version: debian("python3-pydantic"), use: []string{ownFiles}, read: python("secrets_dir"), changes: trimmedText},
	{name: "python-decouple", version: debian("python3-decouple"), use: []string{ownFiles}, others: envColumns, read: python("decouple"), changes: textMode,
		byItself: "`RepositorySecret(DIRECTORY)` reads the files; of `.env` it reads single lines"},
	{name: "Python (`tomllib`)", version: says(debianPython, "--version"), use: []string{".secrets.toml"}, read: python("tomllib")},
	{name: "tomli", version: debian("python3-tomli"), use: []string{".secrets.toml"}, read: python("tomli")},
	{name: "PyYAML", version: debian("python3-yaml"), use: []string{".secrets.yaml"}, read: python("pyyaml")},
	{name: "Python (`json`)", version: says(debianPython, "--version"), use: []string{".secrets.json"}, read: python("json_loads")},
	{name: "Python (`read_bytes`)", version: says(debianPython, "--version"), use: []string{ownFiles}, read: python("read_bytes")},
	{name: "Python (`open`, `read_text`)", version: says(debianPython, "--version"), use: []string{ownFiles}, read: python("read_text"), changes: textMode},
}

// textMode says what Python makes of files that are not opened as bytes.
func textMode(value string) string {
	if strings.Contains(value, "\r") {
		return "makes a newline of a carriage return"
	}
	return ""
}

func trimmedText(value string) string {
	if textMode(value) != "" || trimmed(value) != "" {
		return "takes away white space around the value, and makes a newline of a carriage return"
	}
	return ""
}
