//go:build !linux

package main

import "errors"

// freeBytes is told by the running node on these systems (Status.Storage); the doctor does without.
func freeBytes(string) (uint64, error) { return 0, errors.ErrUnsupported }

func filesystem(string) (name string, remote bool) { return "", false }
