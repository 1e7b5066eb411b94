package secret_test

import (
	"errors"
	"fmt"

	"infisicalfs/secret"
)

// A Value never prints itself.
func ExampleValue() {
	v := secret.NewValue("hunter2")
	fmt.Println(v, v.Len())
	fmt.Println(v.Reveal())
	// Output:
	// [secret] 7
	// hunter2
}

// A snapshot is read without a lock; a variation is a copy.
func ExampleFolder() {
	folder := &secret.Folder{
		Dir:     secret.Dir{Project: "demo", Env: "dev", Path: "/"},
		Secrets: []secret.Secret{{Name: "KEY", Value: secret.NewValue("one")}, {Name: "TOKEN", Hidden: true, Reason: "no permission"}},
	}
	stale := folder.With(func(f *secret.Folder) { f.Stale = true })
	fmt.Println(folder.Stale, stale.Stale)
	token, ok := stale.Secret("TOKEN")
	fmt.Println(ok, errors.Is(token.Unreadable(), secret.ErrDenied))
	// Output:
	// false true
	// true true
}
