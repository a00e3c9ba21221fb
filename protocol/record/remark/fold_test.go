package remark

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

func TestThreads_QuestionAndReply(t *testing.T) {
	w := newWorld(t, protocol.KindOffer, offer)
	q := w.says("sn-dakar", protocol.KindQuestion, `"text":{"en":"How many?"}`)
	lost := w.says("ca-montreal", protocol.KindReply, `"text":{"en":"To nothing"}`, id("nowhere"))
	if v := w.view(); v.Count.Unanswered != 1 || v.Questions[0].Answered || w.why(lost) != WhyNothing {
		t.Errorf("asked: %s", asJSON(t, v))
	}
	w.says("ca-montreal", protocol.KindReply, `"text":{"en":"I wonder too"}`, q)
	if v := w.view(); v.Count.Unanswered != 1 || len(v.Questions[0].Replies) != 1 || v.Questions[0].Replies[0].Owner {
		t.Errorf("answered by somebody else: %s", asJSON(t, v))
	}
	w.says("kr-seoul", protocol.KindReply, `"text":{"en":"Five"}`, q)
	if v := w.view(); v.Count.Unanswered != 0 || !v.Questions[0].Answered || v.Questions[0].Replies[1].Text["en"] != "Five" || !v.Questions[0].Replies[1].Owner {
		t.Errorf("answered: %s", asJSON(t, v))
	}
	w.says("sn-dakar", protocol.KindRecall, `"reason":{"en":"Found it"}`, q)
	if v := w.view(); v.Count.Questions != 0 || v.Questions[0].State != "recalled" || v.Questions[0].Text != nil || len(v.Questions[0].Replies) != 2 || w.why(q) != WhyRecalled {
		t.Errorf("taken back: %s", asJSON(t, v))
	}
}

func TestThreads_AnErasedQuestionKeepsItsReplies(t *testing.T) {
	w := newWorld(t, protocol.KindOffer, offer)
	q := w.says("sn-dakar", protocol.KindQuestion, "")
	alone := w.says("sn-dakar", protocol.KindQuestion, "")
	w.says("kr-seoul", protocol.KindReply, `"text":{"en":"Five"}`, q)
	if v := w.view(); len(v.Questions) != 1 || v.Questions[0].State != "absent" || v.Count.Questions != 0 || w.why(alone) != WhyAbsent {
		t.Errorf("got %s", asJSON(t, v))
	}
}

func TestRecall_OnlyOwnRemarks(t *testing.T) {
	w := newWorld(t, protocol.KindOffer, offer)
	q := w.says("sn-dakar", protocol.KindQuestion, `"text":{"en":"How many?"}`)
	other := w.says("ca-montreal", protocol.KindRecall, `"reason":{"en":"Not mine"}`, q)
	flag := w.says("int-office", protocol.KindFlag, `"step":"flag","reason":"other","text":{"en":"x"}`)
	noFlag := w.says("int-office", protocol.KindRecall, `"reason":{"en":"x"}`, flag)
	if v := w.view(); v.Count.Questions != 1 || !v.Count.Flagged || w.why(other) != WhyNotOwner || w.why(noFlag) != WhyNothing {
		t.Errorf("got %s", asJSON(t, v))
	}
}

func TestRate_BeyondItIsLeftAside(t *testing.T) {
	w := newWorld(t, protocol.KindOffer, offer)
	for range MaxQuestions - 2 { // about another record
		w.says("sn-dakar", protocol.KindQuestion, `"text":{"en":"x"}`)
		w.said[len(w.said)-1].Of = id("another record")
	}
	var ids []protocol.EntryID
	for range 4 {
		ids = append(ids, w.says("sn-dakar", protocol.KindQuestion, `"text":{"en":"x"}`))
	}
	w.says("ca-montreal", protocol.KindQuestion, `"text":{"en":"x"}`)
	if v := w.view(); v.Count.Questions != 3 || w.why(ids[1]) != "" || w.why(ids[2]) != WhyRate || w.why(ids[3]) != WhyRate {
		t.Errorf("got %s", asJSON(t, v.Count))
	}
	left, again := Room(w.said, "sn-dakar", protocol.KindQuestion, w.now)
	if left != 0 || again.Format(time.RFC3339) != "2026-12-02T00:00:00Z" {
		t.Errorf("room for %d, again %v", left, again)
	}
	if left, _ := Room(w.said, "ca-montreal", protocol.KindQuestion, w.now); left != MaxQuestions-1 {
		t.Errorf("room for %d", left)
	}
	w.now = w.now.Add(24 * time.Hour)
	w.asOf = "2026-12-02"
	next := w.says("sn-dakar", protocol.KindQuestion, `"text":{"en":"x"}`)
	if w.why(next) != "" || w.why(ids[3]) != WhyRate {
		t.Error("another day is another day, and the one before stays as it was")
	}
}

func TestRate_TheFutureIsOneDay(t *testing.T) {
	w := newWorld(t, protocol.KindOffer, offer)
	w.now = w.now.AddDate(0, 1, 0)
	for range MaxQuestions + 5 {
		w.now = w.now.AddDate(0, 0, 1)
		w.says("sn-dakar", protocol.KindQuestion, `"text":{"en":"x"}`)
	}
	if got := w.view().Count.Questions; got != MaxQuestions {
		t.Errorf("claiming a day of the future for each, a member asks %d", got)
	}
	w.asOf = "2028-01-01"
	if got := w.view().Count.Questions; got != MaxQuestions+5 {
		t.Errorf("once those days have come, %d", got)
	}
}

// Who was silent can claim the days of its silence, one after the other. About one record that helps up to a bound.
func TestRate_DaysOfSilenceAreNotEndless(t *testing.T) {
	w := newWorld(t, protocol.KindOffer, offer)
	w.now = w.now.AddDate(0, -6, 0)
	var last protocol.EntryID
	for range 4 * MaxAsked {
		w.now = w.now.Add(3 * time.Hour) // eight a day: within the rate of each
		last = w.says("sn-dakar", protocol.KindQuestion, `"text":{"en":"x"}`)
	}
	w.says("ca-montreal", protocol.KindQuestion, `"text":{"en":"x"}`)
	if got := w.view().Count.Questions; got != MaxAsked+1 || w.why(last) != WhyRate {
		t.Errorf("%d questions count", got)
	}
	if !Asked(w.said, w.about.Record, "sn-dakar") || Asked(w.said, w.about.Record, "ca-montreal") || Asked(w.said, id("another"), "sn-dakar") {
		t.Error("who may ask more is told wrongly")
	}
	w.says("sn-dakar", protocol.KindQuestion, `"text":{"en":"x"}`)
	w.said[len(w.said)-1].Of = id("another record")
	if got := w.view().Count.Questions; got != MaxAsked+1 {
		t.Errorf("with one about another record %d count", got)
	}
}

func TestAdoptions_OnePerMemberTheLatest(t *testing.T) {
	w := newWorld(t, protocol.KindExperience, experience)
	first := w.says("sn-dakar", protocol.KindAdoption, `"changed":{"en":"Less"},"result":"ongoing"`)
	w.says("sn-dakar", protocol.KindAdoption, `"changed":{"en":"Less"},"result":"worked","outcome":{"en":"Well"}`)
	own := w.says("kr-seoul", protocol.KindAdoption, `"changed":{"en":"Me"},"result":"ongoing"`)
	w.says("ca-montreal", protocol.KindEndorsement, `"way":"used_it"`)
	w.says("sn-dakar", protocol.KindEndorsement, `"way":"verified_visit","text":{"en":"We were there"}`)
	v := w.view()
	if v.Count.Adoptions != 1 || v.Adoptions[0].Result != "worked" || v.Count.Results["worked"] != 1 || w.why(first) != WhyReplaced || w.why(own) != WhyOwn {
		t.Errorf("got %s", asJSON(t, v))
	}
	if v.Count.Endorsements != 2 || v.Count.Ways["used_it"] != 1 || v.Count.Ways["verified_visit"] != 1 {
		t.Errorf("got %s", asJSON(t, v.Endorsements))
	}
}

// What a recalled adoption replaced does not come back.
func TestAdoptions_RecalledLeavesNothing(t *testing.T) {
	w := newWorld(t, protocol.KindExperience, experience)
	w.says("sn-dakar", protocol.KindAdoption, `"changed":{"en":"Less"},"result":"ongoing"`)
	last := w.says("sn-dakar", protocol.KindAdoption, `"changed":{"en":"More"},"result":"ongoing"`)
	w.says("sn-dakar", protocol.KindRecall, `"reason":{"en":"x"}`, last)
	if v := w.view(); v.Count.Adoptions != 0 || v.Count.Recalled != 1 {
		t.Errorf("got %s", asJSON(t, v))
	}
}

// A new node of a member begins at 1: what it says after what it knows rules all the same.
func TestLatest_NamingItSupersedesALongerFeed(t *testing.T) {
	w := newWorld(t, protocol.KindProject, project)
	w.seqs["sn-dakar"] = 500
	join := w.says("sn-dakar", protocol.KindPartnership, `"step":"join"`)
	w.says("sn-dakar/2", protocol.KindPartnership, `"step":"leave"`, join)
	if got := w.view().Partners[0]; got.Member != "sn-dakar" || got.State != "left" {
		t.Errorf("got %+v", got)
	}
}

// Two nodes of one member, cut off from each other: the same one rules everywhere.
func TestLatest_CutOffFromEachOther(t *testing.T) {
	w := newWorld(t, protocol.KindProject, project)
	w.says("sn-dakar/2", protocol.KindPartnership, `"step":"leave"`)
	w.seqs["sn-dakar"] = 7
	w.says("sn-dakar", protocol.KindPartnership, `"step":"join"`)
	if got := w.view().Partners[0]; got.State != "partner" {
		t.Errorf("the larger seq rules: got %+v", got)
	}
}

func TestProject_PartnersJoinByTheirOwnSignature(t *testing.T) {
	w := newWorld(t, protocol.KindProject, project)
	states := func() string {
		var out []string
		for _, p := range w.view().Partners {
			out = append(out, p.Member+" "+p.State)
		}
		return strings.Join(out, ", ")
	}
	if got := states(); got != "sn-dakar invited, ca-montreal invited" {
		t.Error(got)
	}
	w.says("sn-dakar", protocol.KindPartnership, `"step":"join","text":{"en":"Training"}`)
	w.says("fr-youth", protocol.KindPartnership, `"step":"join"`)
	w.says("kr-seoul", protocol.KindPartnership, `"step":"join"`)
	if got := states(); got != "sn-dakar partner, ca-montreal invited, fr-youth asking" || w.view().Count.Partners != 1 {
		t.Error(got)
	}
	by := w.says("ca-montreal", protocol.KindUpdate, `"text":{"en":"Not mine"}`, w.about.Current)
	w.says("sn-dakar", protocol.KindUpdate, `"text":{"en":"Three"},"goal":1,"reached":{"value":"3","unit":"C62"}`, w.about.Current)
	kilos := w.says("sn-dakar", protocol.KindUpdate, `"text":{"en":"Three"},"goal":1,"reached":{"value":"3","unit":"KGM"}`, w.about.Current)
	second := w.says("kr-seoul", protocol.KindUpdate, `"text":{"en":"x"},"goal":2,"reached":{"value":"3","unit":"C62"}`, w.about.Current)
	w.says("kr-seoul", protocol.KindUpdate, `"text":{"en":"On time"}`)
	v := w.view()
	if len(v.Updates) != 2 || v.Updates[0].Goals["en"] != "Five" || w.why(by) != WhyNotPartner || w.why(kilos) != WhyNoFit || w.why(second) != WhyNoFit {
		t.Errorf("got %s", asJSON(t, v))
	}
	w.says("sn-dakar", protocol.KindPartnership, `"step":"leave"`)
	w.says("fr-youth", protocol.KindPartnership, `"step":"leave"`)
	if got := states(); got != "sn-dakar left, ca-montreal invited" || len(w.view().Updates) != 2 {
		t.Errorf("%s; what a partner reported stays: %d", got, len(w.view().Updates))
	}
	w.revise(strings.ReplaceAll(strings.Replace(project, `"partners":["sn-dakar","ca-montreal"],`, "", 1), "Five", "Six"))
	if got := w.view().Updates; len(got) != 2 || got[0].Goals["en"] != "Five" {
		t.Errorf("judged by the version it names: %s", asJSON(t, got))
	}
}

func TestTranslations_OutdatedWhenTheTextChanged(t *testing.T) {
	w := newWorld(t, protocol.KindExperience, experience)
	version := `"version":"` + w.about.Current.String() + `",`
	fr := func(who, more string) protocol.EntryID {
		w.says(who, protocol.KindQuestion, `"text":{"en":"x"}`) // something between
		w.seqs[who]++
		w.now = w.now.Add(time.Minute)
		w.said = append(w.said, Said{Entry: id(fmt.Sprint(who, w.seqs[who])), Feed: id(who), Seq: w.seqs[who], Member: who, Kind: protocol.KindTranslation, Time: w.now.UnixMilli(), Of: w.about.Record,
			Body: w.parse(protocol.KindTranslation, `{"type":"translation","lang":"fr",`+version+more+`}`)})
		return id(fmt.Sprint(who, w.seqs[who]))
	}
	old := fr("sn-dakar", `"by_machine":true,"texts":{"title":"Salles"}`)
	fr("sn-dakar", `"texts":{"title":"Salles de lecture"}`)
	fr("ca-montreal", `"texts":{"title":"Salles","lessons":"Leçons"}`)
	wrong := fr("fr-youth", `"texts":{"titre":"Salles"}`)
	v := w.view()
	if len(v.Translations) != 2 || v.Translations[0].ByMachine || v.Translations[0].Outdated || w.why(old) != WhyReplaced || w.why(wrong) != WhyNoFit {
		t.Errorf("got %s", asJSON(t, v))
	}
	w.revise(strings.Replace(experience, `"lessons":{"en":"L"}`, `"lessons":{"en":"More lessons"}`, 1))
	if v := w.view(); v.Translations[0].Outdated || !v.Translations[1].Outdated {
		t.Errorf("only what changed is outdated: %s", asJSON(t, v.Translations))
	}
	delete(w.about.Versions, id("record"))
	if v := w.view(); !v.Translations[0].Outdated {
		t.Error("of a version that is not here, nothing can be said")
	}
}

func TestFlags_BySecretariatAndBack(t *testing.T) {
	w := newWorld(t, protocol.KindOffer, offer)
	nobody := w.says("sn-dakar", protocol.KindFlag, `"step":"flag","reason":"abusive","text":{"en":"I do not like it"}`)
	if v := w.view(); v.Count.Flagged || w.why(nobody) != WhyNoOffice {
		t.Errorf("anybody can fold away: %s", asJSON(t, v))
	}
	w.act = 3
	flag := w.says("int-office", protocol.KindFlag, `"step":"flag","reason":"mistaken","text":{"en":"Twice"}`)
	if v := w.view(); !v.Count.Flagged || v.Flags[0].Reason != "mistaken" || v.Flags[0].Text["en"] != "Twice" {
		t.Errorf("got %s", asJSON(t, v))
	}
	mine := w.says("kr-seoul", protocol.KindFlag, `"step":"lift","text":{"en":"It is not"}`, flag)
	if !w.view().Count.Flagged || w.why(mine) != WhyNoOffice {
		t.Error("the owner lifted it")
	}
	w.says("int-office", protocol.KindFlag, `"step":"lift","text":{"en":"It is not"}`, flag)
	if v := w.view(); v.Count.Flagged || v.Flags[0].Lifted == nil || v.Flags[0].Lifted.Text["en"] != "It is not" {
		t.Errorf("lifted: %s", asJSON(t, v))
	}
	w.says("int-office", protocol.KindFlag, `"step":"flag","reason":"other","text":{"en":"Again"}`)
	if !w.view().Count.Flagged {
		t.Error("another flag is another flag")
	}
	w.lifts = []uint64{3}
	if !w.view().Count.Flagged {
		t.Error("an act that the flag's writer knew does not lift it")
	}
	w.lifts = []uint64{9, 4}
	if v := w.view(); v.Count.Flagged || v.Flags[1].Lifted.Act != 4 {
		t.Errorf("by act: %s", asJSON(t, v))
	}
}

// Who was the secretariat when it flagged needs to be it no longer.
func TestFlags_OfficeAsOfTheEntrysAct(t *testing.T) {
	w := newWorld(t, protocol.KindOffer, offer)
	w.until = 5
	w.act = 5
	w.says("int-office", protocol.KindFlag, `"step":"flag","reason":"other","text":{"en":"x"}`)
	w.act = 6
	late := w.says("int-office", protocol.KindFlag, `"step":"flag","reason":"other","text":{"en":"y"}`)
	if v := w.view(); len(v.Flags) != 1 || w.why(late) != WhyNoOffice {
		t.Errorf("got %s", asJSON(t, v))
	}
}

func TestNotice_AcknowledgementsNameTheMissing(t *testing.T) {
	for _, c := range []struct{ audience, addressed, missing string }{
		{``, "ca-montreal fr-youth sn-dakar", "ca-montreal fr-youth"},
		{`,"audience":"full"`, "ca-montreal sn-dakar", "ca-montreal"},
		{`,"audience":"college","audience_list":["youth","finance"]`, "fr-youth", "fr-youth"},
		{`,"audience":"continent","audience_list":["africa","asia"]`, "sn-dakar", ""},
		{`,"audience":"members","audience_list":["ca-montreal","kr-seoul","it-bologna"]`, "ca-montreal", "ca-montreal"},
	} {
		w := newWorld(t, protocol.KindNotice, fmt.Sprintf(notice, c.audience))
		w.says("sn-dakar", protocol.KindAcknowledgement, `-`)
		again := w.says("sn-dakar", protocol.KindAcknowledgement, `-`)
		own := w.says("kr-seoul", protocol.KindAcknowledgement, `-`)
		n := w.view().Notice
		if got := strings.Join(n.Addressed, " "); got != c.addressed {
			t.Errorf("%s: addressed %q", c.audience, got)
		}
		if got := strings.Join(n.Missing, " "); got != c.missing {
			t.Errorf("%s: missing %q", c.audience, got)
		}
		if len(n.Acknowledged) != 1 || w.why(again) != WhyReplaced || w.why(own) != WhyOwn {
			t.Errorf("%s: %s", c.audience, asJSON(t, n))
		}
	}
}

func TestNotice_UrgentByOfficeAndFiveAMonth(t *testing.T) {
	w := newWorld(t, protocol.KindNotice, fmt.Sprintf(notice, `,"urgent":true`))
	w.about.Notices = []Urgent{{w.about.Record, w.now.UnixMilli()}}
	if n := w.view().Notice; n.Urgent || n.NotUrgent != "no_office" || n.Unofficial {
		t.Errorf("without an office: %s", asJSON(t, n))
	}
	w.about.Owner = "int-office"
	if n := w.view().Notice; !n.Urgent || n.NotUrgent != "" {
		t.Errorf("by the secretariat: %s", asJSON(t, n))
	}
	for i := range record.MaxUrgent - 1 {
		w.about.Notices = append(w.about.Notices, Urgent{id(fmt.Sprint("notice", i)), w.now.Add(-time.Hour).UnixMilli()})
	}
	w.about.Notices = append(w.about.Notices, Urgent{id("month before"), w.now.AddDate(0, -1, 0).UnixMilli()}, Urgent{id("later"), w.now.Add(time.Hour).UnixMilli()})
	if n := w.view().Notice; !n.Urgent {
		t.Errorf("the fifth of the month: %s", asJSON(t, n))
	}
	w.about.Notices = append(w.about.Notices, Urgent{id("one more"), w.now.Add(-time.Minute).UnixMilli()})
	if n := w.view().Notice; n.Urgent || n.NotUrgent != "too_many" {
		t.Errorf("the sixth: %s", asJSON(t, n))
	}
	w.about.Body = w.parse(protocol.KindNotice, strings.Replace(fmt.Sprintf(notice, ""), "news", "assembly_convocation", 1))
	if n := w.view().Notice; !n.Unofficial {
		t.Errorf("the secretariat convokes no assembly: %s", asJSON(t, n))
	}
}

func TestCall_LateByTheOwnersKnowledge(t *testing.T) {
	w := newWorld(t, protocol.KindNotice, call)
	dakar := w.says("sn-dakar", protocol.KindSubmission, `"text":{"en":"We come"}`)
	states := func() string {
		var out []string
		for _, a := range w.view().Call.Answers {
			out = append(out, a.Member+" "+a.State)
		}
		slices.Sort(out)
		return strings.Join(out, ", ")
	}
	w.asOf = "2026-12-25"
	if v := w.view(); !v.Call.Passed || v.Call.Closed != nil || states() != "sn-dakar sent" {
		t.Errorf("the day has passed, and nothing is decided by it: %s", asJSON(t, v.Call))
	}
	forged := w.says("ca-montreal", protocol.KindAcknowledgement, `"closes":true`)
	closing := w.says("kr-seoul", protocol.KindAcknowledgement, `"received":["`+dakar.String()+`"],"closes":true`)
	late := w.says("fr-youth", protocol.KindSubmission, `"text":{"en":"Us too"}`)
	w.says("sn-dakar", protocol.KindSubmission, `"text":{"en":"Anew"}`)
	w.says("kr-seoul", protocol.KindAcknowledgement, `"received":["`+late.String()+`"]`)
	if got := states(); got != "fr-youth late, sn-dakar late, sn-dakar received" || w.why(forged) != WhyNotOwner {
		t.Errorf("got %s", got)
	}
	w.says("kr-seoul/2", protocol.KindAcknowledgement, `"received":["`+late.String()+`"]`, closing)
	if got := states(); got != "fr-youth late, sn-dakar late, sn-dakar received" {
		t.Errorf("another node of the owner, knowing that it is closed: %s", got)
	}
	w.says("kr-seoul/2", protocol.KindAcknowledgement, `"received":["`+late.String()+`"]`)
	if got := states(); got != "fr-youth received, sn-dakar late, sn-dakar received" {
		t.Errorf("a receipt that knew of no closing: %s", got)
	}
}

func TestFold_RemarksAboutTheWrongRecord(t *testing.T) {
	w := newWorld(t, protocol.KindOffer, offer)
	for kind, fields := range map[protocol.Kind]string{
		protocol.KindAdoption: `"changed":{"en":"x"},"result":"ongoing"`, protocol.KindEndorsement: `"way":"read_it"`, protocol.KindPartnership: `"step":"join"`,
		protocol.KindUpdate: `"text":{"en":"x"}`, protocol.KindAcknowledgement: `"closes":true`, protocol.KindSubmission: `"text":{"en":"x"}`,
	} {
		if e := w.says("sn-dakar", kind, fields); w.why(e) != WhyWrongKind {
			t.Errorf("%s about an offer: %q", kind, w.why(e))
		}
	}
	if v := w.view(); v.Notice != nil || v.Call != nil || len(v.Partners) != 0 {
		t.Errorf("got %s", asJSON(t, v))
	}
}

// Random remarks by random members from two nodes each, in any order and with repetitions:
// the same bytes.
func TestFold_SameInAnyOrder(t *testing.T) {
	bodies := map[protocol.Kind]string{protocol.KindExperience: experience, protocol.KindProject: project, protocol.KindOffer: offer, protocol.KindNotice: call}
	fields := map[protocol.Kind][]string{
		protocol.KindQuestion: {`"text":{"en":"x"}`, ""}, protocol.KindReply: {`"text":{"en":"y"}`}, protocol.KindAdoption: {`"changed":{"en":"x"},"result":"ongoing"`, ""},
		protocol.KindEndorsement: {`"way":"read_it"`, `"way":"used_it"`}, protocol.KindPartnership: {`"step":"join"`, `"step":"leave"`},
		protocol.KindUpdate: {`"text":{"en":"x"}`, `"text":{"en":"x"},"goal":1,"reached":{"value":"3","unit":"C62"}`}, protocol.KindSubmission: {`"text":{"en":"x"}`},
		protocol.KindAcknowledgement: {`-`, `"closes":true`, "received"}, protocol.KindFlag: {`"step":"flag","reason":"other","text":{"en":"x"}`, `"step":"lift","text":{"en":"x"}`},
		protocol.KindRecall: {`"reason":{"en":"x"}`}, protocol.KindTranslation: {`"version":"` + id("record").String() + `","texts":{"title":"x"}`},
	}
	var kinds []protocol.Kind
	for k := range fields {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	subjects := []protocol.Kind{protocol.KindExperience, protocol.KindProject, protocol.KindOffer, protocol.KindNotice}
	busy := 0
	for seed := range int64(400) {
		rng := rand.New(rand.NewSource(seed))
		kind := subjects[rng.Intn(len(subjects))]
		w := newWorld(t, kind, bodies[kind])
		w.lifts = []uint64{2}
		var all []protocol.EntryID
		for range 10 + rng.Intn(60) {
			who := []string{"sn-dakar", "sn-dakar/2", "ca-montreal", "fr-youth", "kr-seoul", "kr-seoul/2", "int-office"}[rng.Intn(7)]
			k := kinds[rng.Intn(len(kinds))]
			f := fields[k][rng.Intn(len(fields[k]))]
			var refs []protocol.CID
			for range rng.Intn(3) {
				if len(all) > 0 {
					refs = append(refs, all[rng.Intn(len(all))])
				}
			}
			if f == "received" {
				f = `"closes":true`
				if len(refs) > 0 {
					f = `"received":["` + refs[0].String() + `"]`
				}
			}
			w.act = uint64(rng.Intn(4))
			all = append(all, w.says(who, k, f, refs...))
		}
		want := asJSON(t, w.view())
		if strings.Count(want, `"id"`) > 10 {
			busy++
		}
		for range 4 {
			rng.Shuffle(len(w.said), func(i, j int) { w.said[i], w.said[j] = w.said[j], w.said[i] })
			w.said = append(w.said, w.said[rng.Intn(len(w.said))])
			if got := asJSON(t, w.view()); got != want {
				t.Fatalf("seed %d:\n%s\n%s", seed, got, want)
			}
		}
		shown := 0
		v := w.view()
		for _, one := range [][]string{ids(v.Questions, func(q Question) string { return q.ID }), ids(v.Aside, func(a Aside) string { return a.ID + string(a.Why) })} {
			sorted := slices.Clone(one)
			slices.Sort(sorted)
			if len(slices.Compact(sorted)) != len(one) {
				t.Fatalf("seed %d: shown twice", seed)
			}
			shown += len(one)
		}
	}
	if busy < 100 {
		t.Errorf("only %d views showed anything: the test looks at nothing", busy)
	}
}

func ids[T any](list []T, id func(T) string) (out []string) {
	for _, one := range list {
		out = append(out, id(one))
	}
	return out
}

// A remark lies open: about a listing for chosen members it would tell everybody of it.
func TestFits_NothingAboutWhatIsForChosenMembers(t *testing.T) {
	for kind := range protocol.Kind(255) {
		if kind.IsRemark() && Fits(kind, protocol.KindSealed, "") {
			t.Errorf("a %s fits", kind)
		}
	}
}
