package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/enrol"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// founded is what `dure found --json` prints.
type founded struct {
	Federation string            `json:"federation"`
	Names      map[string]string `json:"names"`
	Rules      string            `json:"rules"`
	Founders   []string          `json:"founders"`
}

func (a *app) foundCommand() *cobra.Command {
	var names, charters, cards, notices []string
	var rules, wordsFile string
	c := a.command("found --name LANG=NAME --charter FILE [--founder CARD]", between(0, 0), founded{}, func(ctx context.Context, _ []string) error {
		o := enrol.FoundOptions{}
		var err error
		if o.Names, err = textsOf("--name", names); err != nil {
			return err
		}
		if len(o.Names) == 0 {
			return misuse("usage.flag_needed", args{"flag": "--name"})
		}
		if o.Notice, err = textsOf("--notice", notices); err != nil {
			return err
		}
		if o.Charter, err = a.chartersOf(charters); err != nil {
			return err
		}
		if o.Rules, err = charter.RuleSet(rules); err != nil {
			return misuse("usage.unknown_rules", args{"value": rules, "known": strings.Join(charter.RuleSets(), ", ")})
		}
		if o.Founders, err = cardsOf(cards); err != nil {
			return err
		}
		return a.found(ctx, o, wordsFile)
	})
	c.Example = "dure found --name ko=국제사회적경제협의체 --charter charter.ko.md --charter charter.en.md --founder montreal.card"
	f := c.Flags()
	a.listFlag(f, &names, "name", "LANG=NAME")
	a.listFlag(f, &charters, "charter", "FILE")
	a.listFlag(f, &cards, "founder", "CARD")
	a.textFlag(f, &rules, "rules", "NAME", "charter-2014")
	a.listFlag(f, &notices, "notice", "LANG=TEXT")
	a.textFlag(f, &wordsFile, "words-file", "FILE", "")
	return c
}

func (a *app) found(ctx context.Context, o enrol.FoundOptions, wordsFile string) error {
	h, err := a.openHome()
	if err != nil {
		return err
	}
	if err := a.unseal(h); err != nil {
		return err
	}
	if o.Root, err = a.root(wordsFile); err != nil {
		return err
	}
	id, err := enrol.Found(ctx, h, o)
	if err != nil {
		return err
	}
	act, _, _, err := h.Founding()
	if err != nil {
		return err
	}
	out := founded{Federation: id.String(), Names: act.Names, Rules: act.Rules.Name, Founders: []string{}}
	for _, m := range act.Founders {
		out.Founders = append(out.Founders, m.Handle)
	}
	return a.answer(out, func() {
		a.line("cli.found.done", args{"name": a.name(act.Names, ""), "count": len(act.Founders)})
		a.line("cli.found.id", args{"id": out.Federation})
		a.note("cli.found.next", nil)
	})
}

// chartersOf reads charter texts; the language stands in the file's name: charter.ko.md.
func (a *app) chartersOf(files []string) (protocol.Text, error) {
	out := protocol.Text{}
	for _, name := range files {
		base := filepath.Base(name)
		base = strings.TrimSuffix(base, filepath.Ext(base))
		lang := strings.TrimPrefix(filepath.Ext(base), ".")
		if len(lang) < 2 || out[lang] != "" {
			return nil, misuse("usage.charter_language", args{"file": name})
		}
		raw, err := a.readInput(name)
		if err != nil {
			return nil, err
		}
		text := strings.TrimSpace(strings.ToValidUTF8(string(raw), "\uFFFD"))
		if text == "" {
			return nil, misuse("usage.charter_language", args{"file": name})
		}
		out[lang] = text
	}
	return out, nil
}

// cardsOf reads founders' cards, each given as its line or as a file that holds it.
func cardsOf(values []string) ([]protocol.Card, error) {
	var out []protocol.Card
	for _, v := range values {
		text := v
		if !strings.HasPrefix(strings.TrimSpace(v), "dure-card-") {
			info, err := os.Stat(v)
			if err != nil || info.Size() > maxInput {
				return nil, &complaint{reason: protocol.ReasonUsage, key: "cli.usage.cannot_read", args: args{"file": v}, err: err}
			}
			raw, err := os.ReadFile(v)
			if err != nil {
				return nil, &complaint{reason: protocol.ReasonUsage, key: "cli.usage.cannot_read", args: args{"file": v}, err: err}
			}
			text = string(raw)
		}
		card, err := protocol.ParseCard(text)
		if err != nil {
			return nil, err
		}
		out = append(out, card)
	}
	return out, nil
}
