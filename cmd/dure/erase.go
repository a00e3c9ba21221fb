package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
)

func (a *app) eraseCommand() *cobra.Command {
	var reasons []string
	var code string
	var yes, status bool
	c := a.command("erase ID", between(1, 1), api.Erasure{}, func(ctx context.Context, arguments []string) error {
		why := api.Why{Code: code}
		if said := (protocol.Erasure{Code: protocol.ErasureCode(code)}); code != "" && said.Check() != nil {
			return misuse("usage.bad_code", args{"value": code})
		}
		var err error
		if why.Reason, err = textsOf("--reason", reasons); err != nil {
			return err
		}
		return a.with(ctx, func(s *session) error {
			if !status {
				if sure, err := a.confirmErasure(ctx, s, arguments[0], yes); err != nil || !sure {
					return err
				}
				receipt, err := s.Erase(ctx, arguments[0], why)
				if err != nil {
					return err
				}
				a.note("cli.erase.done", args{"number": receipt.Number})
				if !s.running {
					a.note("cli.publish.offline", nil)
				}
			}
			e, err := s.Erasure(ctx, arguments[0])
			if err != nil {
				return err
			}
			return a.answer(e, func() {
				a.sayErasure(e)
				if !status {
					a.note("cli.erase.how", args{"number": e.Number})
				}
			})
		})
	})
	c.Example = "dure erase kr-seoul-41 --code personal_data --reason en='It named a person.'\ndure erase kr-seoul-41 --status"
	a.listFlag(c.Flags(), &reasons, "reason", "LANG=TEXT")
	a.textFlag(c.Flags(), &code, "code", "CODE", "")
	a.switchFlag(c.Flags(), &yes, "yes")
	a.switchFlag(c.Flags(), &status, "status")
	return c
}

// confirmErasure says what erasing means and cannot do, and asks for the record's number.
// What the node will refuse anyway is not asked about.
func (a *app) confirmErasure(ctx context.Context, s *session, ref string, yes bool) (bool, error) {
	r, err := s.Record(ctx, ref)
	title := a.title(r)
	if protocol.ReasonOf(err) == protocol.ReasonNotFound {
		m, merr := s.Message(ctx, ref)
		if merr == nil {
			r, err, title = api.Record{ID: m.ID, Number: m.Number, Member: m.From}, nil, a.firstLine(m)
		}
	}
	if err != nil {
		return false, err
	}
	st, err := s.Status(ctx)
	if err != nil {
		return false, err
	}
	if yes || r.Member != st.Member.Handle || r.State == api.RecordErased && r.Erased != nil {
		return true, nil
	}
	if !a.interactive() {
		return false, misuse("usage.erase_unconfirmed", nil)
	}
	name := r.Number
	if name == "" {
		name = r.ID
	}
	a.warn("cli.erase.means", args{"number": name, "title": title})
	a.warn("cli.erase.cannot", nil)
	for _, key := range []string{"cli.erase.cannot.copies", "cli.erase.cannot.offline", "cli.erase.cannot.removed", "cli.erase.cannot.backups"} {
		fmt.Fprintln(a.err, "  - "+a.say(key, nil))
	}
	a.warn("cli.erase.stays", nil)
	typed, err := a.ask("cli.erase.confirm", args{"number": name})
	if err != nil {
		return false, err
	}
	if typed != name {
		a.warn("cli.erase.kept", nil)
		return false, nil
	}
	return true, nil
}

// sayErasure says by whose word a record is gone, and who has dropped it.
func (a *app) sayErasure(e api.Erasure) {
	name := e.Number
	if name == "" {
		name = e.Record
	}
	if !e.Erased {
		a.line("cli.erase.not_erased", args{"number": name})
		return
	}
	a.sayErasedBy(*e.By, e.Nodes)
	a.line("term.erased.nodes", args{"gone": e.Gone, "count": len(e.Nodes)})
	t := table{indent: 2}
	for _, n := range e.Nodes {
		said := a.say("cli.erase.waiting", nil)
		if n.Gone {
			said = a.say("cli.erase.gone", nil) + " · " + a.book.Time(a.lang, n.Time.Local())
		}
		which := short(n.Node)
		if n.Self {
			which = a.say("cli.erase.self", nil)
		}
		t.row(n.Member, a.name(n.Names, n.Member), which, said)
	}
	t.print(a.out)
}

// sayErasedBy is "erased on …, by …, because …".
func (a *app) sayErasedBy(by api.ErasedBy, nodes []api.ErasureNode) {
	when := a.book.Time(a.lang, by.Time.Local())
	if by.Act > 0 {
		a.line("term.erased.act", args{"act": by.Act, "time": when})
	} else {
		who := by.Member
		for _, n := range nodes {
			if n.Member == by.Member {
				who = a.name(n.Names, by.Member)
			}
		}
		a.line("term.erased.owner", args{"who": who, "time": when})
	}
	if text := a.whyErased(by); text != "" {
		a.line("term.erased.because", args{"text": text})
	}
}

// whyErased is the reason in words: the owner's own, and the code's.
func (a *app) whyErased(by api.ErasedBy) string {
	text, _ := phrase.Pick(a.lang, by.Reason)
	if by.Code == "" {
		return text
	}
	word := a.word("erasure", by.Code)
	if text == "" {
		return word
	}
	return text + " (" + word + ")"
}
