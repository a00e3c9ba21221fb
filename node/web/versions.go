package web

import (
	"net/http"
	"slices"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// history is all that a record has said, on its page.
type history struct {
	Lines []pastLine
	More  string // that older ones are not shown, in words
	Lost  string // that one was written at the same time as another and does not count, in words
	Path  string // where the forms go
	Token string
}

// pastLine is one version.
type pastLine struct {
	Title  text
	Role   string // in words
	Who    text
	When   moment
	Counts bool
	Entry  string
	Key    string // of the form that brings it back; "" where that cannot be
}

const versionForm = "version"

// history is nil for what was never changed.
func (s *site) history(r *http.Request, v *view, rec api.Record) (*history, error) {
	if rec.Revisions == 0 || len(rec.For) > 0 {
		return nil, nil
	}
	all, err := s.backend.Versions(r.Context(), rec.ID)
	if err != nil {
		return nil, err
	}
	may := rec.Member == v.Status.Member.Handle && rec.State == api.RecordPublished && v.May("write")
	h := &history{Path: recordURL(rec) + "/versions", Token: s.sessions.FormToken(r, versionForm)}
	if all.More {
		h.More = v.T("cli.history.more", "count", len(all.Items))
	}
	for _, one := range slices.Backward(all.Items) {
		line := pastLine{Title: v.text(one.Title, one.Lang), Role: v.T("term.version." + one.Role), Who: v.party(one.Member, one.Names), When: v.moment(one.Time), Counts: one.Role == "current", Entry: one.Entry}
		if may && one.Again() {
			line.Key = newKey()
		}
		if one.Role == "rival" {
			h.Lost = v.T("web.versions.lost")
		}
		h.Lines = append(h.Lines, line)
	}
	return h, nil
}

// bringBack publishes an older version once more.
func (s *site) bringBack(w http.ResponseWriter, r *http.Request, v *view) error {
	v.Ref = r.PathValue("ref")
	if err := r.ParseForm(); err != nil {
		return protocol.Fail(protocol.ReasonTooLarge, "read form", err)
	}
	if !s.sessions.FormValid(r, versionForm, r.PostForm.Get("token")) {
		return protocol.Fail(protocol.ReasonForbidden, "read form", nil)
	}
	all, err := s.backend.Versions(r.Context(), v.Ref)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all.Items, func(one api.RecordVersion) bool { return one.Entry == r.PostForm.Get("entry") })
	if i < 0 || all.Items[i].Content == nil {
		return &protocol.Error{Reason: protocol.ReasonNotFound, Op: "bring back version", ID: v.Ref, Args: map[string]string{"ref": v.Ref}}
	}
	d, err := all.Items[i].Draft(v.Ref, all.Current())
	if err != nil {
		return err
	}
	if _, _, err = s.once.Do(r.Context(), r.PostForm.Get("key"), "version "+all.Record, d.Raw, func() (api.Receipt, error) { return s.backend.Publish(r.Context(), d) }); err != nil {
		return err
	}
	http.Redirect(w, r, recordURL(api.Record{ID: all.Record, Number: all.Number})+"#versions", http.StatusSeeOther)
	return nil
}
