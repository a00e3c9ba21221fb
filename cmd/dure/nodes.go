package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// nodesAnswer is what `dure nodes --json` prints.
type nodesAnswer struct {
	Member      string       `json:"member"`
	Designation uint64       `json:"designation"` // number of the last statement that says which node answers for the member
	Nodes       []nodeAnswer `json:"nodes"`
}

// nodeAnswer is one node of this member.
type nodeAnswer struct {
	ID        string    `json:"id"`
	Self      bool      `json:"self"`
	Governing bool      `json:"governing"`
	Cut       bool      `json:"cut"`
	Begun     bool      `json:"begun"`
	Entries   uint64    `json:"entries"` // that stand here
	Last      time.Time `json:"last,omitzero"`
}

// saidAnswer is what the commands print that speak with the root key.
type saidAnswer struct {
	Said []api.Said `json:"said"`
}

func (a *app) nodesCommand() *cobra.Command {
	c := a.command("nodes [HANDLE]", between(0, 1), nodesAnswer{}, func(ctx context.Context, arguments []string) error {
		return a.with(ctx, func(s *session) error {
			k, err := a.kin(ctx, s, strings.Join(arguments, ""))
			if err != nil {
				return err
			}
			out, err := k.nodes(ctx)
			if err != nil {
				return err
			}
			return a.answer(out, func() { a.sayNodes(out) })
		})
	})
	c.AddCommand(a.nodeKeyCommand(), a.addCommand(), a.cutCommand(), a.governCommand())
	return c
}

func (a *app) sayNodes(out nodesAnswer) {
	a.line("cli.nodes.count", args{"count": len(out.Nodes), "member": out.Member})
	t := table{indent: 2}
	for _, n := range out.Nodes {
		var states []string
		for _, s := range []struct {
			so  bool
			key string
		}{{n.Self, "cli.nodes.self"}, {n.Governing, "cli.nodes.governing"}, {n.Cut, "cli.nodes.cut"}, {!n.Begun, "cli.nodes.not_begun"}} {
			if s.so {
				states = append(states, a.say(s.key, nil))
			}
		}
		last := ""
		if !n.Last.IsZero() {
			last = a.say("cli.nodes.last", args{"time": a.book.Time(a.lang, n.Last.Local())})
		}
		t.row(short(n.ID), strings.Join(states, ", "), a.say("cli.nodes.entries", args{"count": n.Entries}), last)
	}
	t.print(a.out)
	a.note("cli.nodes.how", nil)
}

// kin is a member as the ledger has it, as a rule this home's, and its nodes.
type kin struct {
	a      *app
	s      *session
	member api.Member
	self   string // this node's public key
}

// kin finds the member of that handle, or of this home.
func (a *app) kin(ctx context.Context, s *session, handle string) (*kin, error) {
	status, err := s.Status(ctx)
	if err != nil {
		return nil, err
	}
	if handle == "" {
		handle = status.Member.Handle
	}
	members, err := s.Members(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		if m.Handle == handle {
			return &kin{a: a, s: s, member: m, self: status.Node.ID}, nil
		}
	}
	if handle != status.Member.Handle {
		return nil, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "find member", ID: handle}
	}
	return nil, &protocol.Error{Reason: protocol.ReasonJoining, Op: "list nodes"}
}

func (k *kin) nodes(ctx context.Context) (nodesAnswer, error) {
	out := nodesAnswer{Member: k.member.Handle, Designation: k.member.Designation, Nodes: []nodeAnswer{}}
	chains, err := k.s.Chains(ctx, api.ChainQuery{Member: k.member.Handle})
	if err != nil {
		return out, err
	}
	for _, n := range k.member.Nodes {
		one := nodeAnswer{ID: n.ID, Self: n.ID == k.self, Governing: n.Governing, Cut: n.Cut, Begun: n.Begun}
		for _, c := range chains {
			if c.Node == n.ID {
				one.Entries += c.Entries
				if c.Last.After(one.Last) {
					one.Last = c.Last
				}
			}
		}
		out.Nodes = append(out.Nodes, one)
	}
	return out, nil
}

// minNodeName is how much of a node's name must be written at least.
const minNodeName = 6

// find is the node that a name begins.
func (k *kin) find(name string) (api.MemberNode, error) {
	var found []api.MemberNode
	for _, n := range k.member.Nodes {
		if n.ID == name || len(name) >= minNodeName && strings.HasPrefix(n.ID, name) {
			found = append(found, n)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return api.MemberNode{}, &complaint{reason: protocol.ReasonNotFound, key: "cli.nodes.none_such", args: args{"value": name, "member": k.member.Handle}}
	}
	return api.MemberNode{}, &protocol.Error{Reason: protocol.ReasonAmbiguous, Op: "find node", ID: name}
}

// root asks for the words and makes sure that they are this member's.
func (k *kin) root(wordsFile string) (protocol.PrivateKey, error) {
	root, err := k.a.root(wordsFile)
	if err == nil && root.Public().String() != k.member.Root {
		err = wordsOfAnother()
	}
	return root, err
}

func (k *kin) govern(ctx context.Context, root protocol.PrivateKey, node string) (api.Said, error) {
	key, err := protocol.ParsePublicKey(node)
	if err != nil {
		return api.Said{}, err
	}
	return k.say(ctx, root, protocol.Statement{Purpose: protocol.PurposeGovern, Node: key, Number: k.member.Designation + 1})
}

// say signs a statement here and has the node carry it: the root key never leaves this process.
func (k *kin) say(ctx context.Context, root protocol.PrivateKey, st protocol.Statement) (api.Said, error) {
	_, federation, _, err := k.s.home.Founding()
	if err != nil {
		return api.Said{}, err
	}
	st.Federation = federation
	signed, err := st.Sign(root)
	if err != nil {
		return api.Said{}, err
	}
	raw, err := protocol.Encode(&signed)
	if err != nil {
		return api.Said{}, err
	}
	return k.s.Say(ctx, api.Statement{Bytes: raw})
}

func (a *app) governCommand() *cobra.Command {
	var wordsFile string
	c := a.command("govern [NODE]", between(0, 1), nil, func(ctx context.Context, arguments []string) error {
		return a.with(ctx, func(s *session) error {
			k, err := a.kin(ctx, s, "")
			if err != nil {
				return err
			}
			name := k.self
			if len(arguments) == 1 {
				name = arguments[0]
			}
			n, err := k.find(name)
			if err != nil {
				return err
			}
			if n.Governing {
				return &complaint{reason: protocol.ReasonConflict, key: "cli.nodes.governs_already", args: args{"node": short(n.ID), "member": k.member.Handle}}
			}
			a.note("cli.nodes.govern_means", args{"node": short(n.ID), "member": k.member.Handle})
			root, err := k.root(wordsFile)
			if err != nil {
				return err
			}
			said, err := k.govern(ctx, root, n.ID)
			if err != nil {
				return err
			}
			return a.answer(saidAnswer{[]api.Said{said}}, func() {
				a.line("cli.nodes.govern_done", args{"node": short(n.ID), "member": k.member.Handle})
				a.saySpreads(s)
			})
		})
	})
	a.outputs["nodes govern"] = saidAnswer{}
	a.textFlag(c.Flags(), &wordsFile, "words-file", "FILE", "")
	return c
}

// saySpreads tells that what was said waits for the next start, where the node does not run.
func (a *app) saySpreads(s *session) {
	if !s.running {
		a.note("cli.nodes.spreads", nil)
	}
}

func (a *app) cutCommand() *cobra.Command {
	var wordsFile, until string
	c := a.command("cut NODE", between(1, 1), nil, func(ctx context.Context, arguments []string) error {
		return a.with(ctx, func(s *session) error {
			k, err := a.kin(ctx, s, "")
			if err != nil {
				return err
			}
			n, err := k.find(arguments[0])
			if err != nil {
				return err
			}
			said, err := k.cut(ctx, n, until, func() (protocol.PrivateKey, error) { return k.root(wordsFile) })
			if err != nil {
				return err
			}
			return a.answer(saidAnswer{said}, func() {
				a.line("cli.nodes.cut_done", args{"node": short(n.ID), "member": k.member.Handle})
				if len(said) > 1 {
					a.line("cli.nodes.govern_done", args{"node": short(k.self), "member": k.member.Handle})
				}
				a.saySpreads(s)
			})
		})
	})
	a.outputs["nodes cut"] = saidAnswer{}
	c.Example = "dure nodes cut edk3v7qa2f\ndure nodes cut edk3v7qa2f --until 2026-11-20"
	f := c.Flags()
	a.textFlag(f, &until, "until", "DAY", "")
	a.textFlag(f, &wordsFile, "words-file", "FILE", "")
	return c
}

// cut ends a node of this member: it says what will stand, asks for the words and signs. Where the node answered for the
// member, this one does from then on.
func (k *kin) cut(ctx context.Context, n api.MemberNode, until string, ask func() (protocol.PrivateKey, error)) ([]api.Said, error) {
	switch {
	case n.ID == k.self:
		return nil, &complaint{reason: protocol.ReasonConflict, key: "cli.nodes.cut_self", args: args{"node": short(n.ID)}}
	case n.Cut && until == "":
		return nil, &complaint{reason: protocol.ReasonConflict, key: "cli.nodes.cut_already", args: args{"node": short(n.ID)}}
	}
	if _, err := time.Parse(time.DateOnly, until); err != nil && until != "" {
		return nil, misuse("usage.bad_day", args{"value": until})
	}
	key, err := protocol.ParsePublicKey(n.ID)
	if err != nil {
		return nil, err
	}
	chains, err := k.s.Chains(ctx, api.ChainQuery{Member: k.member.Handle, Node: n.ID, Until: until})
	if err != nil {
		return nil, err
	}
	st := protocol.Statement{Purpose: protocol.PurposeCut, Node: key}
	if st.Stands, err = stands(chains); err != nil {
		return nil, err
	}
	k.a.sayCut(n, chains)
	root, err := ask()
	if err != nil {
		return nil, err
	}
	said, err := k.say(ctx, root, st)
	if err != nil {
		return nil, err
	}
	out := []api.Said{said}
	if n.Governing {
		governs, err := k.govern(ctx, root, k.self)
		if err != nil {
			return out, err
		}
		out = append(out, governs)
	}
	return out, nil
}

// stands is what a cut lists: chains of which something stands.
func stands(chains []api.Chain) ([]protocol.Stand, error) {
	var out []protocol.Stand
	for _, c := range chains {
		if c.Entries == 0 {
			continue // not listed is void
		}
		feed, err := protocol.ParseCID(c.Feed)
		if err != nil {
			return nil, err
		}
		head, err := protocol.ParseCID(c.Head)
		if err != nil {
			return nil, err
		}
		out = append(out, protocol.Stand{Feed: feed, Count: c.Entries, Head: head})
	}
	return out, nil
}

// sayCut says how far the node's chains will stand, and what becomes void.
func (a *app) sayCut(n api.MemberNode, chains []api.Chain) {
	if a.quiet {
		return
	}
	a.note("cli.nodes.cut_means", args{"node": short(n.ID), "count": len(chains)})
	t := table{indent: 2}
	for _, c := range chains {
		last := ""
		if !c.Last.IsZero() {
			last = a.say("cli.nodes.last", args{"time": a.book.Time(a.lang, c.Last.Local())})
		}
		t.row("…"+c.Feed[max(0, len(c.Feed)-8):], a.say("cli.nodes.entries", args{"count": c.Entries}), last)
	}
	t.print(a.err)
	a.note("cli.nodes.cut_void", nil)
}
