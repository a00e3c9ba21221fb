package record

import (
	"strings"
	"testing"

	"github.com/dure-net/dure/protocol"
)

// edits change a full body, path by path (see change).
type edits []any

// rule is one change to a valid body and all faults it must give; "" for none.
type rule struct {
	name  string
	edits edits
	want  string
}

func check(t *testing.T, kind protocol.Kind, rules []rule) {
	t.Helper()
	for _, r := range rules {
		rec, faults := change(t, kind, r.edits...)
		if got := said(faults); got != r.want {
			t.Errorf("%s, %s: got %q, want %q", kind, r.name, got, r.want)
		}
		if (rec == nil) != (len(faults) > 0) {
			t.Errorf("%s, %s: record %v with faults %v", kind, r.name, rec, faults)
		}
		for _, f := range faults {
			for k, v := range f.Args {
				if v == "" {
					t.Errorf("%s, %s: empty argument %s", kind, r.name, k)
				}
			}
		}
	}
}

func runes(n int) string { return strings.Repeat("한", n) }

type obj = map[string]any

func TestText_Rules(t *testing.T) {
	many := obj{"en": "x"}
	for _, tag := range []string{"ko", "fr", "es", "ja", "de", "it", "pt", "eu", "ca", "fil", "wo"} {
		many[tag] = "x"
	}
	thirteen := obj{"zh-Hant": "x"}
	for tag, s := range many {
		thirteen[tag] = s
	}
	check(t, protocol.KindProject, []rule{
		{"title of 120 code points", edits{"title", obj{"en": runes(120), "ko": "x"}}, ""},
		{"title of 121", edits{"title", obj{"en": runes(121), "ko": "x"}}, "title.en too_long"},
		{"summary of 280 and a line feed", edits{"summary", obj{"en": runes(279) + "\n"}}, ""},
		{"summary of 281", edits{"summary", obj{"en": runes(281)}}, "summary.en too_long"},
		{"body of 8,000", edits{"body", obj{"en": runes(8000)}}, ""},
		{"body of 8,001", edits{"body", obj{"en": runes(8001)}}, "body.en too_long"},
		{"twelve languages", edits{"summary", many}, ""},
		{"thirteen languages", edits{"summary", thirteen}, "summary too_many"},
		{"original missing", edits{"summary", obj{"ko": "x"}}, "summary missing_language"},
		{"no languages", edits{"summary", obj{}}, "summary missing_language"},
		{"blank", edits{"summary", obj{"en": " \n"}}, "summary.en required"},
		{"a bell", edits{"summary", obj{"en": "a\u0007"}}, "summary.en control_character"},
		{"a carriage return", edits{"summary", obj{"en": "a\r\nb"}}, "summary.en control_character"},
		{"a line feed in a title", edits{"title", obj{"en": "a\nb", "ko": "x"}}, "title.en control_character"},
		{"text turned around", edits{"title", obj{"en": "a\u202eb", "ko": "x"}}, "title.en control_character"},
		{"an emoji family", edits{"title", obj{"en": "👩‍👩‍👧", "ko": "x"}}, ""},
		{"decomposed", edits{"title", obj{"en": "e\u0301", "ko": "x"}}, "title.en not_nfc"},
		{"upper-case tag", edits{"summary", obj{"en": "x", "KO": "x"}}, "summary.KO bad_format"},
		{"old tag", edits{"summary", obj{"en": "x", "iw": "x"}}, "summary.iw bad_format"},
		{"no such language", edits{"summary", obj{"en": "x", "qq": "x"}}, "summary.qq bad_format"},
		{"undetermined", edits{"summary", obj{"en": "x", "und": "x"}}, "summary.und bad_format"},
		{"private use", edits{"summary", obj{"en": "x", "ko-x-seoul": "x"}}, "summary.ko-x-seoul bad_format"},
		{"script and region", edits{"summary", obj{"en": "x", "zh-Hant-HK": "x"}}, ""},
		{"a number", edits{"summary", obj{"en": 1}}, "summary.en wrong_type"},
		{"null", edits{"summary", []any(nil)}, "summary wrong_type"},
		{"lang left out", edits{"lang", nil}, "lang required"},
		{"lang not a language", edits{"lang", "english"}, "lang bad_format"},
		{"machine names the original", edits{"machine", []any{"en"}}, "machine[0] conflict"},
		{"machine names a language not there", edits{"machine", []any{"de"}}, "machine[0] not_in_list"},
		{"type left out", edits{"type", nil}, "type required"},
		{"another type", edits{"type", "offer"}, "type not_in_list"},
	})
}

func TestValues_Rules(t *testing.T) {
	qty := func(v any) edits {
		return edits{"goals", []any{obj{"text": obj{"en": "g"}, "target": obj{"value": v, "unit": "KGM"}}}}
	}
	at := "goals[0].target.value "
	check(t, protocol.KindProject, []rule{
		{"18 digits", qty("999999999999.999999"), ""},
		{"18 whole digits", qty("999999999999999999"), ""},
		{"19 digits", qty("9999999999999.999999"), at + "bad_format"},
		{"7 decimals", qty("0.0000001"), at + "bad_format"},
		{"the least", qty("0.000001"), ""},
		{"zero", qty("0.00"), at + "out_of_range"},
		{"negative", qty("-1"), at + "bad_format"},
		{"plus", qty("+1"), at + "bad_format"},
		{"exponent", qty("1e3"), at + "bad_format"},
		{"leading zero", qty("01"), at + "bad_format"},
		{"comma", qty("1,5"), at + "bad_format"},
		{"hex", qty("0x1"), at + "bad_format"},
		{"no digits after the point", qty("1."), at + "bad_format"},
		{"other digits", qty("٣"), at + "bad_format"},
		{"a number", qty(5), at + "wrong_type"},
		{"unit not listed", edits{"goals", []any{obj{"text": obj{"en": "g"}, "target": obj{"value": "1", "unit": "kg"}}}}, "goals[0].target.unit not_in_list"},
		{"units that differ", edits{"goals", []any{obj{"text": obj{"en": "g"}, "target": obj{"value": "1", "unit": "KGM"}, "reached": obj{"value": "1", "unit": "TNE"}}}}, "goals[0].reached.unit conflict"},
		{"a currency of the past", edits{"budget/currency", "DEM"}, "budget.currency not_in_list"},
		{"a fund code", edits{"budget/currency", "XDR"}, "budget.currency not_in_list"},
		{"no such day", edits{"starts", "2026-02-30"}, "starts bad_format"},
		{"a leap day", edits{"starts", "2028-02-29"}, ""},
		{"a day of no leap year", edits{"starts", "2027-02-29"}, "starts bad_format"},
		{"an instant", edits{"starts", "2026-09-01T00:00:00Z"}, "starts bad_format"},
		{"year 226", edits{"starts", "0226-09-01"}, "starts out_of_range"},
		{"ends first", edits{"ends", "2026-08-31"}, "ends order"},
		{"ends the same day", edits{"ends", "2026-09-01"}, ""},
		{"country not listed", edits{"place/country", "UK"}, "place.country not_in_list"},
		{"country in lower case", edits{"place/country", "kr"}, "place.country not_in_list"},
		{"label of 81", edits{"place/label", runes(81)}, "place.label too_long"},
		{"locode of another country", edits{"place/locode", "JPTYO"}, "place.locode conflict"},
		{"locode with a one", edits{"place/locode", "KR1EL"}, "place.locode bad_format"},
		{"lat alone", edits{"place/lat", "1.5"}, "place.lon required"},
		{"lat beyond the pole", edits{"place/lat", "90.00001", "place/lon", "-180"}, "place.lat out_of_range"},
		{"corners", edits{"place/lat", "-90", "place/lon", "180.00000"}, ""},
		{"six decimals", edits{"place/lat", "1.000001", "place/lon", "1"}, "place.lat bad_format"},
		{"minus zero", edits{"place/lat", "-0.0", "place/lon", "1"}, "place.lat bad_format"},
		{"lat as a number", edits{"place/lat", 1.5, "place/lon", "1"}, "place.lat wrong_type"},
		{"31 partners", edits{"partners", handles(31)}, "partners too_many"},
		{"30 partners", edits{"partners", handles(30)}, ""},
		{"a partner twice", edits{"partners", []any{"kr-sen", "kr-sen"}}, "partners[1] duplicate"},
		{"a name as a partner", edits{"partners", []any{"Seoul"}}, "partners[0] bad_format"},
		{"no themes", edits{"themes", []any{}}, "themes required"},
		{"six themes", edits{"themes", []any{"care", "youth", "women", "energy", "health", "housing"}}, "themes too_many"},
		{"six goals of the UN", edits{"sdgs", []any{1, 2, 3, 4, 5, 6}}, "sdgs too_many"},
		{"goal 0", edits{"sdgs", []any{0}}, "sdgs[0] out_of_range"},
		{"goal 3.0", edits{"sdgs", []any{"3"}}, "sdgs[0] wrong_type"},
		{"a link twice", edits{"links", []any{one.String(), one.String()}}, "links[1] duplicate"},
		{"a link to a chunk", edits{"links", []any{chunk.String()}}, "links[0] bad_format"},
		{"an attachment that is a chunk", edits{"attachments", []any{obj{"id": chunk.String(), "media_type": "image/png", "bytes": 1, "title": obj{"en": "x"}}}}, "attachments[0].id bad_format"},
		{"a goal twice", edits{"goals", []any{obj{"text": obj{"en": "g"}}, obj{"text": obj{"en": "h"}}, obj{"text": obj{"en": "g"}}}}, "goals[2] duplicate"},
		{"an attachment by a short number", edits{"attachments", []any{obj{"id": "kr-seoul-1", "media_type": "image/png", "bytes": 1, "title": obj{"en": "x"}}}}, "attachments[0].id bad_format"},
		{"a file twice", edits{"attachments", []any{obj{"id": file.String(), "media_type": "text/csv", "bytes": 1, "title": obj{"en": "x"}}, obj{"id": file.String(), "media_type": "text/csv", "bytes": 1, "title": obj{"en": "y"}}}}, "attachments[1].id duplicate"},
		{"an attachment too large", edits{"attachments", []any{obj{"id": file.String(), "media_type": "text/html", "bytes": 10<<20 + 1, "title": obj{"en": "x"}}}}, "attachments[0].media_type not_in_list; attachments[0].bytes out_of_range"},
		{"no status", edits{"status", nil}, "status required"},
		{"lead is no field", edits{"lead", "kr-seoul"}, "lead unknown_field"},
	})
}

func handles(n int) []any {
	var out []any
	for i := range n {
		out = append(out, "kr-m"+itoa(i))
	}
	return out
}

func TestProfile_Rules(t *testing.T) {
	org := edits{"kind", "organisation", "stakeholder", "network_sse", "population_band", nil, "executive_head", nil}
	with := func(more ...any) edits { return append(append(edits{}, org...), more...) }
	check(t, protocol.KindProfile, []rule{
		{"an organisation", with("org_type", "sse_network", "members_band", "20_100"), ""},
		{"a city with org_type", edits{"org_type", "sse_network"}, "org_type not_allowed"},
		{"a city with members_band", edits{"members_band", "20_100"}, "members_band not_allowed"},
		{"an organisation with inhabitants", with("population_band", "over_5m"), "population_band not_allowed"},
		{"a private organisation names its head", with("executive_head", obj{"role": obj{"ko": "대표"}}), "executive_head not_allowed"},
		{"a state agency may", with("stakeholder", "state_agency", "executive_head", obj{"role": obj{"ko": "청장"}}), ""},
		{"no country", edits{"country", nil}, ""},
		{"no country and not international", edits{"country", nil, "international", nil}, "country required"},
		{"no contact", edits{"contact", nil}, "contact required"},
		{"no address", edits{"contact/email", nil, "contact/form", nil}, "contact.email required"},
		{"a form only", edits{"contact/email", nil}, ""},
		{"a phone number", edits{"contact/phone", "010"}, "contact.phone unknown_field"},
		{"not an address", edits{"contact/email", "seoul at example.org"}, "contact.email bad_format"},
		{"a script as web", edits{"web", "javascript:alert(1)"}, "web bad_format"},
		{"web with a quote", edits{"web", `https://example.org/"onload`}, "web bad_format"},
		{"five sectors", edits{"sectors", []any{"1", "2", "3", "4", "5"}}, "sectors too_many"},
		{"eleven themes", edits{"themes", anys(Codes(Themes)[:11])}, "themes too_many"},
		{"ten themes", edits{"themes", anys(Codes(Themes)[:10])}, ""},
		{"six goals", edits{"sdgs", []any{1, 2, 3, 4, 5, 6}}, ""},
		{"nine languages", edits{"working_languages", []any{"ko", "en", "fr", "es", "ja", "de", "it", "pt", "eu"}}, "working_languages too_many"},
		{"focal point by name", edits{"focal_point/name", "x"}, "focal_point.name unknown_field"},
		{"names of 161", edits{"names", obj{"ko": runes(161), "es": "x"}}, "names.ko too_long"},
		{"mission of 1,001", edits{"mission", obj{"ko": runes(1001)}}, "mission.ko too_long"},
	})
}

func anys(list []string) []any {
	var out []any
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

func TestExperience_Rules(t *testing.T) {
	check(t, protocol.KindExperience, []rule{
		{"no summary", edits{"summary", nil, "machine", nil}, ""},
		{"no lessons", edits{"lessons", nil}, "lessons required"},
		{"no licence", edits{"licence", nil}, "licence required"},
		{"another licence", edits{"licence", "MIT"}, "licence not_in_list"},
		{"months", edits{"period", obj{"from": "2019-03", "to": "2024-12"}}, "period.from bad_format; period.to bad_format"},
		{"ten years", edits{"period", obj{"from": "2012-01-01", "to": "2022-01-01"}}, ""},
		{"ten years and a day", edits{"period", obj{"from": "2012-01-01", "to": "2022-01-02"}}, "period.to order"},
		{"backwards", edits{"period", obj{"from": "2022-01-02", "to": "2022-01-01"}}, "period.to order"},
		{"problem of 2,001", edits{"problem", obj{"en": runes(2001)}}, "problem.en too_long"},
		{"approach of 4,001", edits{"approach", obj{"en": runes(4001)}}, "approach.en too_long"},
		{"lessons of 2,001", edits{"lessons", obj{"en": runes(2001)}}, "lessons.en too_long"},
		{"nine conditions", edits{"transfer_conditions", anys(Codes(TransferConditions)[:9])}, "transfer_conditions too_many"},
		{"people in kilograms", edits{"people_needed/unit", "KGM"}, "people_needed.unit not_in_list"},
		{"a draft", edits{"state", "draft"}, "state not_in_list"},
		{"no results", edits{"results", []any{}}, ""},
		{"a result without a unit", edits{"results", []any{obj{"metric": obj{"en": "m"}, "value": "1"}}}, "results[0].unit required"},
	})
}

func TestNotice_Rules(t *testing.T) {
	check(t, protocol.KindNotice, []rule{
		{"for all", edits{"audience", nil, "audience_list", nil}, ""},
		{"for all with a list", edits{"audience", "all"}, "audience_list not_allowed"},
		{"a list alone", edits{"audience", nil}, "audience_list not_allowed"},
		{"colleges without a list", edits{"audience_list", nil}, "audience_list required"},
		{"no such college", edits{"audience_list", []any{"cities"}}, "audience_list[0] not_in_list"},
		{"continents", edits{"audience", "continent", "audience_list", []any{"asia", "africa"}}, ""},
		{"members", edits{"audience", "members", "audience_list", []any{"kr-seoul", "Montreal"}}, "audience_list[1] bad_format"},
		{"over before it begins", edits{"valid_until", "2026-11-30", "deadline", nil}, "valid_until order"},
		{"answers after its end", edits{"deadline", "2027-01-01"}, "deadline order"},
		{"news with a last day", edits{"category", "news"}, "deadline not_allowed"},
		{"a call that begins", edits{"starts", "2026-12-05"}, "starts not_allowed"},
		{"without end", edits{"valid_until", nil}, "valid_until required"},
		{"from now", edits{"valid_from", nil}, ""},
		{"no such category", edits{"category", "advert"}, "category not_in_list"},
	})
	for category, want := range map[string]bool{"news": false, "call": false, "event": false, "assembly_convocation": true, "rules": true} {
		if got := (&Notice{Category: category}).NeedsOffice(); got != want {
			t.Errorf("%s needs an office: %v", category, got)
		}
	}
	if !(&Notice{Category: "news", Urgent: true}).NeedsOffice() {
		t.Error("anybody may cry wolf")
	}
	check(t, protocol.KindWithdraw, []rule{
		{"no reason", edits{"reason", nil, "machine", nil}, ""},
		{"a reason of 501", edits{"reason", obj{"ko": runes(501), "en": "x"}}, "reason.ko too_long"},
		{"no language", edits{"lang", nil}, "lang required"},
	})
}
