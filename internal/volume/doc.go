// Package volume serves many mounts from one process, each known by a name, as container
// engines want it: a volume is created with words, mounted for whoever names an id, and
// unmounted when the last id is gone.
//
//	m, err := volume.Open(ctx, volume.Config{BaseDir: base, StateDir: state, Login: login})
//	err = m.Create("app", map[string]string{"project": "shop", "env": "prod"})
//	point, err := m.Mount(ctx, "app", "container 1")
//	err = m.Unmount(ctx, "app", "container 1")
//	m.Supervise() // tells the service manager, for a process that serves nothing else
//	err = m.Close() // the mounts stay, and the next Open puts live ones in their places
//
// A [Manager] owns the state directory and what is mounted below the base directory, as long
// as it is open. Which volumes there are, and who uses them, is in the state directory before
// a call returns (state.go), so that a process that is killed between any two steps leaves
// what the next one can go on with. Secrets are never in there.
//
// A node of Kubernetes wants volumes at paths of its own, for pods whose credentials come with each
// call: [Manager.Publish] and [Manager.Unpublish] (publish.go, handed.go).
//
// Volumes of one identity share its login, its connections, and one cache (identity.go): a
// hundred volumes of one environment cost the requests of one. Each shows only what its
// identity may read, and each bears a refusal of its own root alone. The words of a volume
// are package options' to understand; nothing but them, no variable and no file of a project,
// has a say in what a volume shows.
package volume
