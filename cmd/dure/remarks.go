package main

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// said is what somebody typed to say about a record: a text in one or more languages.
type said struct {
	lang string
	text map[string]string
}

// saying reads words: each is LANG=TEXT, or all together are one text in the language of this call.
func (a *app) saying(words []string) (said, error) {
	out := said{text: map[string]string{}}
	for _, w := range words {
		tag, text, ok := strings.Cut(w, "=")
		if canonical, known := record.CanonicalTag(tag); !ok || !known || canonical != tag || len(tag) > 7 {
			if len(out.text) > 0 {
				return out, misuse("usage.bad_text", args{"flag": w})
			}
			return said{a.lang, map[string]string{a.lang: record.Clean(strings.Join(words, " "))}}, nil
		}
		if out.lang == "" {
			out.lang = tag
		}
		out.text[tag] = record.Clean(text)
	}
	if out.lang == "" {
		out.lang = a.lang
	}
	return out, nil
}

// put adds the text to the fields of a remark; nothing where none was typed.
func (s said) put(fields map[string]any, name string) {
	if fields["lang"] == nil {
		fields["lang"] = s.lang
	}
	if len(s.text) > 0 {
		fields[name] = s.text
	}
}

// remark says something about a record. Where it seems to hold data of private persons, whoever sits at the terminal is
// asked first.
func (a *app) remark(ctx context.Context, ref string, kind protocol.Kind, fields map[string]any, which, done string) error {
	return a.with(ctx, func(s *session) error { return a.remarkWith(ctx, s, ref, kind, fields, which, done) })
}

func (a *app) remarkWith(ctx context.Context, s *session, ref string, kind protocol.Kind, fields map[string]any, which, done string) error {
	fields["type"] = kind.String()
	raw, err := json.Marshal(fields)
	if err != nil {
		return protocol.Fail(protocol.ReasonInternal, "write remark", err)
	}
	if kind != protocol.KindTranslation {
		r, err := record.ParseWith(kind, raw, func(name string) (protocol.RecordID, bool) { return protocol.Sum([]byte(name)), true })
		if err != nil {
			return err
		}
		if a.tellPersonal(r) && a.interactive() && !a.agrees("cli.publish.ask") {
			a.note("cli.publish.not", nil)
			return nil
		}
	}
	receipt, err := s.Remark(ctx, api.RemarkDraft{Ref: ref, Type: kind.String(), Raw: raw, To: which})
	if err != nil {
		return err
	}
	return a.receipt(s, receipt, done)
}

// remarkCommand is a command that says a text about a record.
func (a *app) remarkCommand(use string, least int, kind protocol.Kind, done string, fill func(fields map[string]any) error) *cobra.Command {
	return a.command(use, between(least, -1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		text, err := a.saying(arguments[1:])
		if err != nil {
			return err
		}
		fields := map[string]any{}
		text.put(fields, "text")
		if fill != nil {
			if err := fill(fields); err != nil {
				return err
			}
		}
		return a.remark(ctx, arguments[0], kind, fields, "", done)
	})
}

func (a *app) askCommand() *cobra.Command {
	c := a.remarkCommand("ask ID TEXT…", 2, protocol.KindQuestion, "cli.remark.ask.done", nil)
	c.Example = "dure ask kr-seoul-41 How many people can come?\ndure ask kr-seoul-41 \"ko=몇 명까지 됩니까?\" \"en=How many people can come?\""
	return c
}

func (a *app) replyCommand() *cobra.Command {
	which := ""
	c := a.command("reply ID TEXT…", between(2, -1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		text, err := a.saying(arguments[1:])
		if err != nil {
			return err
		}
		fields := map[string]any{}
		text.put(fields, "text")
		return a.remark(ctx, arguments[0], protocol.KindReply, fields, which, "cli.remark.reply.done")
	})
	c.Example = "dure reply kr-seoul-41 Up to five.\ndure reply kr-seoul-41 Up to five. --which ab12cd34"
	a.textFlag(c.Flags(), &which, "which", "QUESTION", "")
	return c
}

func (a *app) recallCommand() *cobra.Command {
	which, erase := "", false
	c := a.command("recall ID [TEXT…]", between(1, -1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		text, err := a.saying(arguments[1:])
		if err != nil {
			return err
		}
		if erase {
			return a.eraseRemark(ctx, arguments[0], which, text)
		}
		fields := map[string]any{}
		text.put(fields, "reason")
		return a.remark(ctx, arguments[0], protocol.KindRecall, fields, which, "cli.remark.recall.done")
	})
	c.Example = "dure recall kr-seoul-41 --which ab12cd34\ndure recall kr-seoul-41 --which ab12cd34 --erase"
	a.textFlag(c.Flags(), &which, "which", "REMARK", "")
	a.switchFlag(c.Flags(), &erase, "erase")
	return c
}

// eraseRemark erases what this member said about a record, instead of only taking it back.
func (a *app) eraseRemark(ctx context.Context, ref, which string, why said) error {
	return a.with(ctx, func(s *session) error {
		r, err := s.Remarks(ctx, ref, "")
		if err != nil {
			return err
		}
		found := r.Find(which)
		if which == "" || len(found) != 1 {
			return misuse("usage.which_remark", args{"number": cmp.Or(r.Number, r.Record), "which": which})
		}
		receipt, err := s.Erase(ctx, found[0], api.Why{Reason: why.text})
		if err != nil {
			return err
		}
		return a.receipt(s, receipt, "cli.remark.erase.done")
	})
}

func (a *app) adoptCommand() *cobra.Command {
	var changed, outcome []string
	var result, started, project string
	c := a.command("adopt ID", between(1, 1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		fields := map[string]any{}
		for _, f := range []struct {
			name  string
			words []string
		}{{"changed", changed}, {"outcome", outcome}} {
			text, err := a.saying(f.words)
			if err != nil {
				return err
			}
			text.put(fields, f.name)
		}
		for name, value := range map[string]string{"result": result, "since": started, "project": project} {
			if value != "" {
				fields[name] = value
			}
		}
		return a.remark(ctx, arguments[0], protocol.KindAdoption, fields, "", "cli.remark.adopt.done")
	})
	c.Example = "dure adopt kr-seoul-12 --changed \"Two evenings instead of one\" --result partly --outcome \"Half of the groups go on\""
	a.listFlag(c.Flags(), &changed, "changed", "TEXT")
	a.textFlag(c.Flags(), &result, "result", "ongoing|worked|partly|failed", "")
	a.listFlag(c.Flags(), &outcome, "outcome", "TEXT")
	a.textFlag(c.Flags(), &started, "started", "DAY", "")
	a.textFlag(c.Flags(), &project, "project", "ID", "")
	return c
}

func (a *app) endorseCommand() *cobra.Command {
	c := a.command("endorse ID verified_visit|used_it|read_it [TEXT…]", between(2, -1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		text, err := a.saying(arguments[2:])
		if err != nil {
			return err
		}
		fields := map[string]any{"way": arguments[1]}
		text.put(fields, "text")
		return a.remark(ctx, arguments[0], protocol.KindEndorsement, fields, "", "cli.remark.endorse.done")
	})
	c.Example = "dure endorse kr-seoul-12 verified_visit We were there in May."
	return c
}

func (a *app) partnerCommand() *cobra.Command {
	c := a.command("partner join|leave ID [TEXT…]", between(2, -1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		if !record.Has(record.PartnershipSteps, arguments[0]) {
			return misuse("usage.partner_step", args{"value": arguments[0]})
		}
		text, err := a.saying(arguments[2:])
		if err != nil {
			return err
		}
		fields := map[string]any{"step": arguments[0]}
		text.put(fields, "text")
		return a.remark(ctx, arguments[1], protocol.KindPartnership, fields, "", "cli.remark."+arguments[0]+".done")
	})
	c.Example = "dure partner join kr-seoul-7 We train the trainers."
	return c
}

func (a *app) updateCommand() *cobra.Command {
	var goal int
	var reached string
	c := a.command("update ID TEXT…", between(2, -1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		text, err := a.saying(arguments[1:])
		if err != nil {
			return err
		}
		fields := map[string]any{}
		text.put(fields, "text")
		return a.with(ctx, func(s *session) error {
			if goal > 0 || reached != "" {
				r, err := s.Record(ctx, arguments[0])
				if err != nil {
					return err
				}
				unit, ok := record.GoalUnit(api.PlainContent(r.Content), goal)
				if !ok {
					return misuse("usage.no_goal", args{"number": cmp.Or(r.Number, r.ID), "goal": goal})
				}
				fields["goal"], fields["reached"] = goal, map[string]any{"value": reached, "unit": unit}
			}
			return a.remarkWith(ctx, s, arguments[0], protocol.KindUpdate, fields, "", "cli.remark.update.done")
		})
	})
	c.Example = "dure update kr-seoul-7 Three of five rooms are open. --goal 1 --reached 3"
	a.numberFlag(c.Flags(), &goal, "goal", 0)
	a.textFlag(c.Flags(), &reached, "reached", "VALUE", "")
	return c
}

func (a *app) acknowledgeCommand() *cobra.Command {
	return a.command("acknowledge ID", between(1, 1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		return a.remark(ctx, arguments[0], protocol.KindAcknowledgement, map[string]any{"lang": a.lang}, "", "cli.remark.acknowledge.done")
	})
}

func (a *app) flagCommand() *cobra.Command {
	c := a.command("flag ID mistaken|abusive|personal_data|duplicate|unlawful|other TEXT…", between(3, -1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		text, err := a.saying(arguments[2:])
		if err != nil {
			return err
		}
		fields := map[string]any{"step": "flag", "reason": arguments[1]}
		text.put(fields, "text")
		return a.remark(ctx, arguments[0], protocol.KindFlag, fields, "", "cli.remark.flag.done")
	})
	c.Example = "dure flag sn-dakar-3 duplicate The same offer is sn-dakar-2."
	return c
}

func (a *app) unflagCommand() *cobra.Command {
	c := a.remarkCommand("unflag ID TEXT…", 2, protocol.KindFlag, "cli.remark.unflag.done", func(fields map[string]any) error {
		fields["step"] = "lift"
		return nil
	})
	c.Example = "dure unflag sn-dakar-3 They are two offers after all."
	return c
}

func (a *app) answerCommand() *cobra.Command {
	var records []string
	c := a.command("answer ID TEXT…", between(2, -1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		text, err := a.saying(arguments[1:])
		if err != nil {
			return err
		}
		fields := map[string]any{}
		text.put(fields, "text")
		if len(records) > 0 {
			fields["records"] = records
		}
		return a.with(ctx, func(s *session) error {
			if err := a.remarkWith(ctx, s, arguments[0], protocol.KindSubmission, fields, "", "cli.remark.answer.done"); err != nil {
				return err
			}
			if r, err := s.Remarks(ctx, arguments[0], ""); err == nil && r.Call != nil && r.Call.Closed != nil {
				a.warn("cli.remark.answer.late", nil)
			}
			return nil
		})
	})
	c.Example = "dure answer int-office-3 Two of us will come. --record kr-seoul-12"
	a.listFlag(c.Flags(), &records, "record", "ID")
	return c
}

// translated is a translation as people fill it in.
type translated struct {
	Lang      string            `json:"lang"`
	ByMachine bool              `json:"by_machine"`
	Original  map[string]string `json:"original,omitempty"` // what is to be translated, by the same paths; not published
	Texts     map[string]string `json:"texts"`
}

func (a *app) translateCommand() *cobra.Command {
	var into string
	var machine bool
	c := a.command("translate ID [FILE|-]", between(1, 2), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		if len(arguments) == 1 {
			return a.printTemplate(ctx, arguments[0], cmp.Or(into, a.lang))
		}
		raw, err := a.readInput(arguments[1])
		if err != nil {
			return err
		}
		var t translated
		d := json.NewDecoder(strings.NewReader(string(raw)))
		d.DisallowUnknownFields()
		if err := d.Decode(&t); err != nil {
			return &complaint{reason: protocol.ReasonUsage, key: "cli.usage.bad_template", args: args{"file": arguments[1]}, err: err}
		}
		texts := map[string]string{}
		for path, text := range t.Texts {
			if text = record.Clean(text); text != "" {
				texts[path] = text
			}
		}
		fields := map[string]any{"lang": cmp.Or(t.Lang, into, a.lang), "texts": texts}
		if t.ByMachine || machine {
			fields["by_machine"] = true
		}
		return a.remark(ctx, arguments[0], protocol.KindTranslation, fields, "", "cli.remark.translate.done")
	})
	c.Example = "dure translate kr-seoul-41 --into fr > fr.json\ndure translate kr-seoul-41 fr.json"
	a.textFlag(c.Flags(), &into, "into", "LANG", "")
	a.switchFlag(c.Flags(), &machine, "machine")
	return c
}

// printTemplate prints a file to fill in: what of a record lacks a language.
func (a *app) printTemplate(ctx context.Context, ref, into string) error {
	return a.with(ctx, func(s *session) error {
		r, err := s.Record(ctx, ref)
		if err != nil {
			return err
		}
		kind, _ := protocol.ParseKind(r.Type)
		t := translated{Lang: into, Original: map[string]string{}, Texts: map[string]string{}}
		for _, p := range record.Passages(kind, api.PlainContent(r.Content)) {
			if p.Text[into] == "" {
				t.Original[p.Path], _ = phrase.Pick(a.lang, protocol.Text(p.Text), r.Lang)
				t.Texts[p.Path] = ""
			}
		}
		e := json.NewEncoder(a.out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(t)
	})
}
