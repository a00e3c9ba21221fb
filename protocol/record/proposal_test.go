package record

import (
	"testing"

	"github.com/dure-net/dure/protocol"
)

func TestProposal_Rules(t *testing.T) {
	clause := func(change obj) obj {
		c := obj{"no": 1, "provider": "kr-seoul", "receiver": "sn-dakar", "action": "transfer", "what": obj{"en": "Desks"},
			"quantity": obj{"value": "3", "unit": "C62"}, "due": "2027-03-01"}
		for k, v := range change {
			if c[k] = v; v == nil {
				delete(c, k)
			}
		}
		return c
	}
	clauses := func(all ...obj) edits {
		list := make([]any, len(all))
		for i, c := range all {
			list[i] = c
		}
		return edits{"clauses", list}
	}
	var twenty, more []obj
	for i := range 21 {
		c := clause(obj{"no": i + 1})
		if more = append(more, c); i < 20 {
			twenty = append(twenty, c)
		}
	}
	lend := clause(obj{"action": "transfer_custody"})
	back := func(change obj) obj {
		c := clause(obj{"no": 2, "provider": "sn-dakar", "receiver": "kr-seoul", "action": "return_custody", "reciprocal_of": 1})
		for k, v := range change {
			if c[k] = v; v == nil {
				delete(c, k)
			}
		}
		return c
	}
	check(t, protocol.KindProposal, []rule{
		{"as it is", nil, ""},
		{"one party", edits{"parties", []any{"kr-seoul"}, "clauses", []any{clause(nil)}}, "parties too_few; clauses[0].receiver conflict"},
		{"seven parties", edits{"parties", []any{"kr-seoul", "sn-dakar", "c-c", "d-d", "e-e", "f-f", "g-g"}}, "parties too_many"},
		{"a party twice", edits{"parties", []any{"kr-seoul", "sn-dakar", "kr-seoul"}}, "parties[2] duplicate"},
		{"no clause", edits{"clauses", nil}, "clauses required"},
		{"twenty clauses", clauses(twenty...), ""},
		{"twenty-one", clauses(more...), "clauses too_many"},
		{"a number twice", clauses(clause(nil), clause(obj{"due": "2027-04-01"})), "clauses[1].no duplicate"},
		{"number 0", clauses(clause(obj{"no": 0})), "clauses[0].no out_of_range"},
		{"number 100", clauses(clause(obj{"no": 100})), "clauses[0].no out_of_range"},
		{"to oneself", clauses(clause(obj{"receiver": "kr-seoul"})), "clauses[0].receiver conflict"},
		{"by nobody here", clauses(clause(obj{"provider": "fr-lyon"})), "clauses[0].provider conflict"},
		{"neither quantity nor amount", clauses(clause(obj{"quantity": nil})), "clauses[0].quantity required"},
		{"quantity and amount", clauses(clause(obj{"amount": obj{"value": "5", "currency": "EUR"}})), "clauses[0].quantity not_allowed"},
		{"neither window nor due", clauses(clause(obj{"due": nil})), "clauses[0].window required"},
		{"window and due", clauses(clause(obj{"window": obj{"from": "2027-01-01", "to": "2027-02-01"}})), "clauses[0].window not_allowed"},
		{"medicines", clauses(clause(obj{"goods": "medicines"})), "clauses[0].goods restricted"},
		{"an action that is none", clauses(clause(obj{"action": "transfr"})), "clauses[0].action not_in_list"},
		{"a loan that comes back", clauses(lend, back(nil)), ""},
		{"less comes back", clauses(lend, back(obj{"quantity": obj{"value": "2.5", "unit": "C62"}})), ""},
		{"more comes back", clauses(lend, back(obj{"quantity": obj{"value": "3.5", "unit": "C62"}})), "clauses[1].reciprocal_of conflict"},
		{"something else comes back", clauses(lend, back(obj{"quantity": obj{"value": "3", "unit": "KGM"}})), "clauses[1].reciprocal_of conflict"},
		{"a gift comes back", clauses(clause(nil), back(nil)), "clauses[1].reciprocal_of conflict"},
		{"a return of nothing", clauses(lend, back(obj{"reciprocal_of": nil})), "clauses[1].reciprocal_of required"},
		{"a return of another clause", clauses(lend, back(obj{"reciprocal_of": 7})), "clauses[1].reciprocal_of conflict"},
		{"in answer to itself", clauses(clause(obj{"reciprocal_of": 1})), "clauses[0].reciprocal_of conflict"},
		{"meets an offer that is not named", edits{"offer", nil}, "clauses[0].meets[0] conflict"},
		{"free of listings", append(clauses(clause(nil)), "offer", nil, "request", nil), ""},
		{"a counter without its thread", edits{"thread", nil}, "thread required"},
		{"a thread of nothing", edits{"replaces", nil}, "thread not_allowed"},
		{"replaces and amends", edits{"amends", one.String()}, "amends not_allowed"},
		{"amends", edits{"replaces", nil, "amends", one.String()}, ""},
		{"empty governing notes", edits{"governing", obj{}}, ""},
		{"notice of a fortnight, said wrongly", edits{"governing", obj{"cancellation_notice": "two weeks"}}, "governing.cancellation_notice bad_format"},
	})
}

func TestAnswers_Rules(t *testing.T) {
	check(t, protocol.KindAcceptance, []rule{
		{"no digest", edits{"digest", nil}, "digest required"},
		{"a digest in capitals", edits{"digest", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"}, "digest bad_format"},
		{"a short digest", edits{"digest", "e3b0"}, "digest bad_format"},
		{"of nothing", edits{"proposal", nil}, "proposal required"},
		{"a note of 1,001", edits{"note", obj{"en": runes(1001), "ko": "x"}}, "note.en too_long"},
	})
	check(t, protocol.KindConfirmation, []rule{
		{"without acceptances", edits{"acceptances", nil}, "acceptances required"},
		{"six acceptances", edits{"acceptances", []any{one.String(), two.String(), protocol.Sum([]byte("3")).String(), protocol.Sum([]byte("4")).String(),
			protocol.Sum([]byte("5")).String(), protocol.Sum([]byte("6")).String()}}, "acceptances too_many"},
		{"one twice", edits{"acceptances", []any{one.String(), one.String()}}, "acceptances[1] duplicate"},
	})
	check(t, protocol.KindRetraction, []rule{{"of nothing", edits{"target", nil}, "target required"}})
	check(t, protocol.KindFulfilment, []rule{
		{"no clause", edits{"clause", nil}, "clause required"},
		{"clause 0", edits{"clause", 0}, "clause out_of_range"},
		{"nothing done", edits{"quantity", obj{"value": "0", "unit": "C62"}}, "quantity.value out_of_range"},
		{"quantity and amount", edits{"amount", obj{"value": "1", "currency": "EUR"}}, "quantity not_allowed"},
		{"money alone", edits{"quantity", nil, "amount", obj{"value": "1", "currency": "EUR"}}, ""},
		{"less than nothing", edits{"corrects", nil}, "less not_allowed"},
		{"on no day", edits{"on", "2027-02-30"}, "on bad_format"},
	})
	check(t, protocol.KindCancellation, []rule{
		{"other, and not what", edits{"text", nil, "machine", nil}, "text required"},
		{"a reason of the list needs no words", edits{"text", nil, "machine", nil, "reason", "funding"}, ""},
		{"a clause twice", edits{"clauses", []any{1, 1}}, "clauses[1] duplicate"},
		{"clause 100", edits{"clauses", []any{100}}, "clauses[0] out_of_range"},
		{"a clause in words", edits{"clauses", []any{"1"}}, "clauses[0] wrong_type"},
	})
	check(t, protocol.KindDispute, []rule{
		{"about the whole", edits{"clause", nil}, ""},
		{"without words", edits{"text", nil, "machine", nil}, "text required"},
	})
	check(t, protocol.KindMediation, []rule{{"a closing that is none", edits{"closing", "fine"}, "closing not_in_list"}, {"of no dispute", edits{"dispute", nil}, "dispute required"}})
	check(t, protocol.KindFeedback, []rule{
		{"no outcome", edits{"outcome", nil}, "outcome required"},
		{"2,000 code points", edits{"text", obj{"en": runes(2000), "ko": "x"}}, ""},
		{"2,001", edits{"text", obj{"en": runes(2001), "ko": "x"}}, "text.en too_long"},
	})
}

// The digest is of the content alone: another salt changes nothing, another word does, and so does a word that only newer nodes know.
func TestDigest_OfTheTerms(t *testing.T) {
	r, faults := change(t, protocol.KindProposal)
	if faults != nil {
		t.Fatal(faults)
	}
	digest := func(salt byte, content any) string {
		body, err := protocol.EncodeBody(protocol.Salt{salt}, content)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Digest(body)
		if err != nil || !digestForm.MatchString(d) {
			t.Fatalf("%q, %v", d, err)
		}
		return d
	}
	want := digest(1, r.Content())
	if got := digest(2, r.Content()); got != want {
		t.Errorf("another salt gives %s, want %s", got, want)
	}
	content, err := generic(r)
	if err != nil {
		t.Fatal(err)
	}
	content["arbitration"] = "Paris"
	if digest(1, content) == want {
		t.Error("a term that this version does not know is not part of the digest")
	}
	if _, err := Digest([]byte{0xa0}); err == nil {
		t.Error("no body has a digest")
	}
}
