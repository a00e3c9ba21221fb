// Command go stands in for the real one in the build stage of the compose test: it
// accepts "build … -o FILE ./cmd/dure" and hands over the binary that was built outside.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"
)

func main() {
	if err := build(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "stand-in for go:", err)
		os.Exit(1)
	}
}

func build(args []string) error {
	at := slices.Index(args, "-o")
	if len(args) == 0 || args[0] != "build" || at < 0 || at+1 >= len(args) || args[len(args)-1] != "./cmd/dure" {
		return fmt.Errorf("cannot do %q", args)
	}
	for _, needed := range []string{"go.mod", "go.sum", "cmd/dure/main.go", "node/node.go", "protocol/doc.go", "replication/replica.go"} {
		if _, err := os.Stat(needed); err != nil {
			return fmt.Errorf("the sources are not complete: %w", err)
		}
	}
	if os.Getenv("CGO_ENABLED") != "0" {
		return fmt.Errorf("the binary would not be static")
	}
	in, err := os.Open("/prebuilt/dure")
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(args[at+1], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}
