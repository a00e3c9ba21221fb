package phrase

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/record"
)

func TestBook_EveryReasonHasSentenceAndHint(t *testing.T) {
	b := book(t)
	for _, lang := range Languages() {
		sentences := map[string]protocol.Reason{}
		for _, r := range protocol.Reasons() {
			for _, key := range []string{"error." + r.String(), "hint." + r.String()} {
				if !b.Has(key) {
					t.Errorf("%q is not said", key)
				}
			}
			sentence, hint := b.Error(lang, protocol.Fail(r, "test", nil))
			if r == protocol.ReasonNone {
				continue
			}
			if other, twice := sentences[sentence]; twice {
				t.Errorf("%s: %s and %s have one sentence: %q", lang, other, r, sentence)
			}
			sentences[sentence] = r
			for _, text := range []string{sentence, hint} {
				if strings.Contains(text, "no value") || strings.Contains(text, "{{") || strings.HasPrefix(text, "error.") {
					t.Errorf("%s %s without arguments: %q", lang, r, text)
				}
			}
		}
	}
}

// Whatever an error carries, a sentence with a gap must not show.
func TestBook_NoSentenceNeedsAnArgumentThatMayBeMissing(t *testing.T) {
	b := book(t)
	for _, key := range b.Keys() {
		if !strings.HasPrefix(key, "error.") && !strings.HasPrefix(key, "hint.") || strings.Count(key, ".") > 1 {
			continue
		}
		if got := b.fullest("en", key, nil); strings.Contains(got, "no value") {
			t.Errorf("%q has no variant without arguments: %q", key, got)
		}
	}
}

func TestBook_Error(t *testing.T) {
	b := book(t)
	const theirs, ours = "bafyreiabcdefghijklmnopqrstuvwxyz234567abcdefghijklmnop12345678", "bafyreiabcdefghijklmnopqrstuvwxyz234567abcdefghijklmnop87654321"
	wrong := &protocol.Error{Reason: protocol.ReasonWrongFederation, Op: "secret op", Args: map[string]string{"theirs": theirs, "ours": ours}}
	sentence, hint := b.Error("en", fmt.Errorf("dial: %w", wrong))
	if want := "This belongs to another federation: theirs is …12345678, this node’s is …87654321."; sentence != want {
		t.Errorf("got %q, want %q", sentence, want)
	}
	if !strings.Contains(hint, "invitation") {
		t.Errorf("got hint %q", hint)
	}
	for _, c := range []struct {
		lang string
		err  error
		want string
	}{
		{"ko", &protocol.Error{Reason: protocol.ReasonHandleTaken, Args: map[string]string{"handle": "서울"}}, "‘서울’은 다른 회원이 쓰고 있는 식별 이름입니다."},
		{"en", &protocol.Error{Reason: protocol.ReasonNotFound, ID: "kr-seoul-99"}, "Nothing here is called “kr-seoul-99”."},
		{"en", &protocol.Error{Reason: protocol.ReasonNotFound}, "This is not found on this node."},
		{"fr", &protocol.Error{Reason: protocol.ReasonWrongClock, Args: map[string]string{"minutes": "180", "ahead": "true"}}, "L’horloge de cet ordinateur diffère de celle des autres nœuds de 180 minutes."},
		{"es", &protocol.Error{Reason: protocol.ReasonInvitationExpired, Args: map[string]string{"expired": "2026-11-01T10:00:00Z"}}, "Esta invitación ha caducado; era válida hasta el 1 de noviembre de 2026, 10:00."},
		{"en", &protocol.Error{Reason: protocol.ReasonConfig, Args: map[string]string{"key": "lissen", "code": "unknown_key", "near": "listen"}}, "There is no setting “lissen”. Did you mean “listen”?"},
		{"en", &protocol.Error{Reason: protocol.ReasonReadOnly, Args: map[string]string{"free": "104857600", "floor": "536870912"}}, "Only 105 MB are left on the disk, so nothing new is accepted."},
		{"en", &protocol.Error{Reason: protocol.ReasonInvalid, Args: map[string]string{"why": "no_electors"}}, "This cannot be decided like that. Nobody would be left to decide."},
		{"en", context.Canceled, "This was interrupted."},
		{"en", errors.New("disk on fire at sector 7"), "Something went wrong inside dure itself."},
	} {
		got, _ := b.Error(c.lang, c.err)
		if strings.ReplaceAll(got, "\u00a0", " ") != strings.ReplaceAll(c.want, "\u00a0", " ") {
			t.Errorf("%v: got %q, want %q", c.err, got, c.want)
		}
	}
	if s, h := b.Error("en", nil); s != "" || h != "" {
		t.Errorf("nil: %q %q", s, h)
	}
}

// A hint is the sentence's own, also where it takes no arguments: who asks for a user that is
// not there is not told about numbers of records.
func TestBook_AHintGoesWithItsSentence(t *testing.T) {
	b := book(t)
	for _, c := range []struct {
		reason protocol.Reason
		args   map[string]string
		want   string
	}{
		{protocol.ReasonNotFound, map[string]string{"user": "mina"}, "`dure user list`"},
		{protocol.ReasonNotFound, map[string]string{"token": "mina"}, "`dure token list`"},
		{protocol.ReasonNotFound, map[string]string{"id": "kr-seoul-99"}, "`dure list`"},
		{protocol.ReasonNotOwner, map[string]string{"number": "kr-seoul-9", "deed": "accept", "instead": "withdraw"}, "What you can do in kr-seoul-9"},
	} {
		if _, hint := b.Reason("en", c.reason, c.args); !strings.Contains(hint, c.want) {
			t.Errorf("%s %v: got hint %q, want one with %q", c.reason, c.args, hint, c.want)
		}
	}
}

func TestBook_EveryFaultHasASentence(t *testing.T) {
	b := book(t)
	for _, code := range record.FaultCodes() {
		if !b.Has("fault." + string(code)) {
			t.Errorf("fault %q has no sentence", code)
		}
		for _, lang := range Languages() {
			if got := b.Fault(lang, record.Fault{Code: code}); strings.Contains(got, "no value") {
				t.Errorf("fault %q without arguments in %s: %q", code, lang, got)
			}
		}
	}
	for _, format := range record.Formats() {
		if !b.Has("fault.format." + format) {
			t.Errorf("format %q has no words", format)
		}
	}
	for _, want := range []string{"object", "list", "text", "integer", "boolean", "text_map", "record_id"} {
		if !b.Has("fault.want." + want) {
			t.Errorf("type %q has no words", want)
		}
	}
}

func TestBook_FaultSaysWhatItKnows(t *testing.T) {
	b := book(t)
	for _, c := range []struct {
		fault record.Fault
		want  string
	}{
		{record.Fault{Code: record.FaultRequired}, "This is needed."},
		{record.Fault{Code: record.FaultRequired, Args: map[string]string{"because": "kind", "is": "material"}}, "This is needed because kind is “material”."},
		{record.Fault{Code: record.FaultOutOfRange, Args: map[string]string{"min": "1", "max": "17"}}, "This must lie between 1 and 17."},
		{record.Fault{Code: record.FaultOutOfRange, Args: map[string]string{"max": "17"}}, "This must be at most 17."},
		{record.Fault{Code: record.FaultNotInList, Value: "cair", Args: map[string]string{"list": "themes", "nearest": "care"}}, "“cair” is not in the list themes. Did you mean “care”?"},
		{record.Fault{Code: record.FaultBadFormat, Args: map[string]string{"format": "day"}}, "This must be written as a day such as 2026-12-15."},
		{record.Fault{Code: record.FaultMissingLanguage, Args: map[string]string{"lang": "ko"}}, "The text in the record’s own language (Korean) is missing."},
	} {
		if got := b.Fault("en", c.fault); got != c.want {
			t.Errorf("%v: got %q, want %q", c.fault, got, c.want)
		}
	}
}

func TestBook_EveryChangeHasASentence(t *testing.T) {
	b := book(t)
	for _, what := range charter.Whats() {
		if !b.Has("change." + string(what)) {
			t.Errorf("change %q has no sentence", what)
		}
		// The arguments that Change.Phrase gives for the smallest change of each word.
		args := map[string]string{"member": "kr-seoul", "category": "full", "office": "steering", "feature": "x", "node": "ed123", "fingerprint": "1234 5678 9012"}
		for _, lang := range Languages() {
			if got := b.Change(lang, string(what), args); strings.Contains(got, "no value") {
				t.Errorf("change %q in %s: %q", what, lang, got)
			}
		}
	}
	got := b.Change("ko", "appoint", map[string]string{"member": "서울", "office": "chair_city", "from": "2026-12-15", "to": "2028-12-14"})
	if want := "서울을 2026년 12월 15일부터 2028년 12월 14일까지 의장도시로 정합니다."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBook_EveryWhyOfADecisionHasASentence(t *testing.T) {
	b := book(t)
	raw, err := os.ReadFile("../../protocol/charter/apply.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`Why = "([a-z_]+)"`).FindAllSubmatch(raw, -1)
	if len(found) < 20 {
		t.Fatalf("only %d reasons found", len(found))
	}
	for _, why := range found {
		if !b.Has("why." + string(why[1])) {
			t.Errorf("%q has no sentence", why[1])
		}
	}
}

func TestBook_TermsOfEveryCode(t *testing.T) {
	b := book(t)
	var keys []string
	for _, typ := range record.Types() {
		keys = append(keys, "term.type."+typ, "term.types."+typ)
	}
	for _, office := range []protocol.Office{protocol.OfficeChairCity, protocol.OfficeCoChairGov, protocol.OfficeCoChairSSE, protocol.OfficeSteering, protocol.OfficeHostCity, protocol.OfficeSecretariat} {
		keys = append(keys, "term.office."+string(office))
	}
	for _, kind := range []protocol.MemberKind{protocol.KindCity, protocol.KindRegion, protocol.KindOrganisation} {
		keys = append(keys, "term.kind."+string(kind))
	}
	for _, category := range []protocol.Category{protocol.CategoryFull, protocol.CategoryAssociate, protocol.CategoryAllied, protocol.CategoryHonorary, protocol.CategoryPartner} {
		keys = append(keys, "term.category."+string(category))
	}
	for _, key := range keys {
		if !b.Has(key) {
			t.Errorf("%q is not said", key)
		}
	}
}
