package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
)

// Each check finds what it is for, and says it with effect and fix in every language.
func TestDoctor_FindsAndSays(t *testing.T) {
	book, err := phrase.New()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	_, root, err := home.NewWords("en")
	if err != nil {
		t.Fatal(err)
	}
	h, err := home.Create(filepath.Join(t.TempDir(), "home"), protocol.MemberFacts{Handle: "kr-seoul", Kind: protocol.KindCity, Country: "KR",
		Names: protocol.Text{"en": "Seoul"}, Root: root.Public()}, home.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ahead := func(seconds ...int64) (members []api.MemberStatus) {
		for i, s := range seconds {
			members = append(members, api.MemberStatus{Handle: "m" + string(rune('a'+i)), Nodes: []api.NodeStatus{{Connected: true, ClockAhead: &s}}})
		}
		return members
	}
	day := func(ago int) *time.Time { at := now.AddDate(0, 0, -ago); return &at }
	backedUp := func(ago int, dir string) func(*patient) {
		return func(p *patient) {
			if err := h.SaveBackedUp(home.BackedUp{At: *day(ago), File: "dure.backup"}); err != nil {
				t.Fatal(err)
			}
			p.settings.Config.Backup.Dir = dir
		}
	}
	count := uint64(3)
	for _, c := range []struct {
		code, way string
		made      func(*patient)
	}{
		{"backup", "ok.none", func(*patient) {}},
		{"backup", "ok", backedUp(1, "/b")},
		{"backup", "ok", backedUp(20, "")},
		{"backup", "missed", backedUp(4, "/b")},
		{"backup", "old", backedUp(40, "")},
		{"backup", "failed", func(p *patient) { p.status.Backups.Failed, p.status.Backups.Dir = "home_unwritable", "/b" }},
		{"clock", "ok", func(p *patient) { p.status.Members = ahead(-3, 5, 60) }},
		{"clock", "own", func(p *patient) { p.status.Members = ahead(7200, 7190, 0) }},
		{"clock", "own", func(p *patient) { p.status.Members = ahead(-7200, -7190, -7000, 0) }},
		{"clock", "other", func(p *patient) { p.status.Members = ahead(7200, 1, 0) }},
		{"clock", "other", func(p *patient) { p.status.Members = ahead(-7200) }},
		{"clock", "other", func(p *patient) { p.status.Members = ahead(-7200, 0) }},
		{"clock", "ahead", func(p *patient) { p.newest = []api.Record{{Member: "fr-paris", Time: now.AddDate(1, 0, 0)}} }},
		{"damage", "ok", func(*patient) {}},
		{"damage", "ok.ended", func(p *patient) { p.status.Scrub.LastEnded = day(3) }},
		{"damage", "late", func(p *patient) { p.status.Scrub.LastEnded = day(15) }},
		{"damage", "late", func(p *patient) { p.status.Scrub.Begun = day(15) }},
		{"damage", "found", func(p *patient) { p.status.Ledger.Damaged = 2 }},
		{"others", "ok", func(*patient) {}},
		{"others", "ok.behind", func(p *patient) {
			p.status.Members = []api.MemberStatus{{Handle: "a", Nodes: []api.NodeStatus{{Connected: true, Behind: &count}}}}
		}},
		{"alerts", "ok", func(p *patient) { p.status.Alerts = []api.Alert{{Code: "listing_ended", Level: api.AlertNote}} }},
		{"alerts", "some", func(p *patient) {
			p.status.Alerts = []api.Alert{{Code: "features", Level: api.AlertWarn, Args: map[string]string{"features": "votes"}}}
		}},
		{"state", "ok", func(p *patient) { p.status.Node.State = api.StateReady }},
		{"state", "joining", func(p *patient) { p.status.Node.State, p.status.Node.Reason = api.StateJoining, "state.joining" }},
		{"state", "read_only", func(p *patient) {
			p.status.Node.State, p.status.Node.Reason = api.StateReadOnly, "state.read_only.disk"
		}},
		{"state", "recovering", func(p *patient) {
			p.status.Node.State, p.status.Node.Reason, p.status.Recovery = api.StateRecovering, "state.recovering.restored", &api.Recovery{Seen: 3, Needed: 2, CaughtUp: 1}
		}},
		{"state", "recovering", func(p *patient) {
			p.status.Node.State, p.status.Node.Reason, p.status.Recovery = api.StateRecovering, "state.recovering.forked", &api.Recovery{Others: 4}
		}},
	} {
		for _, lang := range []string{"ko", "en", "fr", "es"} {
			a := &app{book: book, lang: lang, now: func() time.Time { return now }}
			p := &patient{home: h}
			p.settings.Config = home.Default()
			p.status.Node.Since = now.Add(-time.Hour)
			c.made(p)
			for _, k := range a.checks() {
				if k.code != c.code {
					continue
				}
				way, values := k.ask(context.Background(), p)
				if way != c.way {
					t.Fatalf("%s says %q, want %q", c.code, way, c.way)
				}
				keys := []string{"doctor." + c.code, "doctor." + c.code + "." + way}
				if !strings.HasPrefix(way, allRight) {
					keys = append(keys, keys[1]+".effect", keys[1]+".fix")
				}
				for _, key := range keys {
					if text := a.say(key, values); text == key || strings.Contains(text, "<no value>") {
						t.Errorf("%s in %s: %q", key, lang, text)
					}
				}
			}
		}
	}
}

// The firewall request named the port of the settings where the node ran with --listen.
func TestDoctor_FirewallNamesThePortsInUse(t *testing.T) {
	a := testApp(t, "en")
	p := &patient{home: &home.Home{}}
	p.settings.Config = home.Default()
	p.status.Node.Listen = []string{"/ip4/0.0.0.0/udp/4999/quic-v1", "/ip4/0.0.0.0/tcp/0"}
	got := a.firewallRequest(p)
	if len(got) != 2 || got[0].Port != "4999" || got[0].Protocol != "UDP" || got[1].Port != "4999" {
		t.Fatalf("%+v", got)
	}
}
