package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/home"
)

// diagnosis is what `dure doctor --json` prints.
type diagnosis struct {
	Checks   []checked      `json:"checks"`
	Problems int            `json:"problems"`
	Skipped  int            `json:"skipped"`
	Firewall []firewallRule `json:"firewall"` // what to ask of those who keep the firewall
}

// checked is one check, done. Code is stable; the sentences are in the language of the call.
type checked struct {
	Number   int    `json:"number"`
	Code     string `json:"code"`
	State    string `json:"state"` // ok, problem or skipped
	Sentence string `json:"sentence"`
	Effect   string `json:"effect,omitempty"`
	Fix      string `json:"fix,omitempty"`
}

// firewallRule is one line of the request.
type firewallRule struct {
	Protocol  string `json:"protocol"` // UDP or TCP
	Port      string `json:"port"`
	Direction string `json:"direction"` // in, out
	Purpose   string `json:"purpose"`
}

// patient is what the checks have learnt so far.
type patient struct {
	dir      string
	home     *home.Home
	settings home.Settings
	run      home.Run
	status   api.Status
	newest   []api.Record
}

// check is one question. Its sentences are doctor.<code>.ok and, for each way in which it can be wrong, <code>.<way>,
// <code>.<way>.effect and <code>.<way>.fix.
type check struct {
	code  string
	needs []string // checks that must be in order before this one can be asked
	ask   func(ctx context.Context, p *patient) (way string, values args)
}

// allRight is the way of a check that found nothing; "ok.<more>" says so in another sentence.
const allRight = "ok"

func (a *app) doctorCommand() *cobra.Command {
	return a.command("doctor", between(0, 0), diagnosis{}, func(ctx context.Context, _ []string) error {
		dir, err := home.Dir(a.homeFlag)
		if err != nil {
			return err
		}
		p := &patient{dir: dir}
		d := a.examine(ctx, p)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := a.answer(d, func() { a.sayDiagnosis(d) }); err != nil {
			return err
		}
		if d.Problems > 0 {
			return problems{}
		}
		return nil
	})
}

// examine asks every check whose conditions hold, in order.
func (a *app) examine(ctx context.Context, p *patient) diagnosis {
	d := diagnosis{Checks: []checked{}, Firewall: []firewallRule{}}
	inOrder := map[string]bool{}
	for i, c := range a.checks() {
		out := checked{Number: i + 1, Code: c.code, State: "skipped"}
		missing := ""
		for _, need := range c.needs {
			if !inOrder[need] && missing == "" {
				missing = need
			}
		}
		if missing != "" {
			out.Sentence = a.say("doctor.skipped", args{"what": a.say("doctor."+c.code, nil), "needs": a.say("doctor."+missing, nil)})
			d.Skipped++
			d.Checks = append(d.Checks, out)
			continue
		}
		way, values := c.ask(ctx, p)
		key := "doctor." + c.code + "." + way
		out.Sentence = a.say(key, values)
		if way == allRight || strings.HasPrefix(way, allRight+".") {
			out.State = "ok"
			inOrder[c.code] = true
		} else {
			out.State, out.Effect, out.Fix = "problem", a.say(key+".effect", values), a.say(key+".fix", values)
			d.Problems++
		}
		d.Checks = append(d.Checks, out)
	}
	d.Firewall = append(d.Firewall, a.firewallRequest(p)...)
	return d
}

func (a *app) sayDiagnosis(d diagnosis) {
	marks := map[string]string{"ok": a.say("doctor.mark.ok", nil), "problem": a.say("doctor.mark.problem", nil), "skipped": a.say("doctor.mark.skipped", nil)}
	colours := map[string]string{"ok": green, "problem": red, "skipped": yellow}
	widest := 0
	for _, mark := range marks {
		widest = max(widest, width(mark))
	}
	for _, c := range d.Checks {
		mark := marks[c.State]
		fmt.Fprintf(a.out, "%2d  %s%s  %s\n", c.Number, a.paint(colours[c.State], mark), strings.Repeat(" ", widest-width(mark)), c.Sentence)
		if c.State == "problem" {
			fmt.Fprintln(a.out, "      "+a.say("doctor.effect", args{"text": c.Effect}))
			fmt.Fprintln(a.out, "      "+a.say("doctor.fix", args{"text": c.Fix}))
		}
	}
	fmt.Fprintln(a.out)
	if d.Problems == 0 {
		a.line("doctor.healthy", nil)
	} else {
		a.line("doctor.problems", args{"count": d.Problems})
	}
	if len(d.Firewall) == 0 {
		return
	}
	fmt.Fprintln(a.out)
	a.line("doctor.firewall.intro", nil)
	t := table{indent: 2}
	t.row(a.say("doctor.firewall.protocol", nil), a.say("doctor.firewall.port", nil), a.say("doctor.firewall.direction", nil), a.say("doctor.firewall.purpose", nil))
	for _, r := range d.Firewall {
		t.row(r.Protocol, r.Port, a.say("doctor.firewall."+r.Direction, nil), r.Purpose)
	}
	t.print(a.out)
	a.line("doctor.firewall.local", nil)
}

// firewallRequest is what the settings need of a firewall, one line for each protocol, port and direction.
func (a *app) firewallRequest(p *patient) []firewallRule {
	config := p.settings.Config
	if p.home == nil {
		config = home.Default()
	}
	listen := config.Listen
	if len(p.status.Node.Listen) > 0 {
		listen = p.status.Node.Listen // as it runs, whatever flags it was started with
	}
	out, seen := []firewallRule{}, map[string]bool{}
	for _, l := range listeners(listen) {
		if l.port == "0" {
			continue // another one at every start: nothing to ask for
		}
		if seen[l.network+l.port] || l.loopback() {
			continue
		}
		seen[l.network+l.port] = true
		name, key := "UDP", "doctor.firewall.quic"
		if l.network == "tcp" {
			name, key = "TCP", "doctor.firewall.tcp"
		}
		for _, direction := range []string{"in", "out"} {
			out = append(out, firewallRule{Protocol: name, Port: l.port, Direction: direction, Purpose: a.say(key, nil)})
		}
	}
	return out
}

func nodesOf(s api.Status) (connected, relayed, others int, behind uint64) {
	for _, m := range s.Members {
		for _, n := range m.Nodes {
			switch {
			case n.Self:
				continue
			case n.Connected && n.Relayed:
				relayed++
				connected++
			case n.Connected:
				connected++
			}
			if n.Ahead != nil {
				behind = max(behind, *n.Ahead)
			}
			others++
		}
	}
	return connected, relayed, others, behind
}
