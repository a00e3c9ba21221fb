package remarks

import (
	"reflect"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record/remark"
)

func TestTranslated(t *testing.T) {
	content := func() map[string]any {
		return map[string]any{"type": "project", "lang": "en", "title": map[string]any{"en": "Care", "ko": "돌봄"}, "summary": map[string]any{"en": "S"},
			"goals": []any{map[string]any{"text": map[string]any{"en": "Five"}}}}
	}
	by := func(member, lang string, machine, outdated bool, minute int, texts map[string]string) remark.Translation {
		return remark.Translation{Words: remark.Words{Member: member, Lang: lang, Time: time.Unix(int64(minute)*60, 0)}, ByMachine: machine, Outdated: outdated, Texts: texts}
	}
	all := []remark.Translation{
		by("xx-machine", "fr", true, false, 9, map[string]string{"summary": "M"}),
		by("fr-lyon", "fr", false, false, 1, map[string]string{"summary": "R", "goals[0].text": "Cinq"}),
		by("fr-paris", "fr", false, true, 8, map[string]string{"summary": "old"}),
		by("xx-machine", "es", true, false, 2, map[string]string{"summary": "E"}),
		by("kr-seoul", "ko", false, false, 3, map[string]string{"title": "다른 말"}),
	}
	for _, c := range []struct{ lang, member, summary, goal string }{
		{"fr", "fr-lyon", "R", "Cinq"}, // a person's, though older; not what is outdated
		{"es", "xx-machine", "E", ""},
		{"ko", "", "", ""}, // the owner's own words stay
		{"ja", "", "", ""},
	} {
		given := content()
		shown, whose := Translated(protocol.KindProject, given, all, c.lang)
		if !reflect.DeepEqual(given, content()) {
			t.Fatalf("%s: the content given was changed", c.lang)
		}
		if whose == nil != (c.member == "") || whose != nil && whose.Member != c.member {
			t.Errorf("%s: translated by %+v, want %q", c.lang, whose, c.member)
			continue
		}
		summary, _ := shown["summary"].(map[string]any)[c.lang].(string)
		goal, _ := shown["goals"].([]any)[0].(map[string]any)["text"].(map[string]any)[c.lang].(string)
		if summary != c.summary || goal != c.goal || shown["title"].(map[string]any)["ko"] != "돌봄" {
			t.Errorf("%s: %q, %q, want %q, %q", c.lang, summary, goal, c.summary, c.goal)
		}
	}
}
