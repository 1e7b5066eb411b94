#!/bin/sh
# An escaped double quote in a double-quoted value of a .env file has three meanings,
# none of which is an error:
#   A="say \"hi\" now"   B="say \"hi\""
# gotenv and compose-go read quotes without backslashes; node's dotenv and dotenvx keep
# each backslash; godotenv reads A as the first two do, but of B, where the escaped quote
# is the last character of the value, it keeps the backslash and drops the quote: say "hi\
# Needs npm, node and go; installs in a temporary directory, which it removes.
set -eu

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
fail() { echo "changed: $1" >&2; exit 1; }

printf '%s\n' 'A="say \"hi\" now"' 'B="say \"hi\""' >.env

npm install --silent --no-audit --no-fund --prefix . dotenv@18.0.10 @dotenvx/dotenvx@2.38.2 >npm.log 2>&1 || { cat npm.log >&2; exit 1; }
cat >read.js <<'END'
const text = require("node:fs").readFileSync(".env", "utf8");
for (const [name, read] of [["dotenv 18.0.10", require("dotenv").parse(text)], ["@dotenvx/dotenvx 2.38.2", require("@dotenvx/dotenvx").parse(text, { processEnv: {} })]])
  console.log(`${name}: A=${read.A} B=${read.B}`);
END
node read.js >seen

mkdir go
cat >go/go.mod <<'END'
module readers

go 1.26
END
cat >go/main.go <<'END'
package main

import (
	"fmt"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/joho/godotenv"
	"github.com/subosito/gotenv"
)

func main() {
	one, err := godotenv.Read("../.env")
	fmt.Printf("godotenv 1.5.1: A=%s B=%s %v\n", one["A"], one["B"], err)
	two, err := gotenv.Read("../.env")
	fmt.Printf("gotenv 1.6.0: A=%s B=%s %v\n", two["A"], two["B"], err)
	three, err := dotenv.GetEnvFromFile(nil, []string{"../.env"})
	fmt.Printf("compose-go 2.16.2: A=%s B=%s %v\n", three["A"], three["B"], err)
}
END
(
	cd go
	export GOFLAGS=-mod=mod
	go get github.com/joho/godotenv@v1.5.1 github.com/subosito/gotenv@v1.6.0 github.com/compose-spec/compose-go/v2@v2.16.2 >../go.log 2>&1 || { cat ../go.log >&2; exit 1; }
	go run . >>../seen
)

cat seen
cat >expected <<'END'
dotenv 18.0.10: A=say \"hi\" now B=say \"hi\"
@dotenvx/dotenvx 2.38.2: A=say \"hi\" now B=say \"hi\"
godotenv 1.5.1: A=say "hi" now B=say "hi\ <nil>
gotenv 1.6.0: A=say "hi" now B=say "hi" <nil>
compose-go 2.16.2: A=say "hi" now B=say "hi" <nil>
END
diff expected seen >&2 || fail "see above"
echo "one file, three values for B, no error"
