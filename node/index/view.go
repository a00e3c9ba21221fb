package index

import (
	"encoding/base64"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// State is what can be said of a record's content. Append only.
type State string

const (
	StatePublished State = "published"
	StateWithdrawn State = "withdrawn"
	StateErased    State = "erased"  // the content was erased for good
	StateWanted    State = "wanted"  // the content is on its way
	StateInvalid   State = "invalid" // the content says nothing this node understands
)

// View is a record with its content.
type View struct {
	Row
	State   State
	Time    time.Time       // claimed by the writer of the current version
	Body    protocol.BodyID // of the current version; undefined where it names none
	Lang    string          // the original's language; "" without content
	Head    record.Head     // what lists show; zero without content
	Content map[string]any  // the record's fields for JSON: CIDs as text, bytes as base64; nil where there is nothing to show
	Reason  record.Text     // why it was withdrawn; nil where nothing is said, or not here
	Faults  record.Faults   // what is wrong with the content; only in StateInvalid
}

// View reads the current version of a record, and the withdrawal's reason, from the
// source. A body that is not at hand is a state, not an error; the first of erased,
// withdrawn, wanted, invalid that is so is the state, and a withdrawn record still has
// its content. An entry that is damaged here, and will be fetched again, counts as
// wanted, without time and body: one bad block must not take a list away. An error
// means that the source failed otherwise.
func (x *Index) View(r Row) (View, error) {
	e, err := x.source.Entry(r.Current.Feed, r.Current.FeedSeq)
	return x.viewOf(r, e, err)
}

// viewOf is View with the entry of the current version, or why it could not be read.
func (x *Index) viewOf(r Row, e protocol.Entry, err error) (View, error) {
	v := View{Row: r, State: StateWanted}
	switch {
	case err == nil:
		h := e.Header()
		v.Time, v.Body = time.UnixMilli(h.Time).UTC(), h.Body
		if !r.Erased {
			v.State, err = x.content(&v, e)
		}
	case isMissing(err):
		err = nil
	}
	if err != nil {
		return View{}, err
	}
	if r.Erased {
		v.State = StateErased
	}
	if !r.Withdrawn {
		return v, nil
	}
	if v.State != StateErased {
		v.State, v.Faults = StateWithdrawn, nil
	}
	v.Reason, err = x.reason(r.Withdrawal)
	return v, err
}

// content fills in what the body says, and tells the state that this makes.
func (x *Index) content(v *View, e protocol.Entry) (State, error) {
	raw, state, err := x.body(e)
	if err != nil || state != StatePublished {
		return state, err
	}
	content, err := protocol.BodyContent(raw)
	if err != nil {
		return StateInvalid, nil
	}
	if _, err := record.FromData(v.Kind, content); err != nil {
		v.Faults = record.FaultsOf(err)
		return StateInvalid, nil
	}
	v.Head = record.HeadOf(v.Kind, content)
	v.Lang = v.Head.Lang
	v.Content = plain(content).(map[string]any)
	return StatePublished, nil
}

// body reads a body: StatePublished with its bytes, or why there are none.
func (x *Index) body(e protocol.Entry) ([]byte, State, error) {
	raw, err := x.source.Body(e)
	switch {
	case err == nil && raw == nil:
		return nil, StateInvalid, nil
	case err == nil:
		return raw, StatePublished, nil
	}
	switch {
	case protocol.ReasonOf(err) == protocol.ReasonErased:
		return nil, StateErased, nil
	case isMissing(err):
		return nil, StateWanted, nil
	}
	return nil, "", err
}

// isMissing reports whether bytes are not here now and will be fetched.
func isMissing(err error) bool {
	switch protocol.ReasonOf(err) {
	case protocol.ReasonWanted, protocol.ReasonDamaged, protocol.ReasonNotFound:
		return true
	}
	return false
}

func (x *Index) reason(at Place) (record.Text, error) {
	e, err := x.source.Entry(at.Feed, at.FeedSeq)
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	raw, state, err := x.body(e)
	if err != nil || state != StatePublished {
		return nil, err
	}
	content, err := protocol.BodyContent(raw)
	if err != nil {
		return nil, nil
	}
	return record.HeadOf(protocol.KindWithdraw, content).Summary, nil
}

// plain makes of a body's values what JSON can write; it changes maps and lists in place.
func plain(v any) any {
	switch v := v.(type) {
	case protocol.CID:
		return v.String()
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return v
}
