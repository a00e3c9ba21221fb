package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/dure-net/dure/"

// wall is what a package and those below it must never import, and why. It stands for imports of the files themselves,
// tests included where tests is set: a test may need what its package must not.
type wall struct {
	of    string // package directory, from the root of the module
	exact bool   // not those below it
	never []banned
}

type banned struct{ path, because string } // path is a package; a trailing "..." is everything that begins so

var pure = []banned{
	{"os...", "what an entry is does not depend on a machine"},
	{"net...", "vocabulary does no I/O"},
	{"log...", "pure code returns, it does not log"},
	{"context", "nothing here blocks"},
	{"sync...", "nothing here is shared: callers own what they get"},
	{"math/rand...", "the same bytes must give the same answer everywhere"},
	{"github.com/libp2p/...", "other languages must be able to implement protocol with SHA-256, Ed25519 and CBOR alone"},
	{"github.com/dgraph-io/...", "validity does not depend on how bytes are stored"},
	{"database/sql...", "validity does not depend on how bytes are stored"},
	{module + "node...", "dependencies point to protocol, never away from it"},
	{module + "replication...", "dependencies point to protocol, never away from it"},
	{module + "cmd...", "nothing imports a command"},
}

var walls = []wall{
	{of: "protocol", exact: true, never: append([]banned{{module + "...", "protocol imports nothing of ours"}}, pure...)},
	{of: "protocol/record", never: pure},
	{of: "protocol/record/exchange", never: []banned{{module + "protocol/record/match...", "what is agreed does not depend on what was suggested"}}},
	{of: "protocol/charter", never: pure},
	{of: "protocol/erasure", never: pure},
	{of: "protocol/proof", never: append([]banned{{module + "protocol/charter", "bytes prove who signed; who is a member is decided elsewhere"}}, pure...)},
	{of: "protocol/sealed", never: append([]banned{
		{module + "protocol/record", "an envelope does not know what a record may say"},
		{module + "protocol/charter", "who may be written to is the node's question"},
	}, pure...)},
	{of: "replication/ledger", never: []banned{
		{"github.com/libp2p/...", "the copy on this disk is the same whoever it came from"},
		{"net/http", "the ledger serves nobody directly: the door is replication"},
		{module + "replication", "the ledger is below the decision what to take in"},
		{module + "replication/mesh...", "the ledger does not know how bytes travel"},
		{module + "node...", "the ledger is below the node"},
	}},
	{of: "replication/depot", never: []banned{
		{"net...", "files lie on this disk; who brings them is replication's question"},
		{"github.com/libp2p/...", "files lie on this disk; who brings them is replication's question"},
		{"github.com/dgraph-io/...", "what is dropped must be gone at once, and a store of merged tables keeps it"},
		{module + "replication", "the depot is below the decision what to fetch"},
		{module + "replication/ledger...", "no file is part of the ledger or its root"},
		{module + "replication/mesh...", "the depot does not know how bytes travel"},
		{module + "node...", "the depot is below the node"},
	}},
	{of: "replication/mesh", never: []banned{
		{module + "replication", "the mesh carries bytes and decides nothing about them"},
		{module + "replication/ledger...", "what is not verified must not reach the disk past Admit"},
		{"github.com/dgraph-io/...", "the mesh stores nothing"},
		{module + "node...", "the mesh is below the node"},
	}},
	{of: "replication", exact: true, never: []banned{
		{"github.com/dgraph-io/...", "storage is the ledger's"},
		{"github.com/libp2p/...", "transport is the mesh's"},
		{"net/http", "there is one door, and it is not HTTP"},
		{module + "node...", "replication is below the node"},
	}},
	{of: "node/index", never: []banned{
		{"github.com/libp2p/...", "the index is derived from the ledger alone"},
		{"github.com/dgraph-io/...", "the index can be thrown away; the ledger cannot"},
		{module + "replication/mesh...", "the index is derived from the ledger alone"},
	}},
	{of: "node/index/token", never: []banned{
		{module + "...", "words are cut the same whatever they stand for"},
		{"database/sql...", "words are cut the same wherever they are kept"},
		{"os...", "cutting words reads nothing"},
		{"net...", "cutting words reads nothing"},
	}},
	{of: "node/exchange", never: []banned{
		{module + "replication...", "what a member signs goes through the node's one door"},
		{module + "node/api...", "agreements are the same for pages, programs and people"},
		{"github.com/libp2p/...", "agreements are made of what is here"},
		{"github.com/dgraph-io/...", "agreements are read through the index and the ledger"},
		{"net/http", "agreements are made of what is here"},
	}},
	{of: "node/api", never: programs},
	{of: "node/export", never: append([]banned{
		{"net...", "what terms mean stands in the document; nobody is asked"},
		{"os...", "it writes where it is told to"},
	}, programs...)},
	{of: "node/access", never: []banned{
		{module + "replication...", "who may ask is a matter of this machine, not of the ledger"},
		{module + "node...", "it knows callers, not what they ask for"},
		{"github.com/libp2p/...", "callers are local programs, never nodes"},
		{"net/http", "it judges tokens and answers no request"},
		{"os...", "the home keeps its file"},
	}},
	{of: "node/searches", never: []banned{
		{module + "replication...", "what is saved is a matter of this machine, not of the ledger"},
		{module + "node...", "it keeps what is asked for, and does not know who answers"},
		{"github.com/libp2p/...", "what is saved never leaves this machine"},
		{"net...", "what is saved never leaves this machine"},
		{"os...", "the home keeps its file"},
	}},
	{of: "node/web", never: programs},
	{of: "node/private", never: []banned{
		{module + "replication...", "letters are read through what the node hands in"},
		{module + "node/...", "nobody below the node learns what a letter says: no index, no page, no home"},
		{"log...", "nothing of a letter is ever logged"},
		{"os...", "nothing decrypted is ever written to a disk"},
		{"net...", "letters travel as entries and in no other way"},
		{"github.com/libp2p/...", "letters travel as entries and in no other way"},
		{"github.com/dgraph-io/...", "letters lie in the ledger, as they were sealed"},
		{"database/sql...", "nothing decrypted is ever written to a disk"},
		{"github.com/prometheus/...", "nothing of a letter is ever counted in the open"},
	}},
	{of: "node/home", never: []banned{
		{module + "replication...", "the home holds keys and papers, never records"},
		{"github.com/libp2p/...", "the home opens no connection"},
		{"github.com/dgraph-io/...", "the home does not look into the ledger"},
		{"net/http", "the home opens no connection"},
	}},
	{of: "node/enrol", never: stopped},
	{of: "node/restore", never: stopped},
	{of: "node/migrate", never: stopped},
	{of: "node/phrase", never: []banned{
		{module + "replication...", "sentences decide nothing and read nothing"},
		{"github.com/libp2p/...", "sentences decide nothing and read nothing"},
		{"net...", "sentences decide nothing and read nothing"},
	}},
	{of: "node/media", never: []banned{
		{module + "replication...", "what a file is stands in its bytes alone"},
		{"github.com/libp2p/...", "what a file is stands in its bytes alone"},
		{"os...", "what a file is stands in its bytes alone"},
	}},
	{of: "node/archive", never: []banned{
		{module + "replication...", "an archive must be read where there is no node"},
		{module + "node/api...", "an archive must be read where there is no node"},
		{"net...", "an archive must be read where there is no node"},
		{"github.com/libp2p/...", "an archive must be read where there is no node"},
		{"github.com/dgraph-io/...", "an archive must be read where there is no node"},
	}},
	{of: "node/sheet", never: []banned{
		{module + "replication...", "a table becomes drafts; what is published goes the one way"},
		{"github.com/libp2p/...", "a table comes from a file"},
		{"net...", "a table comes from a file"},
	}},
	{of: "node/remarks", never: []banned{
		{module + "replication...", "what is said is read from the index and its source; writing goes through the node"},
		{"github.com/libp2p/...", "what members say comes from the ledger alone"},
		{"github.com/dgraph-io/...", "what members say is read through the index's source, never past its hashes"},
		{"net...", "nothing here asks anybody"},
	}},
	{of: "node/calendar", never: []banned{
		{module + "replication...", "a calendar is made of a record in hand"},
		{module + "node...", "a calendar is made of a record in hand"},
		{"os...", "whoever asks writes the file"},
		{"net...", "a calendar is made of a record in hand"},
	}},
	{of: "node/health", never: []banned{
		{"github.com/dgraph-io/...", "health is folded from what nodes say, not from stores"},
		{"github.com/libp2p/...", "health is folded from what nodes say, not from connections"},
	}},
	{of: "node", never: []banned{{module + "cmd...", "nothing imports a command"}}},
	{of: "cmd/dure", never: []banned{
		{"github.com/dgraph-io/...", "the command line asks the node, it never opens a store"},
		{"github.com/libp2p/...", "the command line asks the node, it never opens a connection to another"},
		{module + "replication...", "what is admitted is decided behind node, in one place"},
	}},
}

var stopped = []banned{
	{module + "node", "what is done to a stopped home needs no running node"},
	{"github.com/dgraph-io/...", "stores are opened through the ledger"},
	{"net/http", "a stopped home serves nobody"},
}

var programs = []banned{
	{module + "replication...", "programs and pages ask the Backend; whatever goes round it would go round Admit"},
	{"github.com/libp2p/...", "programs and pages never reach other nodes"},
	{"github.com/dgraph-io/...", "programs and pages never reach the store"},
}

// pureClock are the calls by which a package would read a clock or roll dice; protocol takes both as parameters.
var pureClock = []string{"time.Now(", "time.Since(", "time.Until(", "time.Sleep(", "time.After(", "rand.Read("}

// files lists the Go files below the module's root with their imports.
func files(t *testing.T) map[string][]string {
	t.Helper()
	root := "../.."
	out := map[string][]string{}
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (strings.HasPrefix(e.Name(), ".") && name != root || e.Name() == "testdata") {
			return filepath.SkipDir
		}
		if e.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		// The file's own imports, not `go list`, which can be served from a stale cache.
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			out[filepath.ToSlash(rel)] = append(out[filepath.ToSlash(rel)], strings.Trim(i.Path.Value, `"`))
		}
		if out[filepath.ToSlash(rel)] == nil {
			out[filepath.ToSlash(rel)] = []string{}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (w wall) covers(file string) bool {
	dir := path.Dir(file)
	return dir == w.of || !w.exact && strings.HasPrefix(dir, w.of+"/")
}

func (b banned) forbids(imported string) bool {
	prefix, all := strings.CutSuffix(b.path, "...")
	if !all {
		return imported == b.path
	}
	// "os..." is os and os/…, not "oslo"; "github.com/libp2p/..." is everything below.
	return imported == prefix || strings.HasPrefix(imported, strings.TrimSuffix(prefix, "/")+"/")
}

func TestWalls_Hold(t *testing.T) {
	seen := map[string]bool{}
	for file, imports := range files(t) {
		for _, w := range walls {
			if !w.covers(file) {
				continue
			}
			seen[w.of] = true
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, imported := range imports {
				for _, b := range w.never {
					if b.forbids(imported) {
						t.Errorf("%s imports %s: %s", file, imported, b.because)
					}
				}
			}
		}
	}
	for _, must := range []string{"protocol", "protocol/record", "protocol/charter", "protocol/erasure", "replication", "replication/ledger", "replication/mesh", "node/api", "node", "cmd/dure"} {
		if !seen[must] {
			t.Errorf("no file of %s was looked at", must)
		}
	}
}

func TestWalls_ProtocolReadsNoClock(t *testing.T) {
	looked := 0
	for file := range files(t) {
		if !strings.HasPrefix(file, "protocol/") || strings.HasSuffix(file, "_test.go") {
			continue
		}
		raw, err := os.ReadFile(filepath.Join("../..", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		looked++
		for _, call := range pureClock {
			if strings.Contains(string(raw), call) {
				t.Errorf("%s calls %s…): time and randomness are parameters in protocol", file, call)
			}
		}
	}
	if looked < 10 {
		t.Errorf("only %d files were looked at", looked)
	}
}

func TestWalls_WouldCatch(t *testing.T) {
	for _, c := range []struct {
		banned, imported string
		want             bool
	}{
		{"os...", "os", true}, {"os...", "os/exec", true}, {"os...", "oslo", false}, {"net...", "net/http", true}, {"net...", "network", false},
		{"github.com/libp2p/...", "github.com/libp2p/go-libp2p/core/peer", true}, {module + "replication", module + "replication/mesh", false},
		{module + "...", module + "node", true}, {"net/http", "net/http/httptest", false},
	} {
		if got := (banned{path: c.banned}).forbids(c.imported); got != c.want {
			t.Errorf("%s forbids %s: %v", c.banned, c.imported, got)
		}
	}
}
