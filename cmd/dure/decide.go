package main

import (
	"cmp"
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// changeFlags are what a change can be told beside its words on the command line.
type changeFlags struct {
	category, from, to string
	names, charters    []string
	stolen             bool
}

func (a *app) decideCommand() *cobra.Command {
	var flags changeFlags
	var texts []string
	var noAnswer, assembly bool
	c := a.command("decide WHAT [ARGUMENT…]", between(1, -1), api.Decision{}, func(ctx context.Context, arguments []string) error {
		p := api.Proposal{NoAnswer: noAnswer, Assembly: assembly}
		var err error
		if p.Text, err = textsOf("--text", texts); err != nil {
			return err
		}
		if arguments[0] == "-" || strings.HasSuffix(arguments[0], ".json") {
			err = a.readChanges(arguments[0], &p)
		} else {
			var change api.Change
			change, err = a.changeOf(arguments[0], arguments[1:], flags)
			p.Changes = []api.Change{change}
		}
		if err != nil {
			return err
		}
		return a.with(ctx, func(s *session) error {
			d, err := s.Decide(ctx, p)
			if err != nil {
				return err
			}
			return a.answer(d, func() { a.sayDecision(d) })
		})
	})
	c.Example = "dure decide admit ca-montreal\ndure decide appoint host_city sn-dakar --from 2027-01-01 --to 2028-12-31\ndure decide changes.json"
	f := c.Flags()
	a.textFlag(f, &flags.category, "category", "CATEGORY", "")
	a.textFlag(f, &flags.from, "from", "DAY", "")
	a.textFlag(f, &flags.to, "to", "DAY", "")
	a.switchFlag(f, &flags.stolen, "stolen")
	a.listFlag(f, &flags.names, "name", "LANG=NAME")
	a.listFlag(f, &flags.charters, "charter", "FILE")
	a.listFlag(f, &texts, "text", "LANG=TEXT")
	a.switchFlag(f, &noAnswer, "no-answer")
	a.switchFlag(f, &assembly, "assembly")
	return c
}

// readChanges reads a decision as the API takes it: {"changes":[…],"text":{…}}.
func (a *app) readChanges(name string, p *api.Proposal) error {
	raw, err := a.readInput(name)
	if err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	var read api.Proposal
	if err := d.Decode(&read); err != nil || len(read.Changes) == 0 || len(read.Changes) > protocol.MaxSet {
		return &complaint{reason: protocol.ReasonUsage, key: "cli.usage.bad_changes", args: args{"file": name}, err: err}
	}
	p.Changes = read.Changes
	p.NoAnswer, p.Assembly = p.NoAnswer || read.NoAnswer, p.Assembly || read.Assembly
	if len(p.Text) == 0 {
		p.Text = read.Text
	}
	return nil
}

// changeWords are the words of a decision, each with the arguments that it takes, which
// are read into c.
func changeWords(c *api.Change) map[string][]*string {
	return map[string][]*string{
		"admit": {&c.Member}, "suspend": {&c.Member}, "reinstate": {&c.Member}, "remove": {&c.Member}, "categorise": {&c.Member},
		"appoint": {&c.Office, &c.Member}, "end_office": {&c.Office, &c.Member}, "amend_rules": {&c.Rules},
		"amend_charter": {}, "amend_names": {}, "feature": {&c.Feature}, "cut": {&c.Member, &c.Key}, "settle": {&c.Feed, &c.Branch}, "rebind": {&c.Member, &c.Key}, "confirm_rebind": {&c.Member, &c.Key}, "erase": {&c.Record}, "unflag": {&c.Record},
	}
}

// changeOf builds a change from words: "admit ca-montreal", "appoint host_city sn-dakar".
func (a *app) changeOf(what string, rest []string, flags changeFlags) (api.Change, error) {
	c := api.Change{Kind: what, Category: flags.category, From: flags.from, To: flags.to}
	fields := changeWords(&c)
	if what == "confirm_rebind" && len(rest) == 1 {
		fields[what] = fields[what][:1] // the key that was announced
	}
	takes, ok := fields[what]
	if !ok {
		return c, misuse("usage.unknown_change", args{"value": what, "known": strings.Join(sortedKeys(fields), ", ")})
	}
	if len(rest) != len(takes) {
		return c, misuse("usage.change_arguments", args{"what": what, "count": len(takes)})
	}
	for i, p := range takes {
		*p = rest[i]
	}
	var err error
	switch what {
	case "rebind", "confirm_rebind":
		if c.Close = flags.stolen; c.Key != "" {
			c.Key, err = rootOf(c.Key)
		}
	case "amend_charter":
		if c.Charter, err = a.chartersOf(flags.charters); err == nil && len(c.Charter) == 0 {
			err = misuse("usage.flag_needed", args{"flag": "--charter"})
		}
	case "amend_names":
		if c.Names, err = textsOf("--name", flags.names); err == nil && len(c.Names) == 0 {
			err = misuse("usage.flag_needed", args{"flag": "--name"})
		}
	}
	return c, err
}

func (a *app) approveCommand() *cobra.Command {
	var none bool
	c := a.command("approve NUMBER [DECISION]", between(1, 2), api.Decision{}, func(ctx context.Context, arguments []string) error {
		number, err := strconv.ParseUint(arguments[0], 10, 63)
		if err != nil || number == 0 {
			return misuse("usage.bad_number", args{"value": arguments[0]})
		}
		r := api.AnswerRequest{Number: number, None: none}
		if len(arguments) == 2 {
			if none {
				return misuse("usage.none_and_decision", nil)
			}
			r.Decision = arguments[1]
		}
		return a.with(ctx, func(s *session) error {
			d, err := s.Answer(ctx, r)
			if err != nil {
				return err
			}
			return a.answer(d, func() { a.sayDecision(d) })
		})
	})
	c.Example = "dure approve 2\ndure approve 2 --none"
	a.switchFlag(c.Flags(), &none, "none")
	return c
}

func (a *app) decisionsCommand() *cobra.Command {
	return a.command("decisions", between(0, 0), api.Decisions{}, func(ctx context.Context, _ []string) error {
		return a.with(ctx, func(s *session) error {
			d, err := s.Decisions(ctx)
			if err != nil {
				return err
			}
			return a.answer(d, func() { a.sayDecisions(d) })
		})
	})
}

func (a *app) sayDecisions(d api.Decisions) {
	a.line("cli.decisions.act", args{"number": d.Act, "electors": strings.Join(d.Electors, ", "), "needed": d.Needed})
	if d.Halted {
		a.line("cli.decisions.halted", nil)
	}
	if len(d.Open) == 0 {
		a.line("cli.decisions.none_open", nil)
	}
	for _, one := range d.Open {
		a.sayDecision(one)
	}
	if len(d.Applications) > 0 {
		a.line("cli.decisions.applications", nil)
		t := table{indent: 2}
		for _, one := range d.Applications {
			t.row(one.Handle, a.name(one.Names, one.Handle), a.say("cli.decisions.fingerprint", args{"fingerprint": one.Fingerprint, "by": one.By}))
		}
		t.print(a.out)
		a.note("cli.decisions.admit", nil)
	}
	if len(d.Acts) > 0 {
		a.line("cli.decisions.line", nil)
		t := table{indent: 2}
		for _, act := range d.Acts {
			t.row(strconv.FormatUint(act.Number, 10), a.sayChanges(act.Changes))
		}
		t.print(a.out)
	}
}

// sayDecision says what a decision is about, who has answered, and what is missing.
func (a *app) sayDecision(d api.Decision) {
	a.line("cli.decision.what", args{"number": strconv.FormatUint(d.Number, 10), "by": d.By, "what": a.sayChanges(d.Changes)})
	if text := a.name(d.Text, ""); text != "" {
		a.line("cli.decision.text", args{"text": text})
	}
	switch {
	case d.Final:
		a.line("cli.decision.final", nil)
	case d.Stale:
		a.line("cli.decision.stale", nil)
	default:
		a.line("cli.decision.open", args{"count": d.Needed, "for": orNobody(a, d.For), "missing": orNobody(a, d.Missing)})
		if len(d.None) > 0 {
			a.line("cli.decision.none", args{"none": strings.Join(d.None, ", ")})
		}
		if d.After != "" {
			a.line("cli.decision.after", args{"day": a.book.Day(a.lang, d.After)})
		}
		if d.Objected {
			a.line("cli.decision.objected", nil)
		}
		a.note("cli.decision.how", args{"number": strconv.FormatUint(d.Number, 10), "id": d.ID})
	}
}

func orNobody(a *app, handles []string) string {
	if len(handles) == 0 {
		return a.say("cli.nobody", nil)
	}
	return strings.Join(handles, ", ")
}

func (a *app) sayChanges(changes []api.Change) string {
	if len(changes) == 0 {
		return a.say("cli.decisions.founding", nil)
	}
	var parts []string
	for _, c := range changes {
		parts = append(parts, a.book.Change(a.lang, c.Kind, map[string]string{
			"member": c.Member, "category": c.Category, "office": c.Office, "from": c.From, "to": c.To, "rules": c.Rules,
			"node": short(c.Key), "fingerprint": fingerprint(c.Key), "until": c.To, "entry": cmp.Or(c.Record, short(c.Head)),
		}))
	}
	return strings.Join(parts, " ")
}

func short(key string) string {
	if len(key) > 10 {
		return key[:10]
	}
	return key
}
