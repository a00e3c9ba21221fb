// Command dure runs and asks one member's node.
//
// Package main owns the words typed by a person and the words shown to a person. It never holds the ledger, never
// opens a connection to another node and never decides what is valid: that is node's and what lies below it.
package main

import (
	"os"
	_ "time/tzdata" // a container that holds nothing else has no time zones
)

func main() { os.Exit(run(os.Args[1:])) }

// run is one call of the program: it returns the exit code (exit.go).
func run(args []string) int {
	a, err := newApp(args)
	if err != nil {
		// Only a build with a broken catalogue comes here; there are no sentences to say it with.
		_, _ = os.Stderr.WriteString("dure: internal error: " + err.Error() + "\n")
		return exitFailed
	}
	defer restrained()()
	ctx, stop := a.interruptible()
	defer stop()
	return a.execute(ctx, args)
}
