package main

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/enrol"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
)

// initialised is what `dure init --json` prints.
type initialised struct {
	Home        string `json:"home"`
	Handle      string `json:"handle"`
	Root        string `json:"root"`
	Fingerprint string `json:"fingerprint"`
	Node        string `json:"node"`
	WordsFile   string `json:"words_file,omitempty"`
}

func (a *app) initCommand() *cobra.Command {
	var handle, kind, country, city, wordsFile, sheet string
	var names []string
	var haveWords bool
	c := a.command("init --handle HANDLE --kind city|region|organisation --country CC --name LANG=NAME", between(0, 0), initialised{},
		func(ctx context.Context, _ []string) error {
			if handle == "" {
				return misuse("usage.flag_needed", args{"flag": "--handle"})
			}
			texts, err := textsOf("--name", names)
			if err != nil {
				return err
			}
			if len(texts) == 0 {
				return misuse("usage.flag_needed", args{"flag": "--name"})
			}
			facts := protocol.MemberFacts{Handle: handle, Kind: protocol.MemberKind(kind), Country: strings.ToUpper(country), City: city, Names: texts}
			return a.initHome(facts, wordsFile, sheet, haveWords)
		})
	c.Example = "dure init --handle kr-seoul --kind city --country KR --name ko=서울특별시 --name en=\"Seoul Metropolitan Government\""
	f := c.Flags()
	a.textFlag(f, &handle, "handle", "HANDLE", "")
	a.textFlag(f, &kind, "kind", "KIND", string(protocol.KindCity))
	a.textFlag(f, &country, "country", "CC", "")
	a.textFlag(f, &city, "city", "TEXT", "")
	a.listFlag(f, &names, "name", "LANG=NAME")
	a.textFlag(f, &wordsFile, "words-file", "FILE", "")
	a.switchFlag(f, &haveWords, "have-words")
	a.textFlag(f, &sheet, "sheet-with-words", "FILE", "")
	return c
}

func (a *app) initHome(facts protocol.MemberFacts, wordsFile, sheet string, haveWords bool) error {
	dir, err := home.Dir(a.homeFlag)
	if err != nil {
		return err
	}
	// Before any words are shown: words of a member that then does not come to be would only confuse.
	if _, err := home.Open(dir, home.Options{}); protocol.ReasonOf(err) != protocol.ReasonNoHome {
		if err == nil {
			err = &protocol.Error{Reason: protocol.ReasonHomeExists, Op: "init", Args: map[string]string{"path": dir}}
		}
		return err
	}
	if !haveWords && wordsFile == "" && !terminal(a.in) {
		return misuse("usage.words_file_needed", nil)
	}
	var words []string
	var root protocol.PrivateKey
	if haveWords {
		root, err = a.root(wordsFile)
	} else {
		words, root, err = home.NewWords(a.lang)
	}
	if err != nil {
		return err
	}
	facts.Root = root.Public()
	if err := facts.Check("member"); err != nil {
		return a.badFacts(err, facts)
	}
	undo, err := writable(dir)
	if err != nil {
		return err
	}
	switch {
	case haveWords:
	case wordsFile != "":
		err = writeWords(wordsFile, words)
	default:
		err = a.showWords(words)
	}
	if err != nil {
		undo()
		return err
	}
	h, err := home.Create(dir, facts, home.Options{})
	if err != nil {
		if words != nil && wordsFile != "" {
			_ = os.Remove(wordsFile) // of a member that did not come to be
		}
		undo()
		return err
	}
	if sheet != "" {
		if err := a.sheetWithWords(sheet, facts, home.WordsOf(root, a.lang)); err != nil {
			return err // the home is there, and the words are known
		}
	}
	if words != nil && wordsFile != "" {
		a.warn("cli.words.in_file", args{"file": wordsFile})
	}
	out := initialised{Home: h.Dir(), Handle: facts.Handle, Root: facts.Root.String(), Fingerprint: facts.Root.Fingerprint(), Node: h.Node().Public().String()}
	if !haveWords {
		out.WordsFile = wordsFile
	}
	return a.answer(out, func() {
		a.line("cli.init.done", args{"name": a.name(facts.Names, facts.Handle), "handle": facts.Handle, "path": h.Dir()})
		a.line("cli.init.fingerprint", args{"fingerprint": out.Fingerprint})
		a.note("cli.init.next", nil)
	})
}

// writable makes sure that a home can be made in dir, before words are shown that would be of no use otherwise. undo
// removes the directory where it was made here and is still empty.
func writable(dir string) (undo func(), err error) {
	_, missing := os.Stat(dir)
	undo = func() {
		if missing != nil {
			_ = os.Remove(dir)
		}
	}
	err = os.MkdirAll(dir, 0o700)
	var f *os.File
	if err == nil {
		f, err = os.CreateTemp(dir, ".init-*")
	}
	if err != nil {
		undo()
		return nil, &protocol.Error{Reason: protocol.ReasonHomeUnwritable, Op: "init", Args: map[string]string{"path": dir}, Err: err}
	}
	_ = f.Close()
	_ = os.Remove(f.Name())
	return undo, nil
}

// badFacts says which flag of init a fact that cannot be used came from.
func (a *app) badFacts(err error, facts protocol.MemberFacts) error {
	field := ""
	if e, ok := err.(*protocol.Error); ok {
		field = strings.TrimPrefix(e.Field, "member.")
	}
	field, _, _ = strings.Cut(field, ".")
	switch field {
	case "handle":
		return &complaint{reason: protocol.ReasonUsage, key: "cli.usage.bad_handle", args: args{"value": facts.Handle}, err: err}
	case "kind":
		return &complaint{reason: protocol.ReasonUsage, key: "cli.usage.bad_kind", args: args{"value": string(facts.Kind)}, err: err}
	case "country":
		return &complaint{reason: protocol.ReasonUsage, key: "cli.usage.bad_country", args: args{"value": facts.Country}, err: err}
	case "names":
		return &complaint{reason: protocol.ReasonUsage, key: "cli.usage.bad_text", args: args{"flag": "--name"}, err: err}
	}
	return err
}

// textsOf reads LANG=TEXT values into a text by language.
func textsOf(flag string, values []string) (protocol.Text, error) {
	if len(values) == 0 {
		return nil, nil
	}
	out := protocol.Text{}
	for _, v := range values {
		lang, text, ok := strings.Cut(v, "=")
		lang, text = strings.TrimSpace(lang), strings.TrimSpace(text)
		if !ok || text == "" || len(lang) < 2 || out[lang] != "" {
			return nil, misuse("usage.bad_text", args{"flag": flag})
		}
		out[lang] = text
	}
	return out, nil
}

func (a *app) cardCommand() *cobra.Command {
	var wordsFile string
	c := a.command("card", between(0, 0), map[string]string{"card": ""}, func(context.Context, []string) error {
		h, err := a.openHome()
		if err != nil {
			return err
		}
		root, err := a.root(wordsFile)
		if err != nil {
			return err
		}
		line, err := enrol.Card(h, root)
		if err != nil {
			return err
		}
		return a.answer(map[string]string{"card": line}, func() {
			a.note("cli.card.give", nil)
			a.plain(line)
		})
	})
	a.textFlag(c.Flags(), &wordsFile, "words-file", "FILE", "")
	return c
}
