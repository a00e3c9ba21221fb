// Package remarks gathers what is said about a record from the index and the ledger for
// the fold of protocol/record/remark, and judges what this member wants to say before it is
// written: who may, and what to do instead. It writes nothing itself, decides nothing that
// the fold decides otherwise, and shows nothing to a person.
package remarks

import (
	"slices"
	"time"

	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/protocol/record/remark"
)

// Room reads. It is safe for concurrent use when its fields are, and keeps nothing.
type Room struct {
	Index  *index.Index
	Source index.Source // entries and bodies; the ledger
	State  charter.State

	// Stands says whose a feed is and how many of its first entries count.
	Stands func(protocol.FeedID) (member string, count uint64)
}

// Kinds lists every kind of remark. The slice is the caller's.
func Kinds() []protocol.Kind {
	var out []protocol.Kind
	for _, name := range record.Remarks() {
		kind, _ := protocol.ParseKind(name)
		out = append(out, kind)
	}
	return out
}

// View is what the remarks about a record come to on a day.
func (r Room) View(row index.Row, asOf record.Day) (remark.View, error) {
	subject, said, err := r.gather(row, asOf, Kinds()...)
	if err != nil {
		return remark.View{}, err
	}
	c, err := r.charter(subject)
	return remark.Fold(subject, said, c, asOf), err
}

// Flagged is the flag that folds a record away; nil where none does. It reads far less than View.
func (r Room) Flagged(row index.Row) (*remark.Flag, error) {
	places, err := r.Index.About(row.Record, protocol.KindFlag)
	if err != nil || len(places) == 0 {
		return nil, err
	}
	subject, said, err := r.gather(row, "", protocol.KindFlag)
	if err != nil {
		return nil, err
	}
	v := remark.Fold(subject, said, remark.Charter{Holds: r.State.Held, Lifts: r.lifts(row.Record)}, "")
	for i := range v.Flags {
		if v.Flags[i].Lifted == nil {
			return &v.Flags[i], nil
		}
	}
	return nil, nil
}

// gather reads the subject and what is said about it.
func (r Room) gather(row index.Row, asOf record.Day, kinds ...protocol.Kind) (remark.Subject, []remark.Said, error) {
	s := remark.Subject{Record: row.Record, Kind: row.Kind, Owner: row.Member, Current: row.Current.Entry}
	body, e, err := r.read(row.Current, row.Kind)
	if err != nil {
		return s, nil, err
	}
	if s.Body = body; row.Erased {
		s.Body = nil
	}
	if !e.IsZero() {
		h := e.Header()
		s.Time, s.Act = h.Time, h.Act
	}
	places, err := r.Index.About(row.Record, kinds...)
	if err != nil {
		return s, nil, err
	}
	var said []remark.Said
	for _, p := range bounded(places) {
		one, ok, err := r.said(p)
		if err != nil {
			return s, nil, err
		}
		if ok && one.Of == row.Record {
			said = append(said, one)
		}
	}
	if s.Versions, err = r.versions(row, said); err != nil {
		return s, nil, err
	}
	if n, ok := s.Body.(*record.Notice); ok && n.Urgent {
		if s.Notices, err = r.urgent(row); err != nil {
			return s, nil, err
		}
	}
	if asOf != "" {
		said, err = r.withRate(said, asOf)
	}
	return s, said, err
}

// bounded are the first remark.MaxSaid places of each kind and member, in the order given: what
// one member writes in masses crowds out nothing of others, and costs no more to read. It is
// counted for each kind alone, so that a flag counts whatever else is asked for with it.
func bounded(places []index.Place) []index.Place {
	type who struct {
		member string
		kind   protocol.Kind
	}
	read := map[who]int{}
	return slices.DeleteFunc(places, func(p index.Place) bool {
		w := who{p.Member, p.Kind}
		read[w]++
		return read[w] > remark.MaxSaid
	})
}

// read is the body at a place; nil where it is not here, erased or not valid, and the zero
// entry where that is not here.
func (r Room) read(p index.Place, kind protocol.Kind) (record.Record, protocol.Entry, error) {
	e, err := r.Source.Entry(p.Feed, p.FeedSeq)
	if missing(err) {
		return nil, protocol.Entry{}, nil
	}
	if err != nil {
		return nil, e, err
	}
	raw, err := r.Source.Body(e)
	if missing(err) || err == nil && raw == nil {
		return nil, e, nil
	}
	if err != nil {
		return nil, e, err
	}
	body, err := record.FromBody(kind, raw)
	if err != nil {
		return nil, e, nil
	}
	return body, e, nil
}

// missing reports whether bytes are not here for a reason that is a state and no fault.
func missing(err error) bool {
	switch protocol.ReasonOf(err) {
	case protocol.ReasonWanted, protocol.ReasonDamaged, protocol.ReasonNotFound, protocol.ReasonErased:
		return true
	}
	return false
}

func (r Room) said(p index.Place) (remark.Said, bool, error) {
	body, e, err := r.read(p, p.Kind)
	if err != nil || e.IsZero() {
		return remark.Said{}, false, err
	}
	return saidOf(e, p.Member, body), true, nil
}

func saidOf(e protocol.Entry, member string, body record.Record) remark.Said {
	h := e.Header()
	return remark.Said{Entry: e.ID(), Feed: e.Feed(), Seq: h.Seq, Member: member, Kind: h.Kind, Time: h.Time, Act: h.Act, Of: h.Of, Refs: h.Refs, Body: body}
}

// versions reads the versions that translations and updates name.
func (r Room) versions(row index.Row, said []remark.Said) (map[protocol.EntryID]record.Record, error) {
	named := map[protocol.EntryID]bool{}
	for _, s := range said {
		switch b := s.Body.(type) {
		case *record.Translation:
			named[*b.Version] = true
		case *record.Update:
			for _, id := range s.Refs {
				named[id] = true
			}
		}
	}
	out := map[protocol.EntryID]record.Record{}
	if len(named) == 0 {
		return out, nil
	}
	steps, err := r.Index.History(row.Record)
	for _, step := range steps {
		if err != nil || !named[step.Entry] || step.Kind != row.Kind || step.Role == index.RoleSetAside || step.Erased {
			continue
		}
		var body record.Record
		if body, _, err = r.read(step.Place, step.Kind); body != nil {
			out[step.Entry] = body
		}
	}
	return out, err
}

// charter is what the fold asks of the charter.
func (r Room) charter(about remark.Subject) (remark.Charter, error) {
	c := remark.Charter{Holds: r.State.Held, Lifts: r.lifts(about.Record)}
	n, ok := about.Body.(*record.Notice)
	if !ok {
		return c, nil
	}
	for _, m := range r.State.Members() {
		if m.Status != charter.StatusMember {
			continue
		}
		one := remark.Member{Handle: m.Facts.Handle, Country: m.Facts.Country, Full: m.Facts.Category.Votes()}
		if n.Audience == "college" {
			var err error
			if one.College, err = r.college(one.Handle); err != nil {
				return c, err
			}
		}
		c.Members = append(c.Members, one)
	}
	return c, nil
}

// college is the voting college that follows from what a member's profile says.
func (r Room) college(handle string) (string, error) {
	page, err := r.Index.Page(index.Query{Types: []string{protocol.KindProfile.String()}, Member: handle, Limit: 1})
	if err != nil || len(page.Rows) == 0 {
		return "", err
	}
	body, _, err := r.read(page.Rows[0].Current, protocol.KindProfile)
	if p, ok := body.(*record.Profile); ok && err == nil {
		return record.College(p.Stakeholder), nil
	}
	return "", err
}

// lifts are the numbers of the acts that lift flags of a record.
func (r Room) lifts(id protocol.RecordID) []uint64 {
	var out []uint64
	for _, u := range r.State.Unflaggings() {
		if u.Entry == id {
			out = append(out, u.Act.Number)
		}
	}
	return out
}

// withRate adds what the writers of questions and replies asked and replied elsewhere on
// the same days.
func (r Room) withRate(said []remark.Said, asOf record.Day) ([]remark.Said, error) {
	known := map[protocol.EntryID]bool{}
	days := map[string][]record.Day{}
	for _, s := range said {
		known[s.Entry] = true
		if day := remark.DayOf(s.Time); slices.Contains(remark.Rated(), s.Kind) && !slices.Contains(days[s.Member], day) {
			days[s.Member] = append(days[s.Member], day)
		}
	}
	for member, list := range days {
		for _, day := range list {
			from, to, err := span(day, asOf)
			if err != nil {
				return nil, err
			}
			err = r.during(member, from, to, func(e protocol.Entry) error {
				if slices.Contains(remark.Rated(), e.Kind()) && !known[e.ID()] {
					known[e.ID()] = true
					said = append(said, saidOf(e, member, nil))
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return said, nil
}

// span is the time in which a day's rate is used up: all that is later than the day after
// asOf counts as one day, as in the fold.
func span(day, asOf record.Day) (from, to int64, err error) {
	at, err := time.Parse(time.DateOnly, string(day))
	if err != nil {
		return 0, 0, protocol.Fail(protocol.ReasonInternal, "count questions", err)
	}
	view, err := time.Parse(time.DateOnly, string(asOf))
	if err != nil {
		return 0, 0, &protocol.Error{Reason: protocol.ReasonUsage, Op: "show remarks", Field: "as_of", Err: err}
	}
	if last := view.AddDate(0, 0, 1); at.After(last) {
		return last.AddDate(0, 0, 1).UnixMilli(), protocol.MaxTime + 1, nil
	}
	return at.UnixMilli(), at.AddDate(0, 0, 1).UnixMilli(), nil
}

// during gives the standing entries of a member that claim a time from from to before to.
// A feed's times never fall, so its first one is found by halving.
func (r Room) during(member string, from, to int64, yield func(protocol.Entry) error) error {
	m, ok := r.State.Member(member)
	if !ok {
		return nil
	}
	for _, node := range m.Nodes {
		for _, feed := range node.Feeds {
			owner, count := r.Stands(feed)
			if owner != member {
				continue
			}
			if err := r.stretch(feed, count, from, to, yield); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r Room) stretch(feed protocol.FeedID, count uint64, from, to int64, yield func(protocol.Entry) error) error {
	low, high := uint64(0), count
	for low < high {
		mid := low + (high-low)/2
		e, err := r.Source.Entry(feed, mid)
		switch {
		case missing(err): // it is beyond what is here, or will be fetched again
			high = mid
		case err != nil:
			return err
		case e.Header().Time < from:
			low = mid + 1
		default:
			high = mid
		}
	}
	for ; low < count; low++ {
		e, err := r.Source.Entry(feed, low)
		if missing(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if e.Header().Time >= to {
			return nil
		}
		if err := yield(e); err != nil {
			return err
		}
	}
	return nil
}

// urgent lists the owner's notices of the month in which this one first called itself
// urgent, each with when it first did.
func (r Room) urgent(row index.Row) ([]remark.Urgent, error) {
	own, ok, err := r.firstUrgent(row)
	if err != nil || !ok {
		return nil, err
	}
	out := []remark.Urgent{own}
	at := time.UnixMilli(own.Time).UTC()
	month := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	seen := map[protocol.RecordID]bool{row.Record: true}
	err = r.during(row.Member, month.UnixMilli(), month.AddDate(0, 1, 0).UnixMilli(), func(e protocol.Entry) error {
		id := e.ID()
		if of := e.Header().Of; of.Defined() {
			id = of
		}
		if e.Kind() != protocol.KindNotice || seen[id] {
			return nil
		}
		seen[id] = true
		other, ok, err := r.Index.Record(id)
		if err != nil || !ok || other.Member != row.Member {
			return err
		}
		u, ok, err := r.firstUrgent(other)
		if ok {
			out = append(out, u)
		}
		return err
	})
	return out, err
}

// firstUrgent is when a notice first called itself urgent; of versions written at once,
// the earlier by claimed time.
func (r Room) firstUrgent(row index.Row) (remark.Urgent, bool, error) {
	steps, err := r.Index.History(row.Record)
	if err != nil {
		return remark.Urgent{}, false, err
	}
	u, found := remark.Urgent{Record: row.Record}, false
	for _, step := range steps {
		if step.Kind != protocol.KindNotice || step.Role == index.RoleSetAside {
			continue
		}
		body, e, err := r.read(step.Place, step.Kind)
		if err != nil {
			return u, false, err
		}
		if n, ok := body.(*record.Notice); ok && n.Urgent && (!found || e.Header().Time < u.Time) {
			u.Time, found = e.Header().Time, true
		}
	}
	return u, found, nil
}
