package compat

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/docker/cli/pkg/kvfile"
	"github.com/goccy/go-yaml"
	"github.com/hashicorp/go-envparse"
	"github.com/joho/godotenv"
	kdotenv "github.com/knadh/koanf/parsers/dotenv"
	kjson "github.com/knadh/koanf/parsers/json"
	ktoml "github.com/knadh/koanf/parsers/toml/v2"
	kyaml "github.com/knadh/koanf/parsers/yaml"
	kfile "github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	pelletier "github.com/pelletier/go-toml/v2"
	"github.com/prometheus/common/config"
	"github.com/spf13/viper"
	"github.com/subosito/gotenv"
	yaml3 "go.yaml.in/yaml/v3"
	yaml4 "go.yaml.in/yaml/v4"
	sigs "sigs.k8s.io/yaml"
)

const noLongLine = "no line over 64 KiB"

var goRows = []reader{
	{name: "github.com/joho/godotenv", version: goModule("github.com/joho/godotenv"), use: forLiteral, others: envColumns,
		read: library(func(file string) (map[string]string, error) { return godotenv.Read(file) })},
	{name: "github.com/compose-spec/compose-go/v2 (Compose)", version: goModule("github.com/compose-spec/compose-go/v2"), use: []string{".env", envLiteral, ".env.compose"}, others: envColumns,
		read: library(func(file string) (map[string]string, error) {
			return dotenv.GetEnvFromFile(map[string]string{"X": "wrong", "HOME": "wrong"}, []string{file})
		})},
	{name: "github.com/subosito/gotenv", version: goModule("github.com/subosito/gotenv"), use: forLiteral, others: envColumns,
		read: library(func(file string) (map[string]string, error) { return gotenv.Read(file) }), byItself: noLongLine},
	{name: "github.com/hashicorp/go-envparse", version: goModule("github.com/hashicorp/go-envparse"), instead: "`.secrets.json`, with `encoding/json`", others: envColumns,
		read: library(func(file string) (map[string]string, error) {
			f, err := os.Open(file)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			return envparse.Parse(f)
		})},
	{name: "github.com/spf13/viper", version: goModule("github.com/spf13/viper"), use: []string{".env", envLiteral, ".secrets.json", ".secrets.yaml", ".secrets.toml"},
		read: library(readViper), byItself: "names in lower case; of `.env` " + noLongLine},
	{name: "github.com/knadh/koanf/v2", version: goModule("github.com/knadh/koanf/v2"), use: []string{".env", envLiteral, ".secrets.json", ".secrets.yaml", ".secrets.toml"},
		read: library(readKoanf)},
	{name: "github.com/docker/cli (`docker run --env-file`)", version: goModule("github.com/docker/cli"), use: []string{".env.docker"}, others: envColumns,
		read: library(readDocker)},
	{name: "github.com/goccy/go-yaml", version: goModule("github.com/goccy/go-yaml"), use: []string{".secrets.yaml"}, read: parser(yaml.Unmarshal)},
	{name: "go.yaml.in/yaml/v3", version: goModule("go.yaml.in/yaml/v3"), use: []string{".secrets.yaml"}, read: parser(yaml3.Unmarshal)},
	{name: "go.yaml.in/yaml/v4", version: goModule("go.yaml.in/yaml/v4"), use: []string{".secrets.yaml"}, read: parser(yaml4.Unmarshal)},
	{name: "sigs.k8s.io/yaml", version: goModule("sigs.k8s.io/yaml"), use: []string{".secrets.yaml"},
		read: parser(func(text []byte, into any) error { return sigs.UnmarshalStrict(text, into) })},
	{name: "github.com/BurntSushi/toml", version: goModule("github.com/BurntSushi/toml"), use: []string{".secrets.toml"}, read: parser(toml.Unmarshal)},
	{name: "github.com/pelletier/go-toml/v2", version: goModule("github.com/pelletier/go-toml/v2"), use: []string{".secrets.toml"}, read: parser(pelletier.Unmarshal)},
	{name: "github.com/prometheus/common (`password_file` and such)", version: goModule("github.com/prometheus/common"), use: []string{ownFiles},
		read: files(readPrometheus), changes: trimmed},
}

// parser is a reader that is a function on a text.
func parser(parse func(text []byte, into any) error) func(t *testing.T, files []string) []reading {
	return library(func(file string) (map[string]string, error) {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		m := map[string]any{}
		if err := parse(text, &m); err != nil {
			return nil, err
		}
		return texts(m), nil
	})
}

// files is a reader of each secret's own file, one at a time.
func files(read func(file string) (string, error)) func(t *testing.T, files []string) []reading {
	return library(func(directory string) (map[string]string, error) {
		entries, err := os.ReadDir(directory)
		m := map[string]string{}
		for _, e := range entries {
			if m[e.Name()], err = read(filepath.Join(directory, e.Name())); err != nil {
				return nil, err
			}
		}
		return m, err
	})
}

// trimmed says which values readers change that take away the white space around a text.
func trimmed(value string) string {
	if strings.TrimSpace(value) != value {
		return "takes away white space around the value"
	}
	return ""
}

// readPrometheus reads as Prometheus and its kin do what an option that ends in _file
// names.
func readPrometheus(file string) (string, error) {
	return config.NewFileSecret(file).Fetch(context.Background())
}

// viper has all names in lower case.
func readViper(file string) (map[string]string, error) {
	v := viper.New()
	v.SetConfigFile(file)
	if err := v.ReadInConfig(); err != nil {
		return nil, err
	}
	m := map[string]string{}
	for _, name := range v.AllKeys() {
		text, ok := v.Get(name).(string)
		if !ok {
			return nil, fmt.Errorf("%s is a %T", name, v.Get(name))
		}
		m[strings.ToUpper(name)] = text
	}
	return m, nil
}

func readKoanf(file string) (map[string]string, error) {
	k := koanf.New(".")
	parser := map[string]koanf.Parser{
		".env": kdotenv.Parser(), ".json": kjson.Parser(), ".toml": ktoml.Parser(), ".yaml": kyaml.Parser(),
	}[filepath.Ext(file)]
	if err := k.Load(kfile.Provider(file), parser); err != nil {
		return nil, err
	}
	return texts(k.All()), nil
}

// readDocker reads as docker run --env-file does: with the same function.
func readDocker(file string) (map[string]string, error) {
	pairs, err := kvfile.Parse(file, os.LookupEnv)
	m := map[string]string{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		m[name] = value
	}
	return m, err
}
