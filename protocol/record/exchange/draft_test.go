package exchange

import (
	"slices"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

func listing(kind, mode, n string) *record.Listing {
	return &record.Listing{
		Base: record.Base{Type: kind, Lang: "en"}, Exchange: "material", Mode: mode, Title: en("Stands"), Quantity: pieces(n),
		Window: &record.Window{From: today, To: today.Plus(60)}, Place: &record.Place{Country: "KR", Label: "Seoul"},
	}
}

// Whoever writes the proposal, the owner of the offer gives, and what is drafted is valid.
func TestDraft_WhoGives(t *testing.T) {
	offer := &Side{ID: listingOf("offer"), Owner: seoul, Listing: listing("offer", "lend", "12"), Remaining: "9"}
	request := &Side{ID: listingOf("request"), Owner: dakar, Listing: listing("request", "lend", "20")}
	for name, c := range map[string]struct {
		offer, request *Side
		self, other    string
		n              string
		meets          []string
	}{
		"an offer, by who wants it":    {offer, nil, dakar, seoul, "9", []string{"offer"}},
		"an offer, by its owner":       {offer, nil, seoul, dakar, "9", []string{"offer"}},
		"a request, by who has it":     {nil, request, seoul, dakar, "20", []string{"request"}},
		"a request, by its owner":      {nil, request, dakar, seoul, "20", []string{"request"}},
		"both, by the offer's owner":   {offer, request, seoul, dakar, "9", []string{"offer", "request"}},
		"both, by the request's owner": {offer, request, dakar, seoul, "9", []string{"offer", "request"}},
	} {
		p := Draft(c.offer, c.request, c.self, c.other, today)
		if faults := record.Validate(p); faults != nil {
			t.Errorf("%s: %v", name, faults)
		}
		if d := p.Clauses[0]; d.Provider != seoul || d.Receiver != dakar || d.Quantity.Value != c.n || !slices.Equal(d.Meets, c.meets) || d.Action != "transfer_custody" {
			t.Errorf("%s: %+v", name, d)
		}
		if b := p.Clauses[1]; b.Provider != dakar || b.Receiver != seoul || b.ReciprocalOf != 1 || b.Due == "" {
			t.Errorf("%s: what comes back %+v", name, b)
		}
		if p.Kind() != protocol.KindProposal || p.Parties[0] != c.self {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
