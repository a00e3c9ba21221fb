package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// evidenceAnswer is what `dure evidence --json` prints.
type evidenceAnswer struct {
	Evidence []api.Fork `json:"evidence"`
}

// settledAnswer is what `dure settle` prints.
type settledAnswer struct {
	Said   api.Said `json:"said"`
	ID     string   `json:"id"`
	Branch string   `json:"branch"`
	Stands uint64   `json:"stands"` // so many entries of the chain count from now on
}

func (a *app) evidenceCommand() *cobra.Command {
	c := a.command("evidence [ID]", between(0, 1), evidenceAnswer{}, func(ctx context.Context, arguments []string) error {
		return a.with(ctx, func(s *session) error {
			if len(arguments) == 1 {
				f, err := forkCalled(ctx, s, arguments[0])
				if err != nil {
					return err
				}
				return a.answer(evidenceAnswer{[]api.Fork{f}}, func() { a.sayFork(f, true) })
			}
			all, err := s.Forks(ctx)
			if err != nil {
				return err
			}
			return a.answer(evidenceAnswer{all}, func() {
				if len(all) == 0 {
					a.line("cli.evidence.none", nil)
					return
				}
				a.line("cli.evidence.count", args{"count": len(all)})
				for _, f := range all {
					a.sayFork(f, false)
				}
				a.note("cli.evidence.how", args{"id": forkName(all[0])})
			})
		})
	})
	c.Example = "dure evidence\ndure evidence sn-dakar --json"
	return c
}

// forkName is how a person names a fork: the end of its chain's name.
func forkName(f api.Fork) string { return f.ID[max(0, len(f.ID)-8):] }

// sayFork says who signed two histories, where they part, what probably happened, and
// what to do; whole also what stands in them.
func (a *app) sayFork(f api.Fork, whole bool) {
	a.line("cli.evidence.what", args{"node": short(f.Node), "member": f.Member, "seq": f.Seq, "id": forkName(f)})
	if f.State == api.ForkSettled {
		for _, b := range f.Branches {
			switch {
			case b.Chosen && f.By == "act":
				a.line("cli.evidence.settled_act", args{"branch": b.Name, "act": f.Act})
			case b.Chosen:
				a.line("cli.evidence.settled_root", args{"branch": b.Name, "member": f.Member})
			}
		}
	} else {
		a.line("cli.evidence."+f.State, args{"member": f.Member})
		a.line("cli.evidence.cause", nil)
		if f.Own {
			a.line("cli.evidence.todo_own", args{"id": forkName(f)})
		} else {
			a.line("cli.evidence.todo", args{"member": f.Member, "id": forkName(f)})
		}
	}
	if whole {
		a.sayBranches(f)
	}
}

func (a *app) sayBranches(f api.Fork) {
	for _, b := range f.Branches {
		switch {
		case !b.Held:
			a.line("cli.evidence.branch_absent", args{"branch": b.Name})
			continue
		case b.Chosen:
			a.line("cli.evidence.branch_chosen", args{"branch": b.Name, "count": b.Entries, "from": a.book.Time(a.lang, b.From.Local()), "until": a.book.Time(a.lang, b.Until.Local())})
		default:
			a.line("cli.evidence.branch", args{"branch": b.Name, "count": b.Entries, "from": a.book.Time(a.lang, b.From.Local()), "until": a.book.Time(a.lang, b.Until.Local())})
		}
		t := table{indent: 4}
		for _, r := range b.Records {
			t.row(r.Number, a.word("type", r.Type), r.Title, a.book.Time(a.lang, r.Time.Local()))
		}
		t.print(a.out)
	}
}

// forkCalled finds a chain with two histories by its name or its member's handle.
func forkCalled(ctx context.Context, s *session, name string) (api.Fork, error) {
	f, err := s.Fork(ctx, name)
	if protocol.ReasonOf(err) == protocol.ReasonNotFound {
		err = &complaint{reason: protocol.ReasonNotFound, key: "cli.evidence.nothing", args: args{"value": name}, err: err}
	}
	return f, err
}

func (a *app) settleCommand() *cobra.Command {
	var wordsFile string
	c := a.command("settle [ID] [BRANCH]", between(0, 2), settledAnswer{}, func(ctx context.Context, arguments []string) error {
		return a.with(ctx, func(s *session) error {
			k, err := a.kin(ctx, s, "")
			if err != nil {
				return err
			}
			id, branch := k.member.Handle, ""
			if n := len(arguments); n > 0 && len(arguments[n-1]) == 1 {
				branch, arguments = arguments[n-1], arguments[:n-1]
			}
			switch len(arguments) {
			case 1:
				id = arguments[0]
			case 2:
				return misuse("usage.bad_branch", args{"value": arguments[1]})
			}
			f, err := forkCalled(ctx, s, id)
			if err != nil {
				return err
			}
			return a.settle(ctx, k, f, branch, wordsFile)
		})
	})
	c.Example = "dure settle\ndure settle b\ndure settle 5uxlyqau a"
	a.textFlag(c.Flags(), &wordsFile, "words-file", "FILE", "")
	return c
}

// settle has this member's root key choose which branch counts.
func (a *app) settle(ctx context.Context, k *kin, f api.Fork, branch, wordsFile string) error {
	values := args{"member": f.Member, "id": forkName(f)}
	switch {
	case f.Member != k.member.Handle:
		return &complaint{reason: protocol.ReasonNotOwner, key: "cli.settle.not_ours", args: values}
	case f.State == api.ForkSettled:
		return &complaint{reason: protocol.ReasonConflict, key: "cli.settle.done_already", args: values}
	case f.State == api.ForkContradictory:
		return &complaint{reason: protocol.ReasonConflict, key: "cli.settle.contradictory", args: values}
	}
	if branch == "" && !a.quiet {
		a.sayFork(f, true)
	}
	if branch == "" {
		answer, err := a.ask("cli.settle.which", args{"names": branchNames(f)})
		if err != nil {
			return err
		}
		branch = strings.ToLower(strings.TrimSpace(answer))
	}
	var chosen *api.ForkBranch
	for i := range f.Branches {
		if f.Branches[i].Name == branch && f.Branches[i].Held {
			chosen = &f.Branches[i]
		}
	}
	if chosen == nil {
		return misuse("usage.bad_branch", args{"value": branch, "names": branchNames(f)})
	}
	feed, err := protocol.ParseCID(f.ID)
	if err != nil {
		return err
	}
	head, err := protocol.ParseCID(chosen.Head)
	if err != nil {
		return err
	}
	a.note("cli.settle.means", args{"branch": branch, "count": chosen.Entries})
	root, err := k.root(wordsFile)
	if err != nil {
		return err
	}
	said, err := k.say(ctx, root, protocol.Statement{Purpose: protocol.PurposeSettle, Stands: []protocol.Stand{{Feed: feed, Count: chosen.Count, Head: head}}})
	if err != nil {
		return err
	}
	return a.answer(settledAnswer{Said: said, ID: f.ID, Branch: branch, Stands: chosen.Count}, func() {
		a.line("cli.settle.done", args{"branch": branch, "count": chosen.Entries})
		a.saySpreads(k.s)
	})
}

// branchNames are the letters of what this node could choose.
func branchNames(f api.Fork) string {
	var names []string
	for _, b := range f.Branches {
		if b.Held {
			names = append(names, b.Name)
		}
	}
	return strings.Join(names, ", ")
}
