package compat

import (
	"testing"

	"github.com/stretchr/testify/require"
)

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
