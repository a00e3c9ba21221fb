package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"html/template"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
)

//go:embed sheet_recovery.html
var recoveryPage string

var recoverySheet = template.Must(template.New("recovery sheet").Parse(recoveryPage))

// sheetPage is what a recovery sheet says: one printed page with which a member comes back after a loss. The words are
// on it only where init was asked for that; otherwise there is room to write them by hand.
type sheetPage struct {
	a *app

	Lang, Name, Handle, Fingerprint string
	FederationName, Federation, Day string
	Words                           []string
	Others                          []sheetOther
}

// sheetOther is a member that can let this one in again.
type sheetOther struct {
	Name      string
	Addresses []string
}

// T is a sentence of the catalogue, for the page.
func (p sheetPage) T(key string) string { return p.a.say("cli.sheet."+key, nil) }

// Blanks are the words, or as many empty places.
func (p sheetPage) Blanks() []string {
	if p.Words != nil {
		return p.Words
	}
	return make([]string, home.WordCount)
}

// Recover is the command to type on a new machine.
func (p sheetPage) Recover() string {
	if p.Federation == "" || len(p.Others) == 0 {
		return "dure recover dure-invitation-1:…"
	}
	return "dure recover --federation " + p.Federation + " " + p.Others[0].Addresses[0]
}

func (p sheetPage) write(w io.Writer) error { return recoverySheet.Execute(w, p) }

// Beyond these the sheet would not fit a page.
const (
	sheetMembers   = 3
	sheetAddresses = 2
)

// recoveryAnswer is what `dure sheet --json` prints.
type recoveryAnswer struct {
	File        string   `json:"file"`
	Handle      string   `json:"handle"`
	Federation  string   `json:"federation"`
	Fingerprint string   `json:"fingerprint"`
	Addresses   []string `json:"addresses"`
}

func (a *app) recoverySheetCommand() *cobra.Command {
	c := a.command("sheet FILE.html|-", between(1, 1), recoveryAnswer{}, func(ctx context.Context, arguments []string) error {
		return a.with(ctx, func(s *session) error {
			status, err := s.Status(ctx)
			if err != nil {
				return err
			}
			k, err := a.kin(ctx, s, "")
			if err != nil {
				return err
			}
			p := a.sheetOf(k.member.Names, k.member.Handle, k.member.Fingerprint)
			p.Federation, p.FederationName = status.Federation.ID, a.name(status.Federation.Names, status.Federation.Name)
			p.Others = a.callable(status)
			if err := a.writeFile(arguments[0], p.write); err != nil {
				return err
			}
			out := recoveryAnswer{File: arguments[0], Handle: p.Handle, Federation: p.Federation, Fingerprint: p.Fingerprint, Addresses: []string{}}
			for _, o := range p.Others {
				out.Addresses = append(out.Addresses, o.Addresses...)
			}
			return a.report(arguments[0], out, func() {
				a.note("cli.sheet.done", args{"file": arguments[0]})
				if len(p.Others) == 0 {
					a.note("cli.sheet.nobody", nil)
				}
			})
		})
	})
	c.Example = "dure sheet recovery.html"
	return c
}

func (a *app) sheetOf(names map[string]string, handle, fingerprint string) sheetPage {
	return sheetPage{a: a, Lang: a.lang, Name: a.name(names, handle), Handle: handle, Fingerprint: fingerprint, Day: a.book.Date(a.lang, a.now())}
}

// callable lists members whose nodes can let this one in again, those seen last first, with the addresses that reach
// farthest.
func (a *app) callable(s api.Status) []sheetOther {
	var nodes []api.NodeStatus
	names := map[string]string{}
	for _, m := range s.Members {
		for _, n := range m.Nodes {
			if m.Handle != s.Member.Handle && len(n.Addresses) > 0 {
				nodes = append(nodes, n)
				names[n.ID] = a.name(m.Names, m.Handle)
			}
		}
	}
	slices.SortStableFunc(nodes, func(x, y api.NodeStatus) int {
		switch {
		case x.Connected != y.Connected:
			return map[bool]int{true: -1, false: 1}[x.Connected]
		case x.LastSeen == nil || y.LastSeen == nil:
			return cmp.Compare(map[bool]int{true: 1}[x.LastSeen == nil], map[bool]int{true: 1}[y.LastSeen == nil])
		}
		return y.LastSeen.Compare(*x.LastSeen)
	})
	var out []sheetOther
	for _, n := range nodes[:min(len(nodes), sheetMembers)] {
		list := slices.Clone(n.Addresses)
		slices.SortStableFunc(list, func(x, y string) int { return cmp.Compare(reach(x), reach(y)) })
		out = append(out, sheetOther{Name: names[n.ID], Addresses: list[:min(len(list), sheetAddresses)]})
	}
	return out
}

// reach orders addresses: names first, then numbers of the internet, then those of a network of one's own.
func reach(address string) int {
	switch {
	case strings.HasPrefix(address, "/dns"):
		return 0
	case strings.Contains(address, "/p2p-circuit"):
		return 4
	case strings.HasPrefix(address, "/ip4/127.") || strings.HasPrefix(address, "/ip6/::1/"):
		return 5
	case strings.HasPrefix(address, "/ip4/10.") || strings.HasPrefix(address, "/ip4/192.168.") || strings.HasPrefix(address, "/ip4/172.") ||
		strings.HasPrefix(address, "/ip6/fd") || strings.HasPrefix(address, "/ip6/fe80"):
		return 3
	}
	return 1
}

// sheetWithWords writes a new file that only its owner can read: the sheet of a member that is being set up, with its words.
func (a *app) sheetWithWords(name string, facts protocol.MemberFacts, words []string) error {
	p := a.sheetOf(facts.Names, facts.Handle, facts.Root.Fingerprint())
	p.Words = words
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return misuse("usage.words_file_exists", args{"file": name})
	}
	if err == nil {
		err = p.write(f)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		return &complaint{reason: protocol.ReasonHomeUnwritable, key: "cli.usage.cannot_write", args: args{"file": name}, err: err}
	}
	a.warn("cli.sheet.with_words", args{"file": name})
	return nil
}
