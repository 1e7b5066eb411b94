//go:build linux

package main

import (
	"fmt"
	"strings"

	"infisicalfs/internal/devserver"
)

// What is measured on: small secrets, as most are.
const (
	project   = "bench"
	filesDir  = "files" // the environment with the files that are read again and again
	fileCount = 1000
	fileBytes = 35

	walkDir     = "walk" // the environment that is walked through once
	walkFolders = 100
	walkSecrets = 10 // in each folder

	manyDir   = "many" // the environment with many secrets in one folder
	manyCount = 10_000
)

func fileName(i int) string { return fmt.Sprintf("KEY_%05d", i) }

// fileValue is obviously no secret, and fileBytes long.
func fileValue(i int) string {
	text := fmt.Sprintf("not-a-secret-%05d-", i)
	return text + strings.Repeat("x", fileBytes-len(text))
}

// benchSeed is the data of the server.
func benchSeed() *devserver.Seed {
	walk := devserver.SeedContent{}
	for i := range walkFolders {
		walk.Folders = append(walk.Folders, devserver.SeedFolder{
			Name: fmt.Sprintf("service-%03d", i), SeedContent: devserver.SeedContent{Secrets: seedSecrets(walkSecrets)},
		})
	}
	return &devserver.Seed{Projects: []devserver.SeedProject{{Slug: project, Environments: []devserver.SeedEnvironment{
		{Slug: filesDir, SeedContent: devserver.SeedContent{Secrets: seedSecrets(fileCount)}},
		{Slug: walkDir, SeedContent: walk},
		{Slug: manyDir, SeedContent: devserver.SeedContent{Secrets: seedSecrets(manyCount)}},
	}}}}
}

func seedSecrets(n int) []devserver.SeedSecret {
	list := make([]devserver.SeedSecret, n)
	for i := range list {
		list[i] = devserver.SeedSecret{Name: fileName(i), Value: fileValue(i)}
	}
	return list
}
