#!/bin/sh
# Between single quotes nothing is escaped, as in a shell: so one would think of
#   A='C:\tmp\'
# in a .env file. node's dotenv and node --env-file read it so. gotenv and bun take \' for a quote
# that does not end the value, and go on to the next variable's quote: B is gone, its
# name (and with gotenv its value) is a part of A, and nothing is said. They agree about
# where A ends as little: bun stops at the quote that opens B's value, gotenv at the one that
# closes it. godotenv looks at it as bun does, and then fails at what is left of the line.
# Needs npm, node and go; installs in a temporary directory, which it removes.
set -eu

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"

printf '%s\n' "A='C:\\tmp\\'" "B='two'" "C='three'" >.env

npm install --silent --no-audit --no-fund --prefix . dotenv@18.0.10 bun@1.4.5 >npm.log 2>&1 || { cat npm.log >&2; exit 1; }
show='console.log(JSON.stringify({ A: process.env.A, B: process.env.B, C: process.env.C }))'
{
	node -e 'console.log("dotenv 18.0.10: " + JSON.stringify(require("dotenv").parse(require("node:fs").readFileSync(".env"))))'
	printf 'node --env-file: '
	env -u A -u B -u C node --env-file=.env -e "$show"
	printf 'bun 1.4.5: '
	env -u A -u B -u C node_modules/.bin/bun -e "$show"
} >seen

mkdir go
cat >go/go.mod <<'END_MOD'
module readers

go 1.26
END_MOD
cat >go/main.go <<'END_GO'
package main

import (
	"encoding/json"
	"fmt"

	"github.com/joho/godotenv"
	"github.com/subosito/gotenv"
)

func main() {
	one, err := gotenv.Read("../.env")
	if err != nil {
		panic(err)
	}
	text, _ := json.Marshal(one)
	fmt.Printf("gotenv 1.6.0: %s\n", text)
	_, err = godotenv.Read("../.env")
	fmt.Printf("godotenv 1.5.1: fails: %v\n", err != nil)
}
END_GO
(
	cd go
	export GOFLAGS=-mod=mod
	go get github.com/joho/godotenv@v1.5.1 github.com/subosito/gotenv@v1.6.0 >../go.log 2>&1 || { cat ../go.log >&2; exit 1; }
	go run . >>../seen
)

echo "node $(node --version)"
cat seen
cat >expected <<'TEXT'
dotenv 18.0.10: {"A":"C:\\tmp\\","B":"two","C":"three"}
node --env-file: {"A":"C:\\tmp\\","B":"two","C":"three"}
bun 1.4.5: {"A":"C:\\tmp\\'\nB=","C":"three"}
gotenv 1.6.0: {"A":"C:\\tmp\\'\nB='two","C":"three"}
godotenv 1.5.1: fails: true
TEXT
diff expected seen >&2 || { echo "changed" >&2; exit 1; }
