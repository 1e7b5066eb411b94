package kernelstate

import "github.com/hanwen/go-fuse/v2/fuse"

func handleOf(in *fuse.GetAttrIn) *uint64 { return &in.Fh_ }
