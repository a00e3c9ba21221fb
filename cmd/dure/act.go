package main

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// deed is a command that does one thing in an agreement.
type deed struct {
	api.Deed
	note, done []string // LANG=TEXT
	clause     int
	clauses    []int
}

// deedCommand makes "dure <name> ID": flags adds what the deed takes beside a note.
func (a *app) deedCommand(name string, flags func(c *cobra.Command, d *deed)) *cobra.Command {
	d := &deed{Deed: api.Deed{Deed: name}}
	c := a.command(name+" ID", between(1, 1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		if err := d.read(); err != nil {
			return err
		}
		return a.act(ctx, arguments[0], d.Deed)
	})
	f := c.Flags()
	if flags != nil {
		flags(c, d)
	}
	a.listFlag(f, &d.note, "note", "LANG=TEXT")
	a.switchFlag(f, &d.Dry, "dry-run")
	return c
}

// read puts what was typed into the deed.
func (d *deed) read() error {
	note, err := textsOf("--note", d.note)
	if err != nil {
		return err
	}
	done, err := textsOf("--done", d.done)
	if err != nil {
		return err
	}
	d.Text, d.Done = note, done
	if d.clause < 0 {
		return misuse("usage.bad_value", args{"flag": "--clause", "value": d.clause, "command": "dure " + d.Deed.Deed})
	}
	d.Clause = uint64(d.clause)
	for _, no := range d.clauses {
		if no < 1 {
			return misuse("usage.bad_value", args{"flag": "--clauses", "value": no, "command": "dure " + d.Deed.Deed})
		}
		d.Clauses = append(d.Clauses, uint64(no))
	}
	return nil
}

// act does it and says so.
func (a *app) act(ctx context.Context, ref string, d api.Deed) error {
	return a.with(ctx, func(s *session) error {
		receipt, err := s.Act(ctx, ref, d)
		if err != nil {
			return err
		}
		for _, p := range receipt.Warnings {
			a.note("cli.publish.personal", args{"field": p.Field, "sentence": a.say("personal."+p.Code, args{"found": p.Found})})
		}
		if len(receipt.Warnings) > 0 {
			a.note("personal.what", nil)
			a.note("personal.private", nil)
		}
		if receipt.Dry {
			return a.answer(receipt, func() { a.line("cli.act.valid", nil) })
		}
		key := "cli.act." + d.Deed
		if d.Deed == "propose" {
			key = "cli.act.proposed"
		}
		return a.receipt(s, receipt, key)
	})
}

// codeFlag is a flag whose value is one of a code list.
func (a *app) codeFlag(c *cobra.Command, p *string, name string, list record.List) {
	a.textFlag(c.Flags(), p, name, strings.Join(record.Codes(list), "|"), "")
	run := c.RunE
	c.RunE = func(c *cobra.Command, arguments []string) error {
		if *p != "" && !record.Has(list, *p) {
			return misuse("usage.bad_value", args{"flag": "--" + name, "value": *p, "command": c.CommandPath()})
		}
		return run(c, arguments)
	}
}

func (a *app) deedCommands() []*cobra.Command {
	version := func(c *cobra.Command, d *deed) { a.textFlag(c.Flags(), &d.Version, "version", "ID", "") }
	clause := func(c *cobra.Command, d *deed) { a.numberFlag(c.Flags(), &d.clause, "clause", 0) }
	accept := a.deedCommand("accept", version)
	accept.Example = "dure accept kr-seoul-41"
	fulfil := a.deedCommand("fulfil", func(c *cobra.Command, d *deed) {
		clause(c, d)
		f := c.Flags()
		a.textFlag(f, &d.Quantity, "quantity", "N", "")
		a.textFlag(f, &d.On, "on", "DAY", "")
		a.textFlag(f, &d.Corrects, "corrects", "ID", "")
		a.switchFlag(f, &d.Less, "less")
		days(c, "on", &d.On)
	})
	fulfil.Example = "dure fulfil kr-seoul-41\ndure fulfil kr-seoul-41 --clause 1 --quantity 92 --on 2027-03-02"
	cancel := a.deedCommand("cancel", func(c *cobra.Command, d *deed) {
		a.codeFlag(c, &d.Reason, "why", record.CancelReasons)
		a.listFlag(c.Flags(), &d.done, "done", "LANG=TEXT")
		c.Flags().IntSliceVar(&d.clauses, "clauses", nil, a.say("flag.clauses", nil))
		_ = c.Flags().SetAnnotation("clauses", placeholder, []string{"N"})
	})
	cancel.Example = `dure cancel kr-seoul-41 --why visa_refused --done en="Travel was booked"`
	mediate := a.deedCommand("mediate", func(c *cobra.Command, d *deed) { a.codeFlag(c, &d.Closing, "closing", record.MediationClosings) })
	feedback := a.deedCommand("feedback", func(c *cobra.Command, d *deed) {
		a.codeFlag(c, &d.Outcome, "result", record.Outcomes)
		a.switchFlag(c.Flags(), &d.Repeat, "repeat")
		a.textFlag(c.Flags(), &d.Experience, "experience", "ID", "")
	})
	feedback.Example = `dure feedback kr-seoul-41 --result met --repeat --note en="We would do it again."`
	return []*cobra.Command{
		a.proposeCommand(), a.termsCommand("counter"), accept, a.deedCommand("confirm", version), a.deedCommand("decline", version), a.deedCommand("retract", version),
		fulfil, a.termsCommand("amend"), a.deedCommand("complete", nil), cancel, a.deedCommand("dispute", clause), mediate, feedback,
	}
}

// days refuses a day that is none before the node is asked, so that it reads the same whether the node runs or not.
func days(c *cobra.Command, flag string, p *string) {
	run := c.RunE
	c.RunE = func(c *cobra.Command, arguments []string) error {
		if *p != "" && record.Day(*p).Plus(0) == "" {
			return misuse("usage.bad_day", args{"value": *p})
		}
		return run(c, arguments)
	}
}

// edits are the flags by which terms are changed without writing them anew.
type edits struct {
	clause                        int
	quantity, due, respond, title string
	terms                         []string
	file                          string
}

func (a *app) editFlags(c *cobra.Command, e *edits) {
	f := c.Flags()
	a.numberFlag(f, &e.clause, "clause", 0)
	a.textFlag(f, &e.quantity, "quantity", "N", "")
	a.textFlag(f, &e.due, "due", "DAY", "")
	a.textFlag(f, &e.respond, "respond-by", "DAY", "")
	a.listFlag(f, &e.terms, "terms", "LANG=TEXT")
	days(c, "due", &e.due)
	days(c, "respond-by", &e.respond)
}

func (e *edits) read() (*api.TermsEdit, error) {
	terms, err := textsOf("--terms", e.terms)
	if err != nil {
		return nil, err
	}
	if e.clause < 0 {
		return nil, misuse("usage.bad_value", args{"flag": "--clause", "value": e.clause, "command": "dure"})
	}
	return &api.TermsEdit{Clause: uint64(e.clause), Quantity: e.quantity, Due: e.due, RespondBy: e.respond, Terms: terms}, nil
}

// termsCommand is counter or amend: the terms at hand with changes, or other ones from a file.
func (a *app) termsCommand(name string) *cobra.Command {
	var e edits
	d := api.Deed{Deed: name}
	c := a.command(name+" ID", between(1, 1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		if e.file != "" {
			raw, err := a.readInput(e.file)
			if err != nil {
				return err
			}
			if !json.Valid(raw) {
				return protocol.Fail(protocol.ReasonMalformed, "read terms", nil)
			}
			d.Proposal = raw
		} else {
			edit, err := e.read()
			if err != nil {
				return err
			}
			if edit.Quantity == "" && edit.Due == "" && edit.RespondBy == "" && len(edit.Terms) == 0 {
				return misuse("usage.no_change", args{"command": "dure " + name})
			}
			d.Edit = edit
		}
		return a.act(ctx, arguments[0], d)
	})
	c.Example = "dure " + name + " kr-seoul-41 --quantity 8 --due 2027-05-31\ndure " + name + " kr-seoul-41 --file terms.json"
	a.editFlags(c, &e)
	a.textFlag(c.Flags(), &e.file, "file", "FILE|-", "")
	a.textFlag(c.Flags(), &d.Version, "version", "ID", "")
	a.switchFlag(c.Flags(), &d.Dry, "dry-run")
	return c
}
