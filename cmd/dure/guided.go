package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// guidedCommand is "dure offer new" and its like: what is needed is asked for one by one on a terminal, and comes from
// --set or a file otherwise.
func (a *app) guidedCommand(kind protocol.Kind) *cobra.Command {
	name := kind.String()
	group := &cobra.Command{Use: name, Short: a.say("help."+name, nil), Args: cobra.NoArgs, DisableFlagsInUseLine: true, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	var sets []string
	var file string
	var yes bool
	c := a.command("new", between(0, 0), api.Receipt{}, func(ctx context.Context, _ []string) error {
		m := map[string]any{"type": name, "lang": a.lang}
		if file != "" {
			raw, err := a.readInput(file)
			if err != nil {
				return err
			}
			if json.Unmarshal(raw, &m) != nil {
				_, err := record.Parse(kind, raw) // says where it is not JSON
				return err
			}
			m["type"] = name
		}
		for _, one := range sets {
			path, value, ok := strings.Cut(one, "=")
			if !ok || path == "" {
				return misuse("usage.bad_set", args{"value": one})
			}
			if err := put(kind, m, path, value); err != nil {
				return misuse("usage.bad_set", args{"value": one})
			}
		}
		if a.interactive() {
			if err := a.guide(kind, m, a.askText); err != nil {
				return err
			}
		}
		raw, err := json.Marshal(m)
		if err != nil {
			return protocol.Fail(protocol.ReasonInternal, "write record", err)
		}
		d := api.Draft{Type: name, Raw: raw}
		if _, err := record.ParseWith(kind, raw, func(string) (protocol.RecordID, bool) { return protocol.Sum(nil), true }); err != nil {
			return err
		}
		if a.interactive() && !yes {
			for _, row := range a.describe(kind, m, a.lang) {
				fmt.Fprintln(a.err, "  "+a.say("cli.guide.field", args{"field": row.label, "text": row.value}))
			}
			if !a.agrees("cli.guide.publish") {
				a.note("cli.publish.not", nil)
				return nil
			}
		}
		return a.publish(ctx, d, "cli.publish.done", yes)
	})
	c.Short = a.say("help.new", nil)
	c.Example = "dure " + name + " new\ndure " + name + " new --set title.en=\"…\" --set themes=care,youth --set window.from=2027-03-01"
	a.listFlag(c.Flags(), &sets, "set", "FIELD=VALUE")
	a.textFlag(c.Flags(), &file, "file", "FILE|-", "")
	a.switchFlag(c.Flags(), &yes, "yes")
	group.AddCommand(c)
	return group
}

// field finds the schema's word on a path; texts by language and entries of lists belong to their field.
func fieldOf(kind protocol.Kind, path string) (record.Field, bool) {
	for _, f := range record.Fields(kind) {
		if f.Path == path || strings.HasPrefix(f.Type, "text") && strings.HasPrefix(path, f.Path+".") || strings.HasPrefix(path, f.Path+"[") {
			return f, true
		}
	}
	return record.Field{}, false
}

// put writes a value that was typed where the schema wants it: lists from commas, numbers and switches as such.
func put(kind protocol.Kind, m map[string]any, path, value string) error {
	f, ok := fieldOf(kind, path)
	steps := strings.Split(path, ".")
	for _, step := range steps[:len(steps)-1] {
		inner, is := m[step].(map[string]any)
		if !is {
			if _, there := m[step]; there {
				return fmt.Errorf("%s is no object", step)
			}
			inner = map[string]any{}
			m[step] = inner
		}
		m = inner
	}
	last := steps[len(steps)-1]
	value = record.Clean(value)
	switch {
	case !ok:
		m[last] = value // the judge names the nearest field
	case strings.HasPrefix(f.Type, "list of"):
		var list []any
		for one := range strings.SplitSeq(value, ",") {
			one = strings.TrimSpace(one)
			if n, err := strconv.ParseUint(one, 10, 32); err == nil && f.Type == "list of integer" {
				list = append(list, n)
			} else if one != "" {
				list = append(list, one)
			}
		}
		m[last] = list
	case f.Type == "boolean":
		m[last] = value == "true" || value == "yes"
	case f.Type == "integer":
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return err
		}
		m[last] = n
	default:
		m[last] = value
	}
	return nil
}

// maxQuestions ends a conversation that gets nowhere.
const maxQuestions = 100

// guide asks for what the record lacks until it lacks nothing: the judge of records says what is missing or wrong, and
// the schema how to ask for it. So the questions are those of the kind and form that were chosen, and no others.
func (a *app) guide(kind protocol.Kind, m map[string]any, ask func(question string) (string, error)) error {
	anything := func(string) (protocol.RecordID, bool) { return protocol.Sum(nil), true }
	for range maxQuestions {
		raw, err := json.Marshal(m)
		if err != nil {
			return protocol.Fail(protocol.ReasonInternal, "write record", err)
		}
		_, err = record.ParseWith(kind, raw, anything)
		faults := record.FaultsOf(err)
		if err == nil {
			return nil
		}
		if len(faults) == 0 {
			return err
		}
		fault := faults[0]
		path, _, _ := strings.Cut(fault.Field, "[")
		f, ok := fieldOf(kind, path)
		if !ok {
			return err // nothing that a question could mend
		}
		if fault.Code != record.FaultRequired {
			text := a.book.Fault(a.lang, fault)
			if fault.Code == record.FaultNotInList && len(a.offered(listOf(m, f))) > 0 { // the question spells them out
				text = a.say("cli.guide.not_listed", args{"value": fault.Value})
			}
			fmt.Fprintln(a.err, a.say("cli.guide.field", args{"field": a.fieldName(path), "text": text}))
		}
		if f.Type == "object" || f.Type == "list of object" {
			if fault.Code != record.FaultRequired {
				return err
			}
			nested(m, path) // its own fields are asked for next
			continue
		}
		if strings.HasPrefix(f.Type, "text") {
			path = f.Path
		}
		value, err := ask(a.question(m, f, path))
		if err != nil {
			return err
		}
		if value = a.chosen(m, f, value); value == "" {
			continue
		}
		if strings.HasPrefix(f.Type, "text") {
			path += "." + a.lang
		}
		if err := put(kind, m, path, value); err != nil {
			fmt.Fprintln(a.err, a.say("cli.guide.field", args{"field": a.fieldName(path), "text": a.book.Fault(a.lang, record.Fault{Field: path, Code: record.FaultWrongType})}))
		}
	}
	return misuse("usage.no_change", args{"command": "dure " + kind.String() + " new"})
}

// nested makes room for the fields of an object.
func nested(m map[string]any, path string) {
	for step := range strings.SplitSeq(path, ".") {
		inner, ok := m[step].(map[string]any)
		if !ok {
			inner = map[string]any{}
			m[step] = inner
		}
		m = inner
	}
}

// fieldName is what people call a field: its last step that has a name, after the one it belongs to.
func (a *app) fieldName(path string) string {
	var words []string
	for step := range strings.SplitSeq(path, ".") {
		if a.book.Has("field." + step) {
			words = append(words, a.say("field."+step, nil))
		}
	}
	if len(words) == 0 {
		return path
	}
	return strings.Join(words, ", ")
}

// listOf is the code list of a field; "" where it has none.
func listOf(m map[string]any, f record.Field) record.List {
	_, name, ok := strings.Cut(f.Limit, "list ")
	if !ok {
		return ""
	}
	name, _, _ = strings.Cut(name, ";")
	if kind, _ := m["kind"].(string); f.Path == "mode" && kind != "" {
		return record.ModesOf(kind)
	}
	return record.List(strings.TrimSpace(name))
}

// maxListed is how many codes a question spells out.
const maxListed = 50

// offered are the codes that a question spells out; none where there are too many. Of occupations they are those with a
// name of their own: the others are called like their major group and would all look alike.
func (a *app) offered(list record.List) []string {
	codes := record.Codes(list)
	if list == record.Skills {
		codes = slices.DeleteFunc(slices.Clone(codes), func(code string) bool {
			return record.Label(list, code, a.lang) == record.Label(list, code[:1], a.lang)
		})
	}
	if len(codes) > maxListed {
		return nil
	}
	return codes
}

// question asks for a field in words: what it is, what it may hold, and how it is written.
func (a *app) question(m map[string]any, f record.Field, path string) string {
	var b strings.Builder
	b.WriteString(a.fieldName(path))
	list := listOf(m, f)
	codes, all := a.offered(list), record.Codes(list)
	if len(codes) > 0 {
		for i, code := range codes {
			b.WriteString("\n  " + strconv.Itoa(i+1) + ". " + record.Label(list, code, a.lang))
		}
		b.WriteString("\n")
	}
	hint := ""
	switch {
	case len(codes) > 0 && strings.HasPrefix(f.Type, "list of"):
		hint = a.say("cli.guide.several", nil)
	case len(codes) > 0:
		hint = a.say("cli.guide.one", nil)
	case len(all) > 0 && strings.HasPrefix(f.Type, "list of"):
		hint = a.say("cli.guide.codes", args{"code": all[0]})
	case len(all) > 0:
		hint = a.say("cli.guide.code", args{"code": all[0]})
	case f.Type == "day":
		hint = a.say("fault.format.day", nil)
	case f.Type == "list of language":
		hint = a.say("cli.guide.languages", nil)
	case f.Type == "decimal":
		hint = a.say("cli.guide.number", nil)
	}
	if hint != "" {
		if !strings.HasSuffix(b.String(), "\n") {
			b.WriteString(" ")
		}
		b.WriteString("(" + hint + ")")
	}
	return strings.TrimRight(a.say("cli.guide.field", args{"field": b.String(), "text": ""}), " ")
}

// chosen puts the numbers of a question's list into codes; what is no number of it stays as it was typed.
func (a *app) chosen(m map[string]any, f record.Field, value string) string {
	list := listOf(m, f)
	codes := a.offered(list)
	if len(codes) == 0 {
		return strings.TrimSpace(value)
	}
	var out []string
	for one := range strings.SplitSeq(value, ",") {
		one = strings.TrimSpace(one)
		if n, err := strconv.Atoi(one); err == nil && n >= 1 && n <= len(codes) && !record.Has(list, one) {
			one = codes[n-1]
		}
		out = append(out, one)
	}
	return strings.Join(out, ",")
}
