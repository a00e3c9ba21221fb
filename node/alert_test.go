package node

import (
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication"
)

// Who floods, from which node, since when and how much stands in the status, and reads as
// a sentence in every language.
func TestAlerts_NameTheFlooder(t *testing.T) {
	key, err := protocol.NewPrivateKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	since := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	rules := protocol.Rules{Threshold: protocol.Ratio{Num: 1, Den: 2}, Assembly: protocol.Ratio{Num: 2, Den: 3}}
	list := alerts(charter.NewFolder(protocol.FoundingAct{Rules: rules}, protocol.Sum(nil)).State(), "kr-seoul", nil,
		[]replication.Flood{{Member: "kr-seoul", Node: key.Public(), Since: since, Taken: 1234567, Waiting: 89}},
		[]replication.Offender{{Member: "es-madrid", Node: key.Public(), Since: since, Count: 17}}, nil, nil)
	if len(list) != 2 || list[0].Code != "offender" || list[0].Level != api.AlertWarn || list[1].Code != "flood" || list[1].Level != api.AlertNote || list[1].Node != key.Public().String() {
		t.Fatalf("alerts: %+v", list)
	}
	book, err := phrase.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range phrase.Languages() {
		for i, want := range [][]string{{"마드리드", "17"}, {"서울", "2026-03-04 05:06 UTC", "89", key.Public().Short()}} {
			args := map[string]string{"member": want[0]}
			for k, v := range list[i].Args {
				args[k] = v
			}
			text := book.Alert(lang, list[i].Code, args)
			for _, w := range want {
				if !strings.Contains(text, w) {
					t.Errorf("%s: %q is not in %q", lang, w, text)
				}
			}
			if strings.Contains(text, "{{") || strings.Contains(text, "<no value>") {
				t.Errorf("%s: %s", lang, text)
			}
		}
	}
}
