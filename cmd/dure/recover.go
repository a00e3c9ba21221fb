package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/enrol"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
)

// recovered is what `dure recover --json` prints.
type recovered struct {
	Home        string            `json:"home"`
	Handle      string            `json:"handle"`
	Federation  string            `json:"federation"`
	Names       map[string]string `json:"names"`
	Node        string            `json:"node"`
	Fingerprint string            `json:"fingerprint"`
	Entries     uint64            `json:"entries"`
	Said        []api.Said        `json:"said"`
}

// recovery is what `dure recover` was told.
type recovery struct {
	options   node.RecoverOptions
	wordsFile string
	lost      bool // all other nodes of the member are ended
	keep      bool // none is, without a question
	until     string
}

func (a *app) recoverCommand() *cobra.Command {
	var r recovery
	var federation, added string
	var timeout int
	c := a.command("recover LINE|ADDRESS…", between(0, -1), recovered{}, func(ctx context.Context, arguments []string) error {
		r.options.Timeout = time.Duration(timeout) * time.Second
		if err := a.whomToAsk(arguments, federation, &r.options); err != nil {
			return err
		}
		if _, err := time.Parse(time.DateOnly, r.until); err != nil && r.until != "" {
			return misuse("usage.bad_day", args{"value": r.until})
		}
		if r.lost && r.keep {
			return misuse("usage.lost_and_keep", nil)
		}
		if added != "" {
			if r.lost || r.until != "" || r.wordsFile != "" {
				return misuse("usage.added_alone", nil)
			}
			st, err := protocol.ParseAddition(added)
			if err != nil {
				return &complaint{reason: protocol.ReasonUsage, key: "cli.usage.bad_addition", err: err}
			}
			r.options.Added = &st
		}
		return a.recover(ctx, r)
	})
	c.Example = "dure recover dure-invitation-1:omZ…\ndure recover --added dure-node-1:pGN… dure-invitation-1:omZ…\ndure recover --federation bafyrei… /ip4/203.0.113.7/udp/4710/quic-v1/p2p/12D3Koo…"
	f := c.Flags()
	a.textFlag(f, &federation, "federation", "ID", "")
	a.textFlag(f, &added, "added", "LINE", "")
	a.switchFlag(f, &r.lost, "lost")
	a.switchFlag(f, &r.keep, "keep")
	a.textFlag(f, &r.until, "until", "DAY", "")
	a.textFlag(f, &r.wordsFile, "words-file", "FILE", "")
	a.numberFlag(f, &timeout, "timeout", int(enrol.DialTime/time.Second))
	return c
}

// whomToAsk reads a line from a member, or addresses as a recovery sheet has them.
func (a *app) whomToAsk(arguments []string, federation string, o *node.RecoverOptions) error {
	if len(arguments) == 1 && arguments[0] == "-" {
		raw, err := a.readInput("-")
		if err != nil {
			return err
		}
		arguments = []string{string(raw)}
	}
	switch {
	case len(arguments) == 0:
		return nil // a recovery that was interrupted, or an error told when there is none
	case strings.HasPrefix(strings.TrimSpace(arguments[0]), "/"):
		if federation == "" {
			return misuse("usage.flag_needed", args{"flag": "--federation"})
		}
		id, err := protocol.ParseCID(strings.TrimSpace(federation))
		if err != nil {
			return misuse("usage.bad_federation", args{"value": federation})
		}
		o.Federation = id
		for _, text := range arguments {
			o.Addresses = append(o.Addresses, strings.Fields(text)...)
		}
		return nil
	}
	o.Line = strings.Join(arguments, "")
	_, err := protocol.ParseInvitation(o.Line) // before the words are asked for
	return err
}

func (a *app) recover(ctx context.Context, r recovery) error {
	dir, err := home.Dir(a.homeFlag)
	if err != nil {
		return err
	}
	h, err := home.Open(dir, home.Options{})
	switch {
	case protocol.ReasonOf(err) == protocol.ReasonNoHome && r.options.Line == "" && len(r.options.Addresses) == 0:
		return misuse("usage.nobody_to_ask", nil)
	case protocol.ReasonOf(err) != protocol.ReasonNone && protocol.ReasonOf(err) != protocol.ReasonNoHome:
		return err
	case h != nil:
		if _, running, err := h.Running(); err != nil || running {
			return &complaint{reason: protocol.ReasonHomeExists, key: "cli.recover.running", args: args{"path": dir}, err: err}
		}
	}
	o := r.options
	if o.Added == nil {
		if o.Root, err = a.root(r.wordsFile); err != nil {
			return err
		}
	}
	o.Version, o.Phrases = version().Version, a.book
	o.Unseal = a.unseal
	o.Step = func(code string) { a.note("cli.recover.step."+code, nil) }
	var out recovered
	joined, err := node.Recover(ctx, dir, o, func(ctx context.Context, n *node.Node) error {
		out, err = a.takeOver(ctx, n, o.Root, r)
		return err
	})
	var e *protocol.Error
	if errors.As(err, &e) && e.Reason == protocol.ReasonWrongWords && e.Args["line"] != "" {
		return &complaint{reason: protocol.ReasonWrongWords, key: "cli.recover.other_member", args: args{"line": e.Args["line"], "member": e.Args["member"]}, err: err}
	}
	if protocol.ReasonOf(err) == protocol.ReasonUnknownMember {
		return &complaint{reason: protocol.ReasonUnknownMember, key: "cli.recover.unknown", args: args{"fingerprint": o.RootKey().Fingerprint()}, err: err}
	}
	if errors.As(err, &e) && e.Reason == protocol.ReasonNotOwner && e.Field == "added" {
		return &complaint{reason: protocol.ReasonNotOwner, key: "cli.recover.other_node", args: args{"node": e.Args["node"], "home": dir}, err: err}
	}
	if protocol.ReasonOf(err) == protocol.ReasonJoining {
		return &complaint{reason: protocol.ReasonJoining, key: "cli.recover.slow", err: err}
	}
	if protocol.ReasonOf(err) == protocol.ReasonSetAside {
		return &complaint{reason: protocol.ReasonSetAside, key: "cli.recover.ended", err: err}
	}
	if err != nil {
		return err
	}
	out.Home, out.Federation, out.Names, out.Fingerprint = dir, joined.Federation.String(), joined.Names, joined.Fingerprint
	return a.answer(out, func() {
		key := "cli.recover.done"
		if r.options.Added != nil {
			key = "cli.recover.added"
		}
		a.line(key, args{"handle": out.Handle, "name": a.name(out.Names, out.Federation), "count": out.Entries})
		for _, said := range out.Said {
			switch said.What {
			case string(protocol.PurposeCut):
				a.line("cli.nodes.cut_done", args{"node": short(said.Node), "member": out.Handle})
			case string(protocol.PurposeGovern):
				a.line("cli.nodes.govern_done", args{"node": short(said.Node), "member": out.Handle})
			}
		}
		if r.options.Added != nil {
			a.note("cli.recover.added_next", args{"node": short(out.Node)})
			return
		}
		a.note("cli.recover.next", nil)
	})
}

// takeOver ends the member's lost nodes and has this one answer for the member.
func (a *app) takeOver(ctx context.Context, n *node.Node, root protocol.PrivateKey, r recovery) (recovered, error) {
	s := &session{Backend: n, home: n.Home(), running: true}
	k, err := a.kin(ctx, s, "")
	if err != nil {
		return recovered{}, err
	}
	status, err := n.Status(ctx)
	if err != nil {
		return recovered{}, err
	}
	out := recovered{Handle: k.member.Handle, Node: k.self, Entries: status.Ledger.Entries, Said: []api.Said{}}
	if r.options.Added != nil {
		return out, nil // it has no word over the others
	}
	for _, other := range k.member.Nodes {
		if other.ID == k.self || other.Cut {
			continue
		}
		lost, err := a.isLost(ctx, k, other, r)
		if err != nil {
			return out, err
		}
		if !lost {
			continue
		}
		other.Governing = false // this node is designated below, once
		said, err := k.cut(ctx, other, r.until, func() (protocol.PrivateKey, error) { return root, nil })
		if err != nil {
			return out, err
		}
		out.Said = append(out.Said, said...)
	}
	said, err := a.answerForMember(ctx, k, root)
	if said.What != "" {
		out.Said = append(out.Said, said)
	}
	return out, err
}

// isLost asks whether a node is to be ended, unless the flags say. A node that has begun after this one is not ended
// without its name: two machines that are brought back at one moment would end each other, and leave the member without any.
func (a *app) isLost(ctx context.Context, k *kin, n api.MemberNode, r recovery) (bool, error) {
	if r.keep || !r.lost && !a.interactive() {
		return false, nil
	}
	chains, err := k.s.Chains(ctx, api.ChainQuery{Member: k.member.Handle, Node: n.ID})
	if err != nil {
		return false, err
	}
	var last time.Time
	for _, c := range chains {
		if c.Last.After(last) {
			last = c.Last
		}
	}
	own, err := k.s.Chains(ctx, api.ChainQuery{Member: k.member.Handle, Node: k.self})
	if err != nil {
		return false, err
	}
	// At one millisecond the lower key is the earlier one, on both machines.
	if at, other := begun(own), begun(chains); r.lost && (at.Before(other) || at.Equal(other) && k.self < n.ID) {
		a.note("cli.recover.just_begun", args{"node": short(n.ID), "member": k.member.Handle})
		return false, nil
	}
	if r.lost {
		return true, nil
	}
	for range triesBack {
		answer, err := a.ask("cli.recover.lost", args{"node": short(n.ID), "time": a.book.Time(a.lang, last.Local())})
		if err != nil {
			return false, err
		}
		switch strings.ToLower(answer) {
		case "y", "yes", strings.ToLower(a.say("cli.yes", nil)):
			return true, nil
		case "n", "no", strings.ToLower(a.say("cli.no", nil)):
			return false, nil
		}
	}
	return false, nil
}

// begun is when the first of some chains was, as its author says; zero where none has an entry.
func begun(chains []api.Chain) (first time.Time) {
	for _, c := range chains {
		if !c.Begun.IsZero() && (first.IsZero() || c.Begun.Before(first)) {
			first = c.Begun
		}
	}
	return first
}

// governTries and governPause: news of a later designation may arrive after this node's own; then it is said again, higher.
const (
	governTries = 3
	governPause = 2 * time.Second
)

// answerForMember designates this node and makes sure that it stays so for a moment.
func (a *app) answerForMember(ctx context.Context, k *kin, root protocol.PrivateKey) (said api.Said, err error) {
	for range governTries {
		now, err := a.kin(ctx, k.s, k.member.Handle)
		if err != nil {
			return said, err
		}
		if self, err := now.find(k.self); err != nil || self.Governing {
			return said, err
		}
		if said, err = now.govern(ctx, root, k.self); err != nil && protocol.ReasonOf(err) != protocol.ReasonConflict {
			return said, err
		}
		select {
		case <-ctx.Done():
			return said, protocol.Fail(protocol.ReasonCanceled, "designate", ctx.Err())
		case <-time.After(governPause):
		}
	}
	return said, nil
}
