package web

import (
	"net/http"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// life is what the owner of an offer or request may do with it on its page.
type life struct {
	Path   string // where the form goes
	Token  string
	Paused bool
	Until  string // YYYY-MM-DD; "" for what has no end
	Latest string // the last day that can be chosen; "" where nothing bounds it
}

const lifeForm = "listing"

// life is nil for what is not this member's, or is over.
func (s *site) life(r *http.Request, v *view, rec api.Record) *life {
	kind, _ := protocol.ParseKind(rec.Type)
	state, _ := rec.Content["state"].(string)
	if kind != protocol.KindOffer && kind != protocol.KindRequest || rec.Member != v.Status.Member.Handle ||
		rec.State != api.RecordPublished || state == "closed" || !v.May("write") {
		return nil
	}
	l := &life{Path: recordURL(rec) + "/state", Token: s.sessions.FormToken(r, lifeForm), Paused: state == "paused"}
	l.Until, _ = rec.Content["valid_until"].(string)
	if window, ok := rec.Content["window"].(map[string]any); ok {
		l.Latest, _ = window["to"].(string)
	}
	return l
}

// adjust does what the owner chose, and shows the record again.
func (s *site) adjust(w http.ResponseWriter, r *http.Request, v *view) error {
	v.Ref = r.PathValue("ref")
	if err := r.ParseForm(); err != nil {
		return protocol.Fail(protocol.ReasonTooLarge, "read form", err)
	}
	if !s.sessions.FormValid(r, lifeForm, r.PostForm.Get("token")) {
		return protocol.Fail(protocol.ReasonForbidden, "read form", nil)
	}
	var a api.Adjustment
	switch what := r.PostForm.Get("what"); what {
	case "pause":
		a.State = "paused"
	case "resume":
		a.State = "published"
	case "fulfilled", "withdrawn", "superseded":
		a.State, a.ClosedAs = "closed", what
	case "extend":
		a.ValidUntil = r.PostForm.Get("until")
	default:
		return &protocol.Error{Reason: protocol.ReasonUsage, Op: "adjust listing", Field: "what"}
	}
	receipt, err := s.backend.Adjust(r.Context(), v.Ref, a)
	if err != nil {
		return err
	}
	http.Redirect(w, r, recordURL(api.Record{ID: receipt.Record, Number: v.Ref}), http.StatusSeeOther)
	return nil
}
