package main

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
)

// searchesAnswer is what `dure searches --json` prints.
type searchesAnswer struct {
	Items []api.SavedSearch `json:"items"`
}

func (a *app) searchesCommand() *cobra.Command {
	c := a.command("searches [show|remove NAME]", between(0, 0), searchesAnswer{}, func(ctx context.Context, _ []string) error {
		return a.with(ctx, func(s *session) error {
			all, err := s.SavedSearches(ctx)
			if err != nil {
				return err
			}
			return a.answer(searchesAnswer{all}, func() {
				if len(all) == 0 {
					a.line("cli.searches.none", nil)
				}
				for _, one := range all {
					fmt.Fprintln(a.out, a.newFor(one)+"\n  "+conditionsOf(one))
				}
			})
		})
	})
	c.AddCommand(a.showSearchCommand(), a.under("searches", "remove NAME", between(1, 1), searchesAnswer{}, func(ctx context.Context, arguments []string) error {
		return a.with(ctx, func(s *session) error {
			if err := s.RemoveSearch(ctx, arguments[0]); err != nil {
				return err
			}
			all, err := s.SavedSearches(ctx)
			if err != nil {
				return err
			}
			return a.answer(searchesAnswer{all}, func() { a.line("cli.searches.removed", args{"name": arguments[0]}) })
		})
	}))
	return c
}

func (a *app) showSearchCommand() *cobra.Command {
	var keep bool
	c := a.under("searches", "show NAME", between(1, 1), api.SearchNews{}, func(ctx context.Context, arguments []string) error {
		return a.with(ctx, func(s *session) error {
			news, err := s.SavedSearch(ctx, arguments[0])
			if err != nil {
				return err
			}
			err = a.answer(news, func() {
				fmt.Fprintln(a.out, a.newFor(news.SavedSearch))
				a.foundTable(news.Items)
				if news.New == 0 && len(news.Earlier) > 0 {
					a.line("cli.searches.earlier", args{"count": len(news.Earlier)})
					a.foundTable(news.Earlier)
				}
				if news.Partial {
					a.note("cli.searches.partial", nil)
				}
				a.sayNotice(ctx, s)
			})
			if err == nil && !keep && news.New > 0 && news.Upto > 0 {
				_, err = s.SeeSearch(ctx, news.ID, news.Upto)
			}
			return err
		})
	})
	c.Flags().BoolVar(&keep, "keep", false, a.say("flag.searches.keep", nil))
	return c
}

// newFor says how much is new to a saved search.
func (a *app) newFor(one api.SavedSearch) string {
	switch {
	case one.More:
		return a.say("cli.searches.new_more", args{"count": one.New, "name": one.Name})
	case one.New > 0:
		return a.say("cli.searches.new", args{"count": one.New, "name": one.Name})
	}
	return a.say("cli.searches.nothing", args{"name": one.Name})
}

// conditionsOf are what a saved search asks for, as programs name it.
func conditionsOf(one api.SavedSearch) string {
	_, query, _ := strings.Cut(one.Href, "?")
	asked, err := url.ParseQuery(query)
	if err != nil {
		return query
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		parts = append(parts, name+"="+strings.Join(asked[name], ","))
	}
	return strings.Join(parts, "  ")
}

func (a *app) foundTable(items []api.Found) {
	t := table{indent: 2}
	for _, f := range items {
		t.row(a.foundRow(f)...)
	}
	t.print(a.out)
}

// sayNews says what is new to saved searches, and how to see it.
func (a *app) sayNews(all []api.SavedSearch) {
	for _, one := range all {
		ref := one.Name
		if strings.ContainsFunc(ref, func(r rune) bool { return strings.ContainsRune(" \t\"'`$\\&|;<>()*?[]#~!{}", r) }) {
			ref = one.ID // a shell would read the name otherwise
		}
		a.line("cli.inbox.search", args{"text": a.newFor(one), "ref": ref})
	}
}
