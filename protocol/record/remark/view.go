package remark

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dure-net/dure/protocol/record"
)

// View is what to show of the remarks about one record. Its JSON is an interface: the
// local API gives it as it is. Lists are in the order of the claimed times, which orders
// what is shown and decides nothing; a list that does not apply to the record is empty.
type View struct {
	AsOf  record.Day `json:"as_of"`
	Count Count      `json:"count"`

	Flags        []Flag        `json:"flags" doc:"every flag of the secretariat, lifted ones too"`
	Questions    []Question    `json:"questions"`
	Translations []Translation `json:"translations"`
	Adoptions    []Adoption    `json:"adoptions"`
	Endorsements []Endorsement `json:"endorsements"`
	Partners     []Partner     `json:"partners"`
	Updates      []Update      `json:"updates"`
	Notice       *Notice       `json:"notice,omitempty"`
	Call         *Call         `json:"call,omitempty"`

	Aside []Aside `json:"aside" doc:"remarks that stand and do not count, with the reason"`
}

// Count is the sums of a view.
type Count struct {
	Questions    int            `json:"questions"`
	Unanswered   int            `json:"unanswered" doc:"questions that the owner has not answered"`
	Adoptions    int            `json:"adoptions"`
	Results      map[string]int `json:"results,omitempty" doc:"adoptions by result"`
	Endorsements int            `json:"endorsements"`
	Ways         map[string]int `json:"ways,omitempty" doc:"endorsements by how the writer knows"`
	Partners     int            `json:"partners" doc:"named by the owner and joined by themselves"`
	Recalled     int            `json:"recalled" doc:"remarks taken back by their writers"`
	Flagged      bool           `json:"flagged" doc:"folded away by the secretariat"`
}

// Words is what every remark shown has. Text, where a remark has any, is by language.
type Words struct {
	ID      string            `json:"id" doc:"CID of the remark's entry"`
	Member  string            `json:"member"`
	Time    time.Time         `json:"time,omitzero" doc:"as claimed by the writer"`
	Lang    string            `json:"lang,omitempty"`
	Text    map[string]string `json:"text,omitempty"`
	Machine []string          `json:"machine,omitempty" doc:"languages written by machine"`
}

// Question is a question with its replies. State is asked, recalled, or absent where its
// text is not here; the latter two are shown for their replies.
type Question struct {
	Words
	State    string  `json:"state" enum:"asked,recalled,absent"`
	Answered bool    `json:"answered" doc:"the record's owner has replied"`
	Replies  []Reply `json:"replies"`
}

// Reply answers a question.
type Reply struct {
	Words
	Owner bool `json:"owner" doc:"the record's owner says so"`
}

// Translation is a member's translation of the record into one language.
type Translation struct {
	Words
	ByMachine bool              `json:"by_machine"`
	Version   string            `json:"version" doc:"CID of the entry of the version translated"`
	Outdated  bool              `json:"outdated" doc:"the record has said something else since"`
	Texts     map[string]string `json:"texts" doc:"by the path of the text in the record"`
}

// Adoption says that a member did the same. Text is what it changed.
type Adoption struct {
	Words
	Since   record.Day        `json:"since,omitempty"`
	Result  string            `json:"result"`
	Outcome map[string]string `json:"outcome,omitempty"`
	Project string            `json:"project,omitempty" doc:"CID of a record"`
}

// Endorsement says how a member knows that it is so.
type Endorsement struct {
	Words
	Way string `json:"way"`
}

// Partner is a member of a project. State is partner, invited, asking or left.
type Partner struct {
	Member string            `json:"member"`
	State  string            `json:"state" enum:"partner,invited,asking,left"`
	ID     string            `json:"id,omitempty" doc:"CID of the entry by which it joined or left"`
	Time   *time.Time        `json:"time,omitempty" doc:"as claimed by it"`
	Lang   string            `json:"lang,omitempty"`
	Text   map[string]string `json:"text,omitempty"`
}

// Update tells how a project is getting on.
type Update struct {
	Words
	Goal        uint64              `json:"goal,omitempty" doc:"counted from 1, in the version named"`
	Goals       map[string]string   `json:"goals,omitempty" doc:"that goal in words"`
	Reached     *record.Qty         `json:"reached,omitempty"`
	Attachments []record.Attachment `json:"-"`
}

// Notice is what a notice comes to.
type Notice struct {
	Unofficial   bool     `json:"unofficial" doc:"it needs an office that its writer did not hold"`
	Offices      []string `json:"offices,omitempty" doc:"one of which it needs"`
	Urgent       bool     `json:"urgent" doc:"by an office, and within the month's number of urgent notices"`
	NotUrgent    string   `json:"not_urgent,omitempty" doc:"why a notice that calls itself urgent is not: no_office or too_many"`
	Wanted       bool     `json:"wanted" doc:"the owner wants acknowledgements"`
	Addressed    []string `json:"addressed" doc:"members it is meant for, the owner left out"`
	Acknowledged []Words  `json:"acknowledged"`
	Missing      []string `json:"missing" doc:"members addressed that have not acknowledged it"`
}

// Call is what a call for answers comes to.
type Call struct {
	LastDay record.Day `json:"last_day"`
	Passed  bool       `json:"passed" doc:"the last day is before as_of"`
	Closed  *time.Time `json:"closed,omitempty" doc:"when its owner says it closed the call"`
	Answers []Answer   `json:"answers"`
}

// Answer is a member's answer to a call. State is sent, received or late.
type Answer struct {
	Words
	State       string              `json:"state" enum:"sent,received,late"`
	Records     []string            `json:"records,omitempty" doc:"CIDs of records that belong to it"`
	Attachments []record.Attachment `json:"-"`
}

// Flag is one flag of the secretariat. Text is the reason in words.
type Flag struct {
	Words
	Reason string `json:"reason"`
	Lifted *Lift  `json:"lifted,omitempty"`
}

// Lift is what lifted a flag: an entry, or an act.
type Lift struct {
	Words
	Act uint64 `json:"act,omitempty" doc:"number of the act; 0 where an entry lifted it"`
}

// Why is the reason for which a remark does not count. Append only.
type Why string

const (
	WhyAbsent     Why = "absent"      // what it says is not here, erased, or not valid
	WhyRecalled   Why = "recalled"    // its writer took it back
	WhyReplaced   Why = "replaced"    // the same member said it anew
	WhyRate       Why = "rate"        // beyond what one member may ask or reply in a day
	WhyWrongKind  Why = "wrong_kind"  // such a remark says nothing about such a record
	WhyOwn        Why = "own"         // about the writer's own record
	WhyNotOwner   Why = "not_owner"   // only the owner says so
	WhyNotPartner Why = "not_partner" // neither the owner nor a partner
	WhyNoOffice   Why = "no_office"   // an office is needed for it
	WhyNothing    Why = "nothing"     // what it answers or takes back is not there, or not to be
	WhyNoFit      Why = "no_fit"      // it does not fit the version that it names
)

// Whys lists every reason. The slice is the caller's.
func Whys() []Why {
	return []Why{WhyAbsent, WhyRecalled, WhyReplaced, WhyRate, WhyWrongKind, WhyOwn, WhyNotOwner, WhyNotPartner, WhyNoOffice, WhyNothing, WhyNoFit}
}

// Aside is a remark that does not count.
type Aside struct {
	ID     string    `json:"id"`
	Type   string    `json:"type"`
	Member string    `json:"member"`
	Time   time.Time `json:"time"`
	Why    Why       `json:"why" enum:"absent,recalled,replaced,rate,wrong_kind,own,not_owner,not_partner,no_office,nothing,no_fit"`
}

// Members lists the handles that occur in a view, sorted.
func (v View) Members() []string {
	seen := map[string]bool{}
	add := func(w Words) { seen[w.Member] = true }
	for _, f := range v.Flags {
		add(f.Words)
		if f.Lifted != nil {
			add(f.Lifted.Words)
		}
	}
	for _, q := range v.Questions {
		add(q.Words)
		for _, r := range q.Replies {
			add(r.Words)
		}
	}
	for _, t := range v.Translations {
		add(t.Words)
	}
	for _, a := range v.Adoptions {
		add(a.Words)
	}
	for _, e := range v.Endorsements {
		add(e.Words)
	}
	for _, u := range v.Updates {
		add(u.Words)
	}
	for _, p := range v.Partners {
		seen[p.Member] = true
	}
	if n := v.Notice; n != nil {
		for _, w := range n.Acknowledged {
			add(w)
		}
		for _, handle := range n.Addressed {
			seen[handle] = true
		}
	}
	if v.Call != nil {
		for _, a := range v.Call.Answers {
			add(a.Words)
		}
	}
	for _, a := range v.Aside {
		seen[a.Member] = true
	}
	delete(seen, "")
	return slices.Sorted(maps.Keys(seen))
}

// Find lists the CIDs of the remarks that a CID, or a part of one as people name it, means:
// with or without what all CIDs of entries begin with. Remarks left aside are among them.
func (v View) Find(name string) []string {
	name = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(name)), cidHead)
	seen := map[string]bool{}
	v.each(func(id string) {
		if name != "" && strings.HasPrefix(strings.TrimPrefix(id, cidHead), name) {
			seen[id] = true
		}
	})
	return slices.Sorted(maps.Keys(seen))
}

// cidHead is how every CID of an entry begins.
const cidHead = "bafyrei"

// each gives the id of everything shown.
func (v View) each(yield func(id string)) {
	for _, f := range v.Flags {
		yield(f.ID)
	}
	for _, q := range v.Questions {
		yield(q.ID)
		for _, r := range q.Replies {
			yield(r.ID)
		}
	}
	for _, t := range v.Translations {
		yield(t.ID)
	}
	for _, a := range v.Adoptions {
		yield(a.ID)
	}
	for _, e := range v.Endorsements {
		yield(e.ID)
	}
	for _, u := range v.Updates {
		yield(u.ID)
	}
	for _, p := range v.Partners {
		yield(p.ID)
	}
	if v.Notice != nil {
		for _, w := range v.Notice.Acknowledged {
			yield(w.ID)
		}
	}
	if v.Call != nil {
		for _, a := range v.Call.Answers {
			yield(a.ID)
		}
	}
	for _, a := range v.Aside {
		yield(a.ID)
	}
}
