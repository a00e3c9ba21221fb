package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol/record"
)

func (a *app) searchCommand() *cobra.Command {
	flags := filterFlags{}
	var types []string
	var save string
	var c *cobra.Command
	c = a.command("search WORD…", between(0, -1), api.FoundPage{}, func(ctx context.Context, arguments []string) error {
		if len(arguments) == 0 && !c.Flags().Changed("save") { // filters alone are a list
			return between(1, -1)(c, arguments)
		}
		q, err := flags.query(a, api.RecordQuery.CheckSearch)
		if err != nil {
			return err
		}
		if q.Types, err = a.foundTypes(types); err != nil {
			return err
		}
		q.Text = strings.Join(arguments, " ")
		return a.with(ctx, func(s *session) error {
			if c.Flags().Changed("save") {
				one, err := s.SaveSearch(ctx, save, q)
				if err != nil {
					return err
				}
				a.note("cli.searches.saved", args{"name": one.Name})
			}
			return a.listFound(ctx, s, q, flags.all)
		})
	})
	c.Example = "dure search 협동조합 교육\ndure search 협동조합 --type offer --open --save 협동조합\ndure search '\"social economy\"' --type offer --country FR --open\ndure search Seoul --type member"
	f := c.Flags()
	f.StringArrayVar(&types, "type", nil, a.say("filter.type", nil))
	_ = f.SetAnnotation("type", placeholder, []string{"TYPE"})
	flags.add(a, f)
	f.StringVar(&save, "save", "", a.say("flag.search.save", nil))
	_ = f.SetAnnotation("save", placeholder, []string{"NAME"})
	return c
}

// filterFlags are the options by which lists are narrowed.
type filterFlags struct {
	member, cursor, near, within, sort string
	where                              map[string]*[]string
	open, all                          bool
	limit                              int
}

// languageFlag is what the filter "lang" is called here: --lang is the reader's own.
const languageFlag = "in"

func flagOf(filter string) string {
	if filter == "lang" {
		return languageFlag
	}
	return filter
}

func (flags *filterFlags) add(a *app, f *pflag.FlagSet) {
	option := func(name, value string) {
		f.Lookup(name).Usage = a.say("filter."+name, nil)
		_ = f.SetAnnotation(name, placeholder, []string{value})
	}
	a.textFlag(f, &flags.member, "member", "HANDLE", "")
	flags.where = map[string]*[]string{}
	for _, filter := range api.Filters() {
		name := flagOf(filter.Name)
		flags.where[filter.Name] = f.StringArray(name, nil, "")
		value := strings.ToUpper(name)
		if name == languageFlag {
			value = "LANG"
		}
		option(name, value)
	}
	f.StringVar(&flags.near, "near", "", "")
	option("near", "LAT,LON")
	f.StringVar(&flags.within, "within", "", "")
	option("within", "KM")
	f.BoolVar(&flags.open, "open", false, a.say("filter.open", nil))
	f.StringVar(&flags.sort, "sort", "", "")
	option("sort", "ORDER")
	a.numberFlag(f, &flags.limit, "limit", api.DefaultLimit)
	a.textFlag(f, &flags.cursor, "cursor", "TEXT", "")
	a.switchFlag(f, &flags.all, "all")
}

var sorts = []string{string(api.SortNewest), string(api.SortRelevance), string(api.SortClosing), string(api.SortDistance)}

// query reads the options. What no record can have is refused with what there is.
func (flags *filterFlags) query(a *app, check func(api.RecordQuery) error) (api.RecordQuery, error) {
	q := api.RecordQuery{Member: flags.member, Cursor: flags.cursor, Limit: flags.limit, Sealed: true}
	if flags.limit < 0 || flags.limit > api.MaxLimit {
		return q, misuse("usage.bad_limit", args{"max": api.MaxLimit})
	}
	for _, filter := range api.Filters() {
		for _, text := range *flags.where[filter.Name] {
			value := codeOf(filter, text)
			one := api.RecordQuery{Where: map[string][]string{filter.Name: {value}}}
			if check(one) != nil {
				return q, misuse("usage.filter", args{"value": text, "option": flagOf(filter.Name), "known": known(filter)})
			}
			if q.Where == nil {
				q.Where = map[string][]string{}
			}
			q.Where[filter.Name] = append(q.Where[filter.Name], value)
		}
	}
	km := 0.0
	if flags.within != "" {
		var err error
		if km, err = strconv.ParseFloat(flags.within, 64); err != nil || !(km > 0) {
			return q, misuse("usage.within", args{"value": flags.within})
		}
	}
	var err error
	if q.Near, err = api.ParseCircle(flags.near, km); err != nil {
		return q, misuse("usage.near", args{"value": flags.near})
	}
	if flags.open {
		q.Open = time.Now().Format(time.DateOnly)
	}
	if flags.sort != "" && !slices.Contains(sorts, flags.sort) {
		return q, misuse("usage.filter", args{"value": flags.sort, "option": "sort", "known": strings.Join(sorts, ", ")})
	}
	if q.Sort = api.Sort(flags.sort); q.Sort == api.SortNewest {
		q.Sort = ""
	}
	if q.Sort == api.SortDistance && q.Near == nil {
		return q, misuse("usage.near", args{"value": ""})
	}
	return q, nil
}

// codeOf understands a code, and what people call it in any of the languages.
func codeOf(f api.Filter, text string) string {
	text = strings.TrimSpace(text)
	for _, list := range f.Lists {
		for _, code := range record.Codes(list) {
			if strings.EqualFold(code, text) {
				return code
			}
			for _, lang := range phrase.Languages() {
				if strings.EqualFold(record.Label(list, code, lang), text) || list == record.Countries && strings.EqualFold(phrase.Country(lang, code), text) {
					return code
				}
			}
		}
	}
	return text
}

// known lists a filter's codes, where they are few enough to be read.
func known(f api.Filter) string {
	all := api.CodesOf(f.Name)
	if len(all) > 40 {
		return strings.Join(all[:40], ", ") + "…"
	}
	return strings.Join(all, ", ")
}
