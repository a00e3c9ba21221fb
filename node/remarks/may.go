package remarks

import (
	"slices"

	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/remark"
)

// May lists what a member may say about a record now, by the names of the remarks and, in
// place of partnership and flag, their steps: join, leave, flag, lift; and close, for the
// owner of a call that is open. It is for showing forms; Judge decides.
func (r Room) May(row index.Row, v remark.View, member string) []string {
	own, over := row.Member == member, row.Withdrawn || row.Erased
	out := []string{}
	if row.Kind == protocol.KindSealed {
		return out // for chosen members: nothing is said openly about it
	}
	add := func(when bool, what ...string) {
		if when {
			out = append(out, what...)
		}
	}
	add(!own && !over, "question")
	add(slices.ContainsFunc(v.Questions, func(q remark.Question) bool { return q.State == "asked" }), "reply")
	add(!over, "translation")
	memory := row.Kind == protocol.KindExperience || row.Kind == protocol.KindCollection
	add(memory && !own && !over, "adoption", "endorsement")
	if row.Kind == protocol.KindProject && !over {
		state := ""
		for _, p := range v.Partners {
			if p.Member == member {
				state = p.State
			}
		}
		in := state == "partner" || state == "asking"
		add(!own && !in, "join")
		add(!own && in, "leave")
		add(own || state == "partner", "update")
	}
	if n := v.Notice; n != nil && !own && !over {
		add(!slices.ContainsFunc(n.Acknowledged, func(w remark.Words) bool { return w.Member == member }), "acknowledgement")
	}
	if c := v.Call; c != nil && !over {
		add(!own, "submission")
		add(own && c.Closed == nil, "close")
	}
	if r.State.Held(r.State.Act(), protocol.OfficeSecretariat, member) {
		add(!v.Count.Flagged, "flag")
		add(v.Count.Flagged, "lift")
	}
	return out
}

// Unreceived lists the answers to a call that its owner has not acknowledged, oldest first.
func Unreceived(v remark.View) []protocol.EntryID {
	var out []protocol.EntryID
	if v.Call == nil {
		return nil
	}
	for _, a := range v.Call.Answers {
		if id, err := protocol.ParseCID(a.ID); err == nil && a.State == "sent" {
			out = append(out, id)
		}
	}
	return out
}

// Waiting is one thing that waits for a member's word.
type Waiting struct {
	What   string      // question, notice, call, closing, invited
	Row    index.Row   // of the record
	Remark string      // CID of the question; "" otherwise
	Member string      // who waits
	Day    record.Day  // by when; "" where nothing says
	Text   record.Text // the question; nil otherwise
	Lang   string
}

// Bounds of what Waiting looks through: the newest records of each sort. Who lets more
// than that wait sees the rest once these are done.
const (
	waitingRecords = 200
	waitingMost    = 100
)

// Waiting lists what waits for a member on a day: questions about its records, notices
// that want to be acknowledged, calls near their last day, own calls to be closed, and
// projects that name it a partner. The oldest record comes last.
func (r Room) Waiting(member string, asOf, near record.Day) ([]Waiting, error) {
	var out []Waiting
	look := func(q index.Query, tell func(index.Row, remark.View)) error {
		q.Limit = min(waitingRecords, index.MaxLimit)
		page, err := r.Index.Page(q)
		if err != nil {
			return err
		}
		for _, row := range page.Rows {
			if len(out) >= waitingMost {
				return nil
			}
			if row.Withdrawn || row.Erased {
				continue
			}
			v, err := r.View(row, asOf)
			if err != nil {
				return err
			}
			tell(row, v)
		}
		return nil
	}
	err := look(index.Query{Member: member}, func(row index.Row, v remark.View) {
		for _, q := range v.Questions {
			if q.State == "asked" && !q.Answered && q.Member != member {
				out = append(out, Waiting{What: "question", Row: row, Remark: q.ID, Member: q.Member, Text: q.Text, Lang: q.Lang})
			}
		}
		if c := v.Call; c != nil && c.Passed && c.Closed == nil {
			out = append(out, Waiting{What: "closing", Row: row, Member: member, Day: c.LastDay})
		}
	})
	if err != nil {
		return nil, err
	}
	err = look(index.Query{Types: []string{"notice"}}, func(row index.Row, v remark.View) {
		if n := v.Notice; row.Member == member || n == nil || !slices.Contains(n.Addressed, member) {
			return
		}
		body, _, err := r.read(row.Current, row.Kind)
		n, ok := body.(*record.Notice)
		if err != nil || !ok || n.ValidUntil < asOf {
			return
		}
		if v.Notice.Wanted && slices.Contains(v.Notice.Missing, member) {
			out = append(out, Waiting{What: "notice", Row: row, Member: row.Member, Day: n.ValidUntil})
		}
		answered := v.Call != nil && slices.ContainsFunc(v.Call.Answers, func(a remark.Answer) bool { return a.Member == member })
		if c := v.Call; c != nil && c.Closed == nil && !c.Passed && c.LastDay <= near && !answered {
			out = append(out, Waiting{What: "call", Row: row, Member: row.Member, Day: c.LastDay})
		}
	})
	if err != nil {
		return nil, err
	}
	err = look(index.Query{Types: []string{"project"}}, func(row index.Row, v remark.View) {
		if slices.ContainsFunc(v.Partners, func(p remark.Partner) bool { return p.Member == member && p.State == "invited" }) {
			out = append(out, Waiting{What: "invited", Row: row, Member: row.Member})
		}
	})
	return out, err
}
