package export

import (
	"fmt"

	"github.com/dure-net/dure/node/api"
)

// Agreement is an agreement in linked data, for Document: a vf:Agreement, a vf:Commitment
// for each clause, and a vf:EconomicEvent for what both sides report to have happened of it.
func Agreement(federation string, a api.Agreement) []map[string]any {
	id := URN(a.ID)
	parties := make([]string, len(a.Parties))
	for i, p := range a.Parties {
		parties[i] = AgentURN(federation, p.Member)
	}
	whole := map[string]any{"@id": id, "@type": "vf:Agreement", "identifier": []string{a.Number, a.ID}, "name": a.Title, "inLanguage": a.Lang,
		"inScopeOf": parties, "startDate": a.Began, "dure:phase": a.Phase, "dure:asOf": a.AsOf, "dure:digest": a.Digest}
	for name, day := range map[string]string{"hasBeginning": a.InForce, "hasEnd": a.Ended} {
		if day != "" {
			whole[name] = day
		}
	}
	out := []map[string]any{whole}
	for _, c := range a.Clauses {
		commitment := fmt.Sprintf("%s#clause-%d", id, c.No)
		sides := map[string]any{"action": clauseAction(c.Action), "provider": AgentURN(federation, c.Provider), "receiver": AgentURN(federation, c.Receiver)}
		one := map[string]any{"@id": commitment, "@type": "vf:Commitment", "clauseOf": id, "description": c.What, "due": c.Last,
			"finished": c.State == "met" || c.State == "closed", "dure:state": c.State}
		happened := map[string]any{"@id": fmt.Sprintf("%s#event-%d", id, c.No), "@type": "vf:EconomicEvent", "fulfills": commitment}
		for name, v := range sides {
			one[name], happened[name] = v, v
		}
		if c.From != "" {
			one["hasBeginning"] = c.From
		}
		quantity := "resourceQuantity"
		if c.Action == "work" {
			quantity = "effortQuantity"
		}
		if m := Measure(map[string]any{"value": c.Promised, "unit": c.Unit}); m != nil {
			one[quantity] = m
		}
		out = append(out, one)
		if c.Counted != "" && c.Counted != "0" {
			happened[quantity] = Measure(map[string]any{"value": c.Counted, "unit": c.Unit})
			out = append(out, happened)
		}
	}
	return out
}

// clauseActions are the ValueFlows actions whose names are not those of the clauses.
var clauseActions = map[string]string{
	"deliver_service": "deliverService", "transfer_custody": "transferCustody", "return_custody": "transferCustody",
}

func clauseAction(code string) string {
	if name, ok := clauseActions[code]; ok {
		return "vf:" + name
	}
	return "vf:" + code
}
