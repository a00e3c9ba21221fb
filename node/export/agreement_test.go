package export

import (
	"encoding/json"
	"testing"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol/record"
)

// An agreement has a commitment for each clause, and an event for what both report.
func TestAgreement_LinkedData(t *testing.T) {
	a := api.Agreement{ID: "bafyone", Number: "kr-seoul-9", Title: map[string]string{"ko": "교류"}, Lang: "ko", Phase: "in_progress", AsOf: "2026-12-15", Began: "2026-12-01", InForce: "2026-12-10",
		Parties: []api.Party{{Member: "kr-seoul"}, {Member: "ca-montreal"}},
		Clauses: []api.ClauseState{
			{No: 1, State: "partly", Provider: "kr-seoul", Receiver: "ca-montreal", Action: "work", What: map[string]string{"ko": "강사"}, Promised: "10", Counted: "4", Unit: "DAY", Last: "2027-03-01"},
			{No: 2, State: "met", Provider: "ca-montreal", Receiver: "kr-seoul", Action: "return_custody", What: map[string]string{"ko": "의자"}, Promised: "3", Counted: "0", Unit: "C62", Last: "2027-04-01"}}}
	raw, err := Document(Agreement("bafyfed", a)...)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Graph []map[string]any `json:"@graph"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Graph) != 4 {
		t.Fatalf("%d nodes: %s", len(doc.Graph), raw)
	}
	whole, first, event, second := doc.Graph[0], doc.Graph[1], doc.Graph[2], doc.Graph[3]
	if whole["@type"] != "vf:Agreement" || whole["@id"] != "urn:dure:bafyone" || whole["hasBeginning"] != "2026-12-10" || whole["hasEnd"] != nil {
		t.Errorf("%v", whole)
	}
	if first["@type"] != "vf:Commitment" || first["clauseOf"] != whole["@id"] || first["action"] != "vf:work" || first["provider"] != "urn:dure:bafyfed:kr-seoul" ||
		first["effortQuantity"].(map[string]any)["hasNumericalValue"] != "10" || first["finished"] != false {
		t.Errorf("%v", first)
	}
	if event["@type"] != "vf:EconomicEvent" || event["fulfills"] != first["@id"] || event["effortQuantity"].(map[string]any)["hasNumericalValue"] != "4" {
		t.Errorf("%v", event)
	}
	if second["action"] != "vf:transferCustody" || second["resourceQuantity"] == nil || second["finished"] != true {
		t.Errorf("%v", second)
	}
}

// Every action that a clause can have is one of ValueFlows.
func TestAgreement_ActionsAreValueFlows(t *testing.T) {
	known := map[string]bool{"work": true, "deliverService": true, "transfer": true, "transferCustody": true, "use": true, "copy": true}
	for _, code := range record.Codes(record.ClauseActions) {
		if name := clauseAction(code); !known[name[len("vf:"):]] {
			t.Errorf("%s becomes %s", code, name)
		}
	}
}
