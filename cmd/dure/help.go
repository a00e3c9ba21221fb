package main

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help prints the page of a command: what it does, how it is written, examples, commands, flags.
func (a *app) help(c *cobra.Command, _ []string) {
	text := c.Long
	if text == "" {
		text = c.Short
	}
	fmt.Fprintln(a.out, text)
	if c.Runnable() || c.HasSubCommands() {
		usage := c.UseLine()
		if c.HasAvailableSubCommands() && !c.HasParent() {
			usage += " COMMAND"
		}
		a.section("help.usage", "  "+usage)
	}
	if c.Example != "" {
		a.section("help.examples", "  "+strings.ReplaceAll(c.Example, "\n", "\n  "))
	}
	a.helpCommands(c)
	a.helpFlagTable("help.flags", c.NonInheritedFlags())
	a.helpFlagTable("help.global_flags", c.InheritedFlags())
	if !c.HasParent() {
		fmt.Fprintln(a.out)
		a.line("help.more", nil)
	}
}

func (a *app) section(title, text string) {
	fmt.Fprintln(a.out)
	a.line(title, nil)
	fmt.Fprintln(a.out, text)
}

func (a *app) helpCommands(c *cobra.Command) {
	for _, group := range append(c.Groups(), &cobra.Group{Title: a.say("help.group.other", nil)}) {
		t := table{indent: 2}
		for _, sub := range c.Commands() {
			if sub.GroupID == group.ID && !sub.Hidden && sub.Name() != "__complete" {
				t.row(sub.Name(), sub.Short)
			}
		}
		if len(t.rows) > 0 {
			fmt.Fprintln(a.out)
			fmt.Fprintln(a.out, group.Title)
			t.print(a.out)
		}
	}
}

func (a *app) helpFlagTable(title string, flags *pflag.FlagSet) {
	t := table{indent: 2}
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if value := f.Annotations[placeholder]; len(value) > 0 {
			name += " " + value[0]
		}
		text := f.Usage
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "-1" && f.DefValue != "[]" {
			text = a.say("help.default", args{"text": text, "value": f.DefValue})
		}
		t.row(name, text)
	})
	if len(t.rows) > 0 {
		fmt.Fprintln(a.out)
		a.line(title, nil)
		t.print(a.out)
	}
}

func (a *app) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: a.say("help.help", nil), DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, arguments []string) error {
			found, rest, err := c.Root().Find(arguments)
			if err != nil || found == nil || len(rest) > 0 && found == c.Root() {
				return a.noSuchCommand(c.Root(), arguments)
			}
			return found.Help()
		},
	}
}

// jsonTopic is `dure help json`: the field names of every command's --json, read from the types that are printed, so
// that this page cannot differ from what is.
func (a *app) jsonTopic() *cobra.Command {
	c := a.topic("json")
	c.SetHelpFunc(func(*cobra.Command, []string) {
		a.line("help.json.intro", nil)
		for _, name := range sortedKeys(a.outputs) {
			fmt.Fprintln(a.out, "\ndure "+name+" --json")
			t := table{indent: 2}
			fieldRows(&t, "", reflect.TypeOf(a.outputs[name]), 0)
			t.print(a.out)
		}
		fmt.Fprintln(a.out)
		a.line("help.json.errors", nil)
		t := table{indent: 2}
		fieldRows(&t, "error.", reflect.TypeFor[errorJSON](), 0)
		t.print(a.out)
	})
	return c
}

// fieldRows lists the JSON fields of a type with their types, as "members[].nodes[].id  string".
func fieldRows(t *table, prefix string, typ reflect.Type, depth int) {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	// Types that contain themselves do not occur; the bound keeps a future one from hanging the help.
	if depth > 6 {
		return
	}
	text := strings.TrimSuffix(prefix, ".")
	switch {
	case typ == reflect.TypeFor[time.Time]():
		t.row(text, "time")
	case typ.Kind() == reflect.Struct:
		for i := range typ.NumField() {
			f := typ.Field(i)
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !f.IsExported() || name == "-" || name == "" {
				continue
			}
			if strings.Contains(options, "omit") {
				name += "?"
			}
			fieldRows(t, prefix+name+".", f.Type, depth+1)
		}
	case typ.Kind() == reflect.Slice:
		fieldRows(t, text+"[].", typ.Elem(), depth+1)
	case typ.Kind() == reflect.Map:
		fieldRows(t, prefix+"*.", typ.Elem(), depth+1)
	case text != "":
		t.row(text, jsonKind(typ))
	}
}

func jsonKind(typ reflect.Type) string {
	switch typ.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Interface:
		return "any"
	}
	return "number"
}
