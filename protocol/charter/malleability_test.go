package charter

import (
	"bytes"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/protocoltest"
)

// Whatever a decoder accepts, it writes again as the same bytes.
func malleable[T any](f *testing.F, decode func([]byte) (T, error), seeds ...any) {
	for _, s := range seeds {
		f.Add(body(f, s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := decode(raw)
		if err != nil {
			return
		}
		var salt struct {
			Data any           `cbor:"data"`
			Salt protocol.Salt `cbor:"salt"`
		}
		if err := protocol.Decode(raw, &salt); err != nil {
			t.Fatal(err)
		}
		again, err := protocol.EncodeBody(salt.Salt, v)
		if err != nil || !bytes.Equal(again, raw) {
			t.Fatalf("accepted %x, writes %x (%v)", raw, again, err)
		}
	})
}

func samples() (d Decision, a Answer, c Certificate, r Round) {
	fed, other := protocol.Sum([]byte("federation")), protocol.Sum([]byte("other"))
	facts, rules := city("city-x"), ruleSets()["bylaws-2025"]
	key := protocoltest.Key("key").Public()
	d = Decision{Number: 2, Prev: fed, Cert: other, By: ByElectors, Title: title("title"), Reason: title("reason"), Changes: []Change{
		{What: ChangeAdmit, Facts: &facts, Invitation: key},
		{What: ChangeRemove, Member: "city-b", Stands: []protocol.Stand{{Feed: other, Count: 3, Head: fed}, {Feed: fed}}, Why: title("why")},
		{What: ChangeAmendRules, Rules: &rules},
		{What: ChangeAppoint, Member: "city-b", Office: protocol.OfficeSteering, From: "2026-01-01", To: "2027-12-31"},
		{What: ChangeRebind, Member: "city-b", Root: key, Until: "2027-01-01"},
		{What: ChangeErase, Entry: other},
	}}
	ap := Approval{Root: key, Node: protocoltest.Key("node").Public(), Designation: 3, Day: today}
	a = Answer{Number: 2, Round: 1, Prev: fed, By: ByAssembly, Decision: other, Approval: ap}
	c = Certificate{Decision: fed, Round: 1, Closing: other, Approvals: []Approval{ap}}
	r = Round{Number: 2, Prev: fed, Cert: other, By: ByElectors, Answers: []Choice{{Approval: ap}}}
	return d, a, c, r
}

func FuzzMalleability_Decision(f *testing.F) {
	d, _, _, _ := samples()
	malleable(f, DecodeDecision, d, Decision{Number: 1, Prev: d.Prev, By: ByAssembly, Title: d.Title})
}

func FuzzMalleability_Answer(f *testing.F) {
	_, a, _, _ := samples()
	none := a
	none.Decision, none.Round = protocol.BodyID{}, 0
	malleable(f, DecodeAnswer, a, none)
}

func FuzzMalleability_Certificate(f *testing.F) {
	_, _, c, _ := samples()
	malleable(f, DecodeCertificate, c)
}

func FuzzMalleability_Round(f *testing.F) {
	_, _, _, r := samples()
	conflict := Round{Number: 1, Prev: r.Prev, By: ByAssembly, Conflict: []protocol.BodyID{r.Prev, r.Cert}}
	if r.Cert.KeyString() < r.Prev.KeyString() {
		conflict.Conflict = []protocol.BodyID{r.Cert, r.Prev}
	}
	malleable(f, DecodeRound, r, conflict)
}

func FuzzMalleability_Statement(f *testing.F) {
	fed := protocol.Sum([]byte("federation"))
	s, err := protocol.Statement{Federation: fed, Purpose: protocol.PurposeGovern, Node: protocoltest.Key("node").Public(), Number: 1}.Sign(protocoltest.Key("root"))
	if err != nil {
		f.Fatal(err)
	}
	malleable(f, func(raw []byte) (protocol.Statement, error) { return DecodeStatement(fed, raw) }, s)
}

// The seeds of the fuzz targets are accepted, so that the targets test something.
func TestDecode_AcceptsWhatIsWritten(t *testing.T) {
	d, a, c, r := samples()
	for name, err := range map[string]error{
		"decision":    second(DecodeDecision(body(t, d))),
		"answer":      second(DecodeAnswer(body(t, a))),
		"certificate": second(DecodeCertificate(body(t, c))),
		"round":       second(DecodeRound(body(t, r))),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestDecode_Refusals(t *testing.T) {
	d, a, c, r := samples()
	with := func(content any, field string, value any) []byte {
		raw := body(t, content)
		m, err := protocol.BodyContent(raw)
		if err != nil {
			t.Fatal(err)
		}
		m[field] = value
		return body(t, m)
	}
	unknownChange := d
	unknownChange.Changes = []Change{{What: "dissolve", Member: "city-a"}}
	misfit := d
	misfit.Changes = []Change{{What: ChangeSuspend, Member: "city-a", Category: protocol.CategoryFull}}
	settleTwo := d
	settleTwo.Changes = []Change{{What: ChangeSettle, Member: "city-a", Stands: d.Changes[1].Stands}}
	badDay := a
	badDay.Day = "2026-2-3"
	many := d
	for range protocol.MaxSet {
		many.Changes = append(many.Changes, d.Changes[0])
	}
	noTitle := d
	noTitle.Title = nil
	for name, c := range map[string]struct {
		err  error
		want protocol.Reason
	}{
		"a field of a newer decision":    {second(DecodeDecision(with(d, "zeal", uint64(1)))), protocol.ReasonTooNew},
		"a field of a newer answer":      {second(DecodeAnswer(with(a, "zeal", uint64(1)))), protocol.ReasonTooNew},
		"a field of a newer certificate": {second(DecodeCertificate(with(c, "zeal", uint64(1)))), protocol.ReasonTooNew},
		"a field of a newer round":       {second(DecodeRound(with(r, "zeal", uint64(1)))), protocol.ReasonTooNew},
		"a zero that should be absent":   {second(DecodeRound(with(r, "round", uint64(0)))), protocol.ReasonNonCanonical},
		"a change of a newer node":       {second(DecodeDecision(body(t, unknownChange))), protocol.ReasonTooNew},
		"fields that do not fit":         {second(DecodeDecision(body(t, misfit))), protocol.ReasonMalformed},
		"two branches chosen":            {second(DecodeDecision(body(t, settleTwo))), protocol.ReasonMalformed},
		"too many changes":               {second(DecodeDecision(body(t, many))), protocol.ReasonTooLarge},
		"no title":                       {second(DecodeDecision(body(t, noTitle))), protocol.ReasonMalformed},
		"a day that is none":             {second(DecodeAnswer(body(t, badDay))), protocol.ReasonMalformed},
		"bytes behind":                   {second(DecodeAnswer(append(body(t, a), 0))), protocol.ReasonMalformed},
		"too large":                      {second(DecodeAnswer(make([]byte, protocol.MaxBodyBytes+1))), protocol.ReasonTooLarge},
	} {
		t.Run(name, func(t *testing.T) { reason(t, c.err, c.want) })
	}
}

func TestDecision_TooNewIsShownAndNotJudged(t *testing.T) {
	w := newWorld(t, 1, nil)
	id := w.carry(protocol.KindDecision, map[string]any{"n": uint64(1), "prev": w.fed, "by": "electors", "title": map[string]any{"en": "newer"}, "zeal": uint64(1)})
	w.carry(protocol.KindCertificate, w.forged(id, w.place(ByElectors), "city-a"))
	s := w.state()
	if s.Act().Number != 0 || len(s.TooNew()) != 1 || s.TooNew()[0] != id || len(s.Missing()) != 0 {
		t.Fatalf("act %d, too new %v, missing %v", s.Act().Number, s.TooNew(), s.Missing())
	}
}

func TestChange_PhraseOfEveryWord(t *testing.T) {
	facts := city("city-x")
	for _, what := range Whats() {
		c := Change{What: what, Member: "city-a", Facts: &facts, Stands: []protocol.Stand{{Count: 3}}}
		key, args := c.Phrase()
		if key != "change."+string(what) || args["member"] == "" {
			t.Errorf("%s: %s %v", what, key, args)
		}
		(Change{What: what}).Phrase() // an unchecked change must not panic
	}
}
