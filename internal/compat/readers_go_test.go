package compat

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/docker/cli/pkg/kvfile"
	"github.com/joho/godotenv"
	kdotenv "github.com/knadh/koanf/parsers/dotenv"
	kjson "github.com/knadh/koanf/parsers/json"
	ktoml "github.com/knadh/koanf/parsers/toml/v2"
	kyaml "github.com/knadh/koanf/parsers/yaml"
	kfile "github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/viper"
	"github.com/stretchr/testify/require"
	"github.com/subosito/gotenv"
)

// goReaders are Go libraries, and the views that they read.
var goReaders = []struct {
	name, view string
	read       func(file string) (map[string]string, error)
}{
	{"godotenv", ".env", func(file string) (map[string]string, error) { return godotenv.Read(file) }},
	{"gotenv", ".env", func(file string) (map[string]string, error) { return gotenv.Read(file) }},
	{"compose-go", ".env", func(file string) (map[string]string, error) {
		return dotenv.GetEnvFromFile(map[string]string{"X": "wrong", "HOME": "wrong"}, []string{file})
	}},
	{"viper", ".env", readViper},
	{"viper", ".secrets.json", readViper},
	{"viper", ".secrets.yaml", readViper},
	{"viper", ".secrets.toml", readViper},
	{"koanf", ".env", readKoanf(kdotenv.Parser())},
	{"koanf", ".secrets.json", readKoanf(kjson.Parser())},
	{"koanf", ".secrets.yaml", readKoanf(kyaml.Parser())},
	{"koanf", ".secrets.toml", readKoanf(ktoml.Parser())},
	{"docker", ".env.docker", readDocker},
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

func readKoanf(parser koanf.Parser) func(file string) (map[string]string, error) {
	return func(file string) (map[string]string, error) {
		k := koanf.New(".")
		if err := k.Load(kfile.Provider(file), parser); err != nil {
			return nil, err
		}
		m := map[string]string{}
		for name, value := range k.All() {
			text, ok := value.(string)
			if !ok {
				return nil, fmt.Errorf("%s is a %T", name, value)
			}
			m[name] = text
		}
		return m, nil
	}
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

// tooLong are what gotenv, and so viper, cannot read: it fails, and says that a
// line is longer than 64 KiB.
var tooLong = []string{"KIB64", "KIB128"}

// short is what .env can hold without that.
func short() map[string]string {
	m := held(".env")
	maps.DeleteFunc(m, func(name, _ string) bool { return slices.Contains(tooLong, name) })
	return m
}

func TestGoReaders(t *testing.T) {
	w := newUglyWorld(t)
	for _, r := range goReaders {
		t.Run(r.name+" "+r.view, func(t *testing.T) {
			want, file := held(r.view), w.file(r.view)
			if r.view == ".env" && (r.name == "gotenv" || r.name == "viper") {
				for _, name := range tooLong {
					_, err := r.read(w.alone(name, r.view))
					require.ErrorContains(t, err, "token too long")
				}
				want, file = short(), w.path("short/.env")
			}
			got, err := r.read(file)
			require.NoError(t, err)
			requireSame(t, want, got, nil)
		})
	}
}
