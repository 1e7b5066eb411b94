package fs_test

import (
	"fmt"
	"log"

	fusefs "github.com/hanwen/go-fuse/v2/fs"

	"infisicalfs/fs"
	"infisicalfs/secret"
	"infisicalfs/secret/secrettest"
)

// A file system is mounted by go-fuse. It hears of changes by Apply, which a cache
// calls for whatever it finds out.
func Example() {
	source := secrettest.NewFake() // a cache.Cache otherwise
	f := fs.New(fs.Config{Source: source})
	options := f.Options()
	options.MountOptions.FsName = "infisical"
	options.MountOptions.Options = []string{"default_permissions"} // the nodes check no modes
	server, err := fusefs.Mount("/mnt", f.Root(), options)
	if err != nil {
		log.Fatal(err)
	}
	f.Apply(secret.Change{Dir: secret.Dir{Project: "demo", Env: "dev", Path: "/"}}) // ask again
	server.Wait()
	f.Close()
}

// A secret can have a name that no file can have.
func ExampleEncodeName() {
	for _, name := range []string{"GREETING", "a/b", "..data", "100%"} {
		fmt.Println(fs.EncodeName(name))
	}
	// Output:
	// GREETING
	// a%2Fb
	// %2E%2Edata
	// 100%25
}
