package main

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/node/web"
)

// printed is what --json prints of a page that was written.
type printed struct {
	ID        string   `json:"id"`
	Languages []string `json:"languages"`
	File      string   `json:"file"`
}

func (a *app) printCommand() *cobra.Command {
	var output, languages string
	c := a.command("print ID", between(1, 1), printed{}, func(ctx context.Context, arguments []string) error {
		langs := []string{a.lang}
		if languages != "" {
			langs = strings.Split(languages, ",")
		}
		for i, l := range langs {
			langs[i] = strings.TrimSpace(l)
			if !phrase.Speaks(langs[i]) || slices.Contains(langs[:i], langs[i]) || len(langs) > 2 {
				return misuse("print.languages", args{"value": languages})
			}
		}
		return a.with(ctx, func(s *session) error {
			page, id, err := a.paper(langs...).Of(ctx, s, arguments[0])
			if err != nil {
				return err
			}
			name := output
			if name == "" {
				name = fileOfRef(arguments[0]) + ".html"
			}
			if err := a.writeFile(name, func(w io.Writer) error { _, err := w.Write(page); return err }); err != nil {
				return err
			}
			return a.report(name, printed{id, langs, name}, func() {
				if name != "-" {
					a.note("cli.print.done", args{"file": name})
				}
			})
		})
	})
	c.Example = "dure print kr-seoul-41 --languages ko,fr -o agreement.html"
	a.textFlag(c.Flags(), &languages, "languages", "LANG[,LANG]", "")
	c.Flags().StringVarP(&output, "output", "o", "", a.say("flag.output", nil))
	_ = c.Flags().SetAnnotation("output", placeholder, []string{"FILE|-"})
	return c
}

// paper is a page in these languages.
func (a *app) paper(langs ...string) web.Paper {
	return web.Paper{Book: a.book, Langs: langs, Now: a.now()}
}

// fileOfRef is a name for a file about a record: its number, or what was typed as far as
// file systems take it.
func fileOfRef(ref string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>| `, r) {
			return '_'
		}
		return r
	}, ref)
}
