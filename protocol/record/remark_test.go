package record

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/dure-net/dure/protocol"
)

func TestEvent_Rules(t *testing.T) {
	session := func(edit ...any) []any {
		s := obj{"title": obj{"fr": "Logement", "ko": "주거"}, "summary": obj{"fr": "S"}, "themes": []any{"housing"}, "day": "2026-12-10", "from": "09:30", "to": "11:00",
			"room": "Salle A", "languages": []any{"fr", "ko"}}
		for i := 0; i < len(edit); i += 2 {
			if edit[i+1] == nil {
				delete(s, edit[i].(string))
			} else {
				s[edit[i].(string)] = edit[i+1]
			}
		}
		return []any{s}
	}
	event := func(more ...any) edits {
		return append(edits{"category", "event", "deadline", nil, "starts", "2026-12-09", "ends", "2026-12-10", "utc_offset", "+01:00",
			"place", obj{"country": "FR", "label": "Bordeaux"}, "sessions", session()}, more...)
	}
	check(t, protocol.KindNotice, []rule{
		{"an event", event(), ""},
		{"of one day", event("ends", nil, "starts", "2026-12-10"), ""},
		{"without days", event("starts", nil, "ends", nil, "sessions", nil), ""},
		{"sessions without days", event("starts", nil, "ends", nil), "starts required"},
		{"an end alone", event("starts", nil, "sessions", nil), "starts required"},
		{"ends first", event("ends", "2026-12-08", "sessions", nil), "ends order"},
		{"a session the day after", event("sessions", session("day", "2026-12-11")), "sessions[0].day order"},
		{"a session the day before", event("sessions", session("day", "2026-12-08")), "sessions[0].day order"},
		{"a session that ends first", event("sessions", session("to", "09:30")), "sessions[0].to order"},
		{"half past nine", event("sessions", session("from", "9:30")), "sessions[0].from bad_format"},
		{"after midnight", event("sessions", session("to", "24:00")), "sessions[0].to bad_format"},
		{"without an offset", event("utc_offset", nil), "utc_offset required"},
		{"a zone's name", event("utc_offset", "Europe/Paris"), "utc_offset bad_format"},
		{"minus nothing", event("utc_offset", "-00:00"), "utc_offset bad_format"},
		{"India", event("utc_offset", "+05:30"), ""},
		{"Newfoundland", event("utc_offset", "-03:30"), ""},
		{"beyond the date line", event("utc_offset", "+15:00"), "utc_offset bad_format"},
		{"a session without a title", event("sessions", session("title", nil)), "sessions[0].title required"},
		{"no such theme", event("sessions", session("themes", []any{"sport"})), "sessions[0].themes[0] not_in_list"},
		{"a call with a programme", event("category", "call"), "starts not_allowed; ends not_allowed; utc_offset not_allowed; place not_allowed; sessions not_allowed"},
	})
}

func TestNotice_WhoMayPublish(t *testing.T) {
	for _, c := range []struct {
		n    Notice
		want string
	}{
		{Notice{Category: "news"}, ""},
		{Notice{Category: "call"}, ""},
		{Notice{Category: "event"}, ""},
		{Notice{Category: "news", Urgent: true}, "chair_city co_chair_gov co_chair_sse secretariat"},
		{Notice{Category: "security"}, "chair_city co_chair_gov co_chair_sse secretariat"},
		{Notice{Category: "assembly_convocation", Urgent: true}, "chair_city co_chair_gov co_chair_sse"},
	} {
		var got []string
		for _, o := range c.n.Offices() {
			got = append(got, string(o))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s, urgent %v: got %q, want %q", c.n.Category, c.n.Urgent, got, c.want)
		}
	}
}

func TestRemarks_Rules(t *testing.T) {
	text := func(kind protocol.Kind, field, lang string, most int) {
		check(t, kind, []rule{
			{"the most", edits{field, obj{lang: runes(most)}, "machine", nil}, ""},
			{"one more", edits{field, obj{lang: runes(most + 1)}, "machine", nil}, field + "." + lang + " too_long"},
		})
	}
	text(protocol.KindQuestion, "text", "ko", 1000)
	text(protocol.KindReply, "text", "en", 1000)
	text(protocol.KindAdoption, "changed", "es", 2000)
	text(protocol.KindAdoption, "outcome", "es", 2000)
	text(protocol.KindEndorsement, "text", "en", 1000)
	text(protocol.KindPartnership, "text", "en", 500)
	text(protocol.KindUpdate, "text", "ko", 1000)
	text(protocol.KindFlag, "text", "ko", 500)
	text(protocol.KindSubmission, "text", "fr", 4000)
	text(protocol.KindRecall, "reason", "ko", 500)
	check(t, protocol.KindQuestion, []rule{
		{"nothing asked", edits{"text", nil, "machine", nil}, "text required"},
		{"blanks", edits{"text", obj{"ko": "  ", "en": "x"}}, "text.ko required"},
	})
	check(t, protocol.KindAdoption, []rule{
		{"no result", edits{"result", nil}, "result required"},
		{"over without an outcome", edits{"outcome", nil, "machine", nil}, "outcome required"},
		{"going on", edits{"result", "ongoing", "outcome", nil, "machine", nil}, ""},
		{"nothing changed", edits{"changed", nil}, "changed required"},
	})
	check(t, protocol.KindEndorsement, []rule{
		{"hearsay", edits{"way", "heard_of_it"}, "way not_in_list"},
		{"no words", edits{"text", nil, "machine", nil}, ""},
	})
	check(t, protocol.KindPartnership, []rule{{"perhaps", edits{"step", "maybe"}, "step not_in_list"}})
	check(t, protocol.KindUpdate, []rule{
		{"words alone", edits{"goal", nil, "reached", nil}, ""},
		{"a goal without a number", edits{"reached", nil}, "reached required"},
		{"a number without a goal", edits{"goal", nil}, "goal required"},
		{"goal 0", edits{"goal", 0}, "goal out_of_range"},
		{"goal 11", edits{"goal", 11}, "goal out_of_range"},
	})
	check(t, protocol.KindFlag, []rule{
		{"without a reason", edits{"reason", nil}, "reason required"},
		{"without words", edits{"text", nil, "machine", nil}, "text required"},
		{"lifted", edits{"step", "lift", "reason", nil}, ""},
		{"lifted for a reason code", edits{"step", "lift"}, "reason not_allowed"},
	})
	check(t, protocol.KindAcknowledgement, []rule{
		{"a plain one", edits{"received", nil, "closes", nil}, ""},
		{"one answer twice", edits{"received", []any{one.String(), one.String()}}, "received[1] duplicate"},
	})
	check(t, protocol.KindCollection, []rule{
		{"nothing in it", edits{"items", []any{}}, "items required"},
		{"a record twice", edits{"items", []any{obj{"record": one.String()}, obj{"record": two.String()}, obj{"record": one.String(), "comment": obj{"ko": "x"}}}}, "items[2].record duplicate"},
		{"no record", edits{"items", []any{obj{"comment": obj{"ko": "x"}}}}, "items[0].record required"},
		{"a chunk of a file", edits{"items", []any{obj{"record": protocol.SumRaw([]byte("x")).String()}}}, "items[0].record bad_format"},
	})
}

func TestTranslation_Rules(t *testing.T) {
	many := obj{}
	for i := range 201 {
		many["goals["+itoa(i)+"].text"] = "x"
	}
	check(t, protocol.KindTranslation, []rule{
		{"of nothing", edits{"texts", obj{}}, "texts required"},
		{"no version", edits{"version", nil}, "version required"},
		{"too many texts", edits{"texts", many}, "texts too_many"},
		{"no path", edits{"texts", obj{"Title": "x"}}, "texts.Title unknown_field"},
		{"a path outside", edits{"texts", obj{"../title": "x"}}, "texts.../title unknown_field"},
		{"blank", edits{"texts", obj{"title": " "}}, "texts.title required"},
		{"turned around", edits{"texts", obj{"title": "a\u202eb"}}, "texts.title control_character"},
		{"a number", edits{"texts", obj{"title": 1}}, "texts.title wrong_type"},
		{"by whom is no language", edits{"lang", "french"}, "lang bad_format"},
	})
}

func TestPassages_AreAllTextsInOrder(t *testing.T) {
	r, _ := change(t, protocol.KindProject)
	content, err := generic(r)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range Passages(protocol.KindProject, content) {
		got = append(got, p.Path+"="+p.Text["en"])
	}
	if want := "title=Care summary=S body=B goals[0].text=Five attachments[0].title=F"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What programs are given can be read again, fields of newer nodes included.
func TestFromContent_ReadsWhatJSONSays(t *testing.T) {
	for kind := range full {
		r, faults := change(t, kind)
		if faults != nil {
			t.Fatal(faults)
		}
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var content map[string]any
		if err := json.Unmarshal(raw, &content); err != nil {
			t.Fatal(err)
		}
		content["of_a_newer_node"] = "x"
		again, err := FromContent(kind, content)
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("%s: %v", kind, FaultsOf(err))
		}
	}
}

func TestTranslate_AddsWhatIsMissingAndNothingElse(t *testing.T) {
	r, _ := change(t, protocol.KindProject)
	tr := &Translation{Type: "translation", Lang: "ko", Version: &one, Texts: map[string]string{"title": "다른 제목", "summary": "요약", "goals[0].text": "다섯", "place": "서울", "goals[7].text": "없음"}}
	content, _ := generic(r)
	added := Translate(r.Kind(), content, tr)
	if got := strings.Join(added, " "); got != "goals[0].text summary" {
		t.Errorf("added %q", got)
	}
	raw, err := json.Marshal(content["title"])
	if err != nil || string(raw) != `{"en":"Care","ko":"돌봄"}` {
		t.Errorf("the owner's own words became %s, %v", raw, err)
	}
	if place := content["place"].(map[string]any); place["ko"] != nil {
		t.Error("a place is no text")
	}
	if goal := content["goals"].([]any)[0].(map[string]any)["text"].(map[string]any); goal["ko"] != "다섯" {
		t.Errorf("got %v", goal)
	}
}

func TestCheckTranslation_JudgesAgainstTheVersion(t *testing.T) {
	r, _ := change(t, protocol.KindProject)
	for _, c := range []struct {
		name, lang string
		texts      map[string]string
		want       string
	}{
		{"whole", "fr", map[string]string{"title": "Soin", "summary": "S", "body": "B", "goals[0].text": "Cinq"}, ""},
		{"the title alone", "fr", map[string]string{"title": "Soin"}, ""},
		{"no such text", "fr", map[string]string{"titel": "Soin", "goals[3].text": "x"}, "texts.goals[3].text unknown_field; texts.titel unknown_field"},
		{"said by the owner", "ko", map[string]string{"title": "다른 제목", "summary": "요약"}, "texts.title duplicate"},
		{"longer than a title", "fr", map[string]string{"title": strings.Repeat("é", 121)}, "texts.title too_long"},
		{"two lines in a title", "fr", map[string]string{"title": "a\nb"}, "texts.title control_character"},
	} {
		if got := said(CheckTranslation(r, &Translation{Type: "translation", Lang: c.lang, Version: &one, Texts: c.texts})); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
