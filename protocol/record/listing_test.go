package record

import (
	"testing"

	"github.com/dure-net/dure/protocol"
)

// to turns the full offer of goods into one of another kind.
func to(kind, mode string, more ...any) edits {
	e := edits{"kind", kind, "mode", mode, "goods", nil, "condition", nil, "cpv", nil, "quantity", nil, "minimum", nil}
	return append(e, more...)
}

func qty(value, unit string) obj { return obj{"value": value, "unit": unit} }

func money(value, currency string) obj { return obj{"value": value, "currency": currency} }

func TestListing_GoodsRules(t *testing.T) {
	check(t, protocol.KindOffer, []rule{
		{"no goods", edits{"goods", nil}, "goods required"},
		{"no condition", edits{"condition", nil}, "condition required"},
		{"medicines", edits{"goods", "medicines"}, "goods restricted"},
		{"weapons", edits{"goods", "weapons"}, "goods restricted"},
		{"disks that still hold data", edits{"goods", "unwiped_data_carriers"}, "goods restricted"},
		{"medicines by procurement code", edits{"cpv", "33600000"}, "cpv restricted"},
		{"weapons by procurement code", edits{"cpv", "35321000"}, "cpv restricted"},
		{"a short procurement code", edits{"cpv", "4383"}, "cpv bad_format"},
		{"no such goods", edits{"goods", "computer"}, "goods not_in_list"},
		{"skills", edits{"skills", []any{"2351"}}, "skills not_allowed"},
		{"effort", edits{"quantity", nil, "minimum", nil, "effort", qty("3", "DAY")}, "quantity required; effort not_allowed"},
		{"no place", edits{"place", nil}, "place required"},
		{"no quantity", edits{"quantity", nil, "minimum", nil}, "quantity required"},
		{"minimum above", edits{"minimum/value", "10.000001"}, "minimum.value out_of_range"},
		{"minimum equal, spelled longer", edits{"minimum/value", "10.000"}, ""},
		{"minimum in another unit", edits{"minimum/unit", "KGM"}, "minimum.unit conflict"},
		{"a mode of another kind", edits{"mode", "trainer"}, "mode not_in_list"},
		{"an amount", edits{"amount", money("1", "EUR")}, "amount not_allowed"},
	})
	check(t, protocol.KindRequest, []rule{
		{"a request of goods needs no condition", edits{"kind", "material", "mode", "give", "skills", nil, "level", nil, "effort", nil, "minimum", nil,
			"goods", "computers", "quantity", qty("80", "C62")}, ""},
	})
}

func TestListing_PeopleRules(t *testing.T) {
	day := qty("3", "DAY")
	check(t, protocol.KindOffer, []rule{
		{"a trainer who travels", to("personnel", "trainer", "skills", []any{"2351"}, "effort", day, "place", nil), ""},
		{"a trainer without skills", to("personnel", "trainer", "effort", day), "skills required"},
		{"a mentor without skills", to("personnel", "mentoring", "effort", day), ""},
		{"hosting without a place", to("personnel", "study_visit", "quantity", qty("6", "IE"), "place", nil), "place required"},
		{"hosting at a distance", to("personnel", "study_visit", "quantity", qty("6", "IE"), "place", nil, "delivery", "remote"), ""},
		{"six skills", to("personnel", "trainer", "effort", day, "skills", []any{"2351", "2356", "2359", "2421", "2422", "2423"}), "skills too_many"},
		{"a skill that is none", to("personnel", "trainer", "effort", day, "skills", []any{"2357"}), "skills[0] not_in_list"},
		{"effort in kilograms", to("personnel", "mentoring", "effort", qty("3", "KGM")), "effort.unit not_in_list"},
		{"quantity and effort", to("personnel", "mentoring", "effort", day, "quantity", qty("1", "IE")), "effort conflict"},
		{"neither", to("personnel", "mentoring"), "quantity required"},
		{"shipped", to("personnel", "mentoring", "effort", day, "delivery", "ship"), "delivery conflict"},
		{"a person's name", to("personnel", "mentoring", "effort", day, "person", "홍길동"), "person unknown_field"},
		{"goods", to("personnel", "mentoring", "effort", day, "goods", "tools", "condition", "new"), "goods not_allowed; condition not_allowed"},
	})
	check(t, protocol.KindRequest, []rule{
		{"asking for a study visit needs no place", edits{"mode", "study_visit", "skills", nil, "place", nil}, ""},
	})
}

func TestListing_OtherKinds(t *testing.T) {
	check(t, protocol.KindOffer, []rule{
		{"documents are one piece", to("knowledge", "case_documents", "delivery", "remote", "place", nil), ""},
		{"a course needs a quantity", to("knowledge", "training_course", "delivery", "remote"), "quantity required"},
		{"documents by post", to("knowledge", "case_documents", "delivery", "ship"), ""},
		{"a room", to("space", "venue"), ""},
		{"a room nowhere", to("space", "venue", "place", nil), "place required"},
		{"a room with two measures", to("space", "venue", "quantity", qty("1", "C62"), "effort", qty("2", "DAY")), "effort conflict"},
		{"a minimum of nothing", to("space", "venue", "minimum", qty("1", "C62")), "minimum not_allowed"},
		{"a guarantee", to("finance", "guarantee", "delivery", "remote", "amount", money("50000", "USD"), "minimum_amount", money("5000", "USD")), ""},
		{"finance without an amount", to("finance", "guarantee", "delivery", "remote"), "amount required"},
		{"finance with a quantity", to("finance", "guarantee", "delivery", "remote", "amount", money("1", "USD"), "quantity", qty("1", "C62")), "quantity not_allowed"},
		{"minimum above the amount", to("finance", "guarantee", "amount", money("1", "USD"), "minimum_amount", money("2", "USD")), "minimum_amount.value out_of_range"},
		{"minimum in another currency", to("finance", "guarantee", "amount", money("1", "USD"), "minimum_amount", money("1", "EUR")), "minimum_amount.currency conflict"},
		{"no kind", to("", ""), "kind not_in_list; mode not_in_list"},
		{"kind mistyped, mode kept", edits{"kind", "matrial"}, "kind not_in_list"},
		{"kind left out", edits{"kind", nil}, "kind required"},
	})
}

func TestListing_TermsRules(t *testing.T) {
	check(t, protocol.KindOffer, []rule{
		{"reach left out", edits{"reach", nil}, ""},
		{"the whole network with a list", edits{"reach", obj{"scope": "network", "list": []any{"KR"}}}, "reach.list not_allowed"},
		{"countries without a list", edits{"reach", obj{"scope": "countries"}}, "reach.list required"},
		{"no such country", edits{"reach", obj{"scope": "countries", "list": []any{"XX"}}}, "reach.list[0] not_in_list"},
		{"continents", edits{"reach", obj{"scope": "continent", "list": []any{"asia"}}}, ""},
		{"members", edits{"reach", obj{"scope": "members", "list": []any{"kr-seoul"}}}, ""},
		{"for chosen members' eyes", edits{"visibility", "members_list"}, "visibility unsupported"},
		{"a day after the window", edits{"valid_until", "2027-06-01"}, "valid_until order"},
		{"the window's last day", edits{"valid_until", "2027-05-31"}, ""},
		{"no end", edits{"valid_until", nil}, "valid_until required"},
		{"standing", edits{"valid_until", nil, "standing", true}, ""},
		{"standing with an end", edits{"standing", true}, "valid_until not_allowed"},
		{"not standing, said so", edits{"standing", false}, ""},
		{"eleven years", edits{"window/to", "2038-02-01"}, "window.to order"},
		{"two parts of a duration", edits{"duration", "P1Y2M"}, "duration bad_format"},
		{"hours", edits{"duration", "PT12H"}, ""},
		{"nothing", edits{"duration", "P0D"}, "duration bad_format"},
		{"minutes", edits{"duration", "PT5M"}, "duration bad_format"},
		{"no costs", edits{"costs", obj{}}, ""},
		{"a cost not known", edits{"costs/food", "provider"}, "costs.food unknown_field"},
		{"seven languages", edits{"working_languages", []any{"ko", "en", "fr", "es", "ja", "de", "it"}}, "working_languages too_many"},
		{"requirements of 501", edits{"requirements", obj{"en": runes(501)}}, "requirements.en too_long"},
		{"open", edits{"state", nil, "closed_as", nil}, ""},
		{"open and closed", edits{"state", "published"}, "closed_as not_allowed"},
		{"closed, not saying how", edits{"closed_as", nil}, "closed_as required"},
		{"a draft", edits{"state", "draft", "closed_as", nil}, "state not_in_list"},
		{"paused", edits{"state", "paused", "closed_as", nil}, ""},
		{"return left out", edits{"return", nil}, "return required"},
	})
}

func TestListing_Defaults(t *testing.T) {
	r, faults := change(t, protocol.KindOffer, to("knowledge", "case_documents", "reach", nil, "state", nil, "closed_as", nil)...)
	if faults != nil {
		t.Fatal(faults)
	}
	l := r.(*Listing)
	q, ok := l.Measure()
	if l.Scope() != "network" || !ok || q != (Qty{Value: "1", Unit: "C62"}) || l.Head().Status != "published" {
		t.Errorf("scope %q, measure %v %v, status %q", l.Scope(), q, ok, l.Head().Status)
	}
	content, err := generic(l)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"reach", "quantity", "state"} {
		if _, there := content[name]; there {
			t.Errorf("the default of %s was written into the body", name)
		}
	}
	if _, ok := (&Listing{Amount: &Money{}}).Measure(); ok {
		t.Error("an amount of money was measured")
	}
}
