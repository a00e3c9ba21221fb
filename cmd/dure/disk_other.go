//go:build !linux

package main

import "errors"

// diskBytes is told by the running node on these systems (Status.Storage); the doctor does without.
func diskBytes(string) (free, total uint64, err error) { return 0, 0, errors.ErrUnsupported }

func filesystem(string) (name string, remote bool) { return "", false }
