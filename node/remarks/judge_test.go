package remarks

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/node/index/indextest"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/remark"
)

const (
	seoul   = "kr-seoul"
	dakar   = "sn-dakar"
	lyon    = "fr-lyon"
	office  = "int-office" // the secretariat
	project = `{"type":"project","lang":"en","title":{"en":"Care"},"summary":{"en":"S"},"status":"active","themes":["care"],"place":{"country":"KR","label":"Seoul"},
		"starts":"2026-09-01","partners":["sn-dakar"],"goals":[{"text":{"en":"Five"},"target":{"value":"5","unit":"C62"}}]}`
	lessons = `{"type":"experience","lang":"en","title":{"en":"Reading rooms"},"period":{"from":"2019-03-01","to":"2024-12-31"},"place":{"country":"KR","label":"Seoul"},
		"problem":{"en":"P"},"approach":{"en":"A"},"lessons":{"en":"L"},"themes":["care"],"licence":"CC-BY-4.0"}`
	call  = `{"type":"notice","lang":"en","category":"call","title":{"en":"T"},"body":{"en":"B"},"valid_until":"2027-03-31","deadline":"2027-02-20"}`
	offer = `{"type":"offer","lang":"en","kind":"personnel","mode":"mentoring","title":{"en":"T"},"summary":{"en":"S"},"themes":["care"],"effort":{"value":"10","unit":"DAY"},
		"window":{"from":"2027-01-01","to":"2027-02-01"},"delivery":"remote","working_languages":["en"],"return":"gift","valid_until":"2027-01-31"}`
)

// house is a room over a real ledger and index.
type house struct {
	*indextest.Federation
	t    *testing.T
	room Room
	now  time.Time
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, now: time.UnixMilli(0)}
	h.Federation = indextest.New(t, indextest.Member{Handle: seoul, Country: "KR"}, indextest.Member{Handle: dakar, Country: "SN"}, indextest.Member{Handle: lyon, Country: "FR"},
		indextest.Member{Handle: office, Country: "DE", Offices: []protocol.Office{protocol.OfficeSteering, protocol.OfficeChairCity, protocol.OfficeSecretariat}})
	h.now = time.UnixMilli(h.Feeds[seoul].Head().Header().Time).UTC()
	h.room = Room{Index: h.Index, Source: h.Ledger, State: h.State,
		Stands: func(feed protocol.FeedID) (string, uint64) { return h.Owner(feed), index.Unlimited }}
	return h
}

// publishes has a member publish a record, and gives its row.
func (h *house) publishes(member, raw string) index.Row {
	h.t.Helper()
	kind, _ := protocol.ParseKind(strings.Split(raw, `"`)[3])
	body, err := record.Parse(kind, []byte(raw))
	if err != nil {
		h.t.Fatal(record.FaultsOf(err))
	}
	e, err := h.Publish(member, protocol.Header{Kind: kind}, body.Content(), true)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.row(e.ID())
}

func (h *house) row(id protocol.RecordID) index.Row {
	h.t.Helper()
	row, ok, err := h.Index.Record(id)
	if err != nil || !ok {
		h.t.Fatal("no such record", err)
	}
	return row
}

// tries judges a remark; says writes it too.
func (h *house) tries(member string, about index.Row, kind protocol.Kind, fields, to string) (Judged, error) {
	return h.room.Judge(about, Draft{Kind: kind, Raw: []byte(`{"lang":"en"` + fields + `}`), To: to, Member: member, Now: h.now,
		Resolve: func(string) (protocol.RecordID, bool) { return protocol.RecordID{}, false }})
}

func (h *house) says(member string, about index.Row, kind protocol.Kind, fields string) protocol.EntryID {
	h.t.Helper()
	j, err := h.tries(member, about, kind, fields, "")
	if err != nil {
		h.t.Fatalf("%s cannot say %s: %v", member, kind, err)
	}
	e, err := h.Publish(member, protocol.Header{Kind: kind, Of: about.Record, Refs: j.Refs}, j.Remark.Content(), false)
	if err != nil {
		h.t.Fatal(err)
	}
	return e.ID()
}

// inWords holds that a refusal is said in four languages, with what to do.
func inWords(t *testing.T, book *phrase.Book, err error) {
	t.Helper()
	said := map[string]bool{}
	for _, lang := range []string{"ko", "en", "fr", "es"} {
		sentence, hint := book.Error(lang, err)
		if sentence == "" || hint == "" || strings.Contains(sentence+hint, "{{") || strings.Contains(sentence+hint, "<no value>") {
			t.Errorf("%s: %q, %q for %v", lang, sentence, hint, err)
		}
		said[sentence] = true
	}
	if len(said) != 4 {
		t.Errorf("said in %d languages: %v", len(said), err)
	}
}

// Who may say what about whose records; who may not is told why, and what to do instead.
func TestJudge_WhoMaySayWhat(t *testing.T) {
	book, err := phrase.New()
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	p, e, c, o := h.publishes(seoul, project), h.publishes(seoul, lessons), h.publishes(seoul, call), h.publishes(seoul, offer)
	const text = `,"text":{"en":"x"}`
	const report = `,"goal":1,"reached":{"value":"2","unit":"C62"},"text":{"en":"x"}`
	const folds = `,"step":"flag","reason":"other","text":{"en":"x"}`
	for _, one := range []struct {
		member string
		about  index.Row
		kind   protocol.Kind
		fields string
		reason protocol.Reason // ReasonNone: it may
		arg    string          // that names what the sentence is about
	}{
		{dakar, o, protocol.KindQuestion, text, protocol.ReasonNone, ""},
		{seoul, o, protocol.KindQuestion, text, protocol.ReasonConflict, "own"},
		{seoul, o, protocol.KindReply, text, protocol.ReasonNotFound, "nothing"},
		{dakar, o, protocol.KindEndorsement, `,"way":"used_it"`, protocol.ReasonUsage, "unfit"},
		{dakar, e, protocol.KindEndorsement, `,"way":"used_it"`, protocol.ReasonNone, ""},
		{seoul, e, protocol.KindEndorsement, `,"way":"used_it"`, protocol.ReasonConflict, "own"},
		{seoul, e, protocol.KindAdoption, `,"changed":{"en":"x"},"result":"ongoing"`, protocol.ReasonConflict, "own"},
		{dakar, p, protocol.KindPartnership, `,"step":"join"`, protocol.ReasonNone, ""},
		{dakar, p, protocol.KindPartnership, `,"step":"leave"`, protocol.ReasonConflict, "same"},
		{seoul, p, protocol.KindPartnership, `,"step":"join"`, protocol.ReasonConflict, "own"},
		{seoul, p, protocol.KindUpdate, report, protocol.ReasonNone, ""},
		{dakar, p, protocol.KindUpdate, report, protocol.ReasonForbidden, "partners"},
		{dakar, c, protocol.KindSubmission, text, protocol.ReasonNone, ""},
		{seoul, c, protocol.KindSubmission, text, protocol.ReasonConflict, "own"},
		{dakar, p, protocol.KindSubmission, text, protocol.ReasonUsage, "unfit"},
		{dakar, c, protocol.KindAcknowledgement, `,"closes":true`, protocol.ReasonNotOwner, "member"},
		{dakar, o, protocol.KindFlag, folds, protocol.ReasonForbidden, "offices"},
		{office, o, protocol.KindFlag, folds, protocol.ReasonNone, ""},
		{office, o, protocol.KindFlag, `,"step":"lift","text":{"en":"x"}`, protocol.ReasonConflict, "same"},
		{dakar, o, protocol.KindRecall, `,"reason":{"en":"x"}`, protocol.ReasonNotFound, "nothing"},
	} {
		name := fmt.Sprintf("%s, %s of %s%s", one.member, one.kind, one.about.Kind, one.fields)
		_, err := h.tries(one.member, one.about, one.kind, one.fields, "")
		if got := protocol.ReasonOf(err); got != one.reason {
			t.Errorf("%s: %v, want %s", name, err, one.reason)
			continue
		}
		if one.reason == protocol.ReasonNone {
			continue
		}
		var refusal *protocol.Error
		if !errors.As(err, &refusal) || refusal.Args[one.arg] == "" {
			t.Errorf("%s: %+v, want %q named", name, refusal, one.arg)
		}
		inWords(t, book, err)
	}
}

// What a form offers is what would be heard.
func TestMay_OffersWhatWouldBeHeard(t *testing.T) {
	h := newHouse(t)
	p, c, o := h.publishes(seoul, project), h.publishes(seoul, call), h.publishes(seoul, offer)
	may := func(member string, row index.Row) []string {
		t.Helper()
		v, err := h.room.View(row, remark.DayOf(h.now.UnixMilli()))
		if err != nil {
			t.Fatal(err)
		}
		return h.room.May(row, v, member)
	}
	offers := func(member string, row index.Row, want ...string) {
		t.Helper()
		got := may(member, row)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s about a %s: %v, want %v", member, row.Kind, got, want)
		}
	}
	offers(seoul, o, "translation")
	offers(dakar, o, "question", "translation")
	offers(office, o, "question", "translation", "flag")
	offers(seoul, p, "translation", "update")
	offers(dakar, p, "question", "translation", "join")
	h.says(dakar, p, protocol.KindPartnership, `,"step":"join"`)
	offers(dakar, p, "question", "translation", "leave", "update")
	offers(lyon, p, "question", "translation", "join")
	offers(seoul, c, "translation", "close")
	h.says(dakar, o, protocol.KindQuestion, `,"text":{"en":"x"}`)
	offers(seoul, o, "translation", "reply")
	h.says(office, o, protocol.KindFlag, `,"step":"flag","reason":"other","text":{"en":"x"}`)
	offers(office, o, "question", "reply", "translation", "lift")
}

// The rates and totals refuse at home what would be left aside everywhere.
func TestJudge_RatesAndTotals(t *testing.T) {
	book, err := phrase.New()
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	o, other := h.publishes(seoul, offer), h.publishes(seoul, project)
	feed := h.Feeds[dakar]
	for range remark.MaxQuestions {
		h.now = time.UnixMilli(feed.Head().Header().Time).UTC()
		h.says(dakar, o, protocol.KindQuestion, `,"text":{"en":"x"}`)
	}
	h.now = time.UnixMilli(feed.Head().Header().Time).UTC()
	_, err = h.tries(dakar, other, protocol.KindQuestion, `,"text":{"en":"x"}`, "")
	var refusal *protocol.Error
	if !errors.As(err, &refusal) || refusal.Reason != protocol.ReasonBusy || refusal.Args["again"] == "" {
		t.Fatalf("one too many in a day: %v", err)
	}
	inWords(t, book, err)
	if _, err := h.tries(lyon, other, protocol.KindQuestion, `,"text":{"en":"x"}`, ""); err != nil {
		t.Errorf("another member: %v", err)
	}
	h.now = h.now.AddDate(0, 0, 1)
	if _, err := h.tries(dakar, other, protocol.KindQuestion, `,"text":{"en":"x"}`, ""); err != nil {
		t.Errorf("the next day: %v", err)
	}
	for range remark.MaxAsked - remark.MaxQuestions { // whatever days they claim
		if _, err := h.Publish(dakar, protocol.Header{Kind: protocol.KindQuestion, Of: o.Record}, &record.Question{Base: record.Base{Type: "question", Lang: "en"}, Text: record.Text{"en": "x"}}, false); err != nil {
			t.Fatal(err)
		}
	}
	// About one record that is enough, whatever the day.
	h.now = h.now.AddDate(0, 0, 7)
	_, err = h.tries(dakar, o, protocol.KindQuestion, `,"text":{"en":"x"}`, "")
	if !errors.As(err, &refusal) || refusal.Args["asked"] == "" {
		t.Errorf("one too many about a record: %v", err)
	}
	inWords(t, book, err)
	if _, err := h.tries(dakar, other, protocol.KindQuestion, `,"text":{"en":"x"}`, ""); err != nil {
		t.Errorf("about another record: %v", err)
	}
}
