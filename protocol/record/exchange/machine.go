package exchange

import (
	"slices"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// Machine is one state machine as data: the rows that the fold runs.
type Machine struct {
	Name  string
	About string // what it is the state of, in a sentence
	First string // the state before any row applied
	Rows  []Row
}

// Row is one transition. Rows are gone through once, from the first to the last, and each that applies moves the state
// on; so of two that could both apply the later one prevails, whatever arrived first.
type Row struct {
	From  []string      // none: from any state
	To    string        // the state after it
	Entry protocol.Kind // what is written to bring it about; 0 where nothing is: it follows from the day or from other rows
	By    string        // who writes it
	When  string        // the condition
}

// table is a machine with the tests of its rows, in the same order.
type table[T any] struct {
	Machine
	tests []func(T) bool
}

type transition[T any] struct {
	Row
	test func(T) bool
}

func machine[T any](name, about, first string, rows ...transition[T]) table[T] {
	t := table[T]{Machine: Machine{Name: name, About: about, First: first}}
	for _, r := range rows {
		t.Rows, t.tests = append(t.Rows, r.Row), append(t.tests, r.test)
	}
	return t
}

// run is the state that facts lead to.
func (t *table[T]) run(facts T) string {
	state := t.First
	for i := range t.Rows {
		if r := &t.Rows[i]; (len(r.From) == 0 || slices.Contains(r.From, state)) && state != r.To && t.tests[i](facts) {
			state = r.To
		}
	}
	return state
}

// Machines lists every machine. The slice is the caller's, what it holds is not.
func Machines() []Machine {
	return []Machine{versions.Machine, agreements.Machine, clauses.Machine, disputes.Machine, feedbacks.Machine, stocks.Machine}
}

// Document is EXCHANGE.md: the machines and the deeds, written from the tables.
func Document() string {
	var d strings.Builder
	d.WriteString(documentIntro)
	for _, m := range Machines() {
		d.WriteString("\n## " + m.Name + "\n\n" + m.About + " It begins as `" + m.First + "`.\n\n| from | to | entry | by | when |\n| --- | --- | --- | --- | --- |\n")
		for _, r := range m.Rows {
			from, entry := "any", ""
			if len(r.From) > 0 {
				from = codes(r.From)
			}
			if r.Entry != 0 {
				entry = "`" + r.Entry.String() + "`"
			}
			d.WriteString("| " + from + " | `" + r.To + "` | " + entry + " | " + r.By + " | " + r.When + " |\n")
		}
	}
	d.WriteString(deedsIntro)
	for _, k := range deeds {
		on := "proposal " + codes(k.versions)
		if len(k.versions) == 0 {
			on = "agreement " + codes(phases(k.phases))
		}
		d.WriteString("| `" + string(k.Deed) + "` | `" + k.Kind.String() + "` | " + k.by.words() + " | " + on + " | " + k.When + " |\n")
	}
	return d.String()
}

func codes(all []string) string {
	return "`" + strings.Join(all, "` `") + "`"
}

const documentIntro = `# The life of an agreement

Written from the tables that the fold runs, by ` + "`Document`" + `; a test compares. Of each machine the rows are gone through once, from
the first to the last, and each that applies moves the state on. Where two rows could both apply, the later one prevails,
whatever arrived first. An entry that does not stand, or whose body is absent, erased or invalid, counts as absent; so does an
answer that carries another digest than that of the proposal it names.
`

const deedsIntro = `
## Who may do what

| deed | entry | by | where | unless |
| --- | --- | --- | --- | --- |
`
