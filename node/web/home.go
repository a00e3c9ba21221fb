package web

import (
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/dure-net/dure/node/api"
)

const homeRecords = 10 // newest records on the first page

// home is the first page: how this node is, who is reached, who is behind, what is new.
type home struct {
	Tone    string // ready, wait or warn; said in words too
	State   string
	Hint    string
	Alerts  []alertLine
	Facts   []string
	Behind  []string // members that are known to lack records
	Members []memberLine
	Records []recordLine
	More    bool
}

// alertLine is something that somebody should know or do.
type alertLine struct {
	Tone string // warn or wait
	Text string
}

type memberLine struct {
	Name    text
	URL     string
	Self    bool
	Tone    string
	Reached string
	Behind  string
	Seen    moment
}

func (s *site) showHome(w http.ResponseWriter, r *http.Request, v *view) error {
	page, err := s.backend.Records(r.Context(), api.RecordQuery{Limit: homeRecords, Sealed: true})
	if err != nil {
		return err
	}
	h := home{More: page.NextCursor != ""}
	for _, rec := range page.Items {
		h.Records = append(h.Records, v.recordLine(rec))
	}
	h.tell(v)
	v.Title, v.Here, v.Data = v.T("web.home.title"), "home", h
	s.render(w, v, http.StatusOK, "home")
	return nil
}

// tell puts the status into sentences.
func (h *home) tell(v *view) {
	st := v.Status
	h.Tone, h.State = "wait", v.T("web.state."+string(st.Node.State))
	switch {
	case st.Node.State == api.StateReadOnly:
		h.Tone, h.Hint = "warn", v.T("web.state.read_only.hint")
	case st.Node.State != api.StateReady:
		h.Hint = v.T("web.state." + string(st.Node.State) + ".hint")
	case st.Catchup.Running && st.Catchup.Known > 0:
		h.State = v.T("web.state.catching_up", "fetched", st.Catchup.Fetched, "known", st.Catchup.Known)
	case st.Ledger.Wanted > 0:
		h.State = v.T("web.state.wanted", "count", st.Ledger.Wanted)
	default:
		h.Tone = "ready"
	}
	if code := st.Node.Reason; code != "" {
		if v.book.Has(code) { // "state.recovering.restored": a key of the catalogue
			h.Hint = v.T(code)
		}
	}
	if rec := st.Recovery; rec != nil && rec.Seen > 0 {
		h.Facts = append(h.Facts, v.T("cli.status.recovery", "count", rec.Needed, "seen", rec.Seen, "done", rec.CaughtUp))
	} else if rec != nil && rec.Others > 0 {
		h.Facts = append(h.Facts, v.T("cli.status.recovery_nobody"))
	}
	if st.Ledger.Damaged > 0 {
		h.Facts = append(h.Facts, v.T("cli.status.damaged", "count", st.Ledger.Damaged))
	}

	for _, a := range st.Alerts {
		h.Alerts = append(h.Alerts, v.alertLine(a))
	}
	others, reached, behind := 0, 0, 0
	for _, m := range st.Members {
		line := v.memberLine(m, st.Member.Handle)
		if !line.Self && m.Status == "member" {
			others++
			if line.Tone != "off" {
				reached++
			}
			if line.Tone == "wait" {
				behind++
				h.Behind = append(h.Behind, v.T("web.behind.member", "member", line.Name.Text, "count", furthest(m)))
			}
		}
		h.Members = append(h.Members, line)
	}
	h.Facts = append(h.Facts, v.T("web.reached", "count", others, "reached", reached))
	if behind == 0 && reached > 0 {
		h.Facts = append(h.Facts, v.T("web.behind.nobody"))
	}
	if st.Ledger.Newest != nil {
		h.Facts = append(h.Facts, v.T("web.newest", "ago", v.book.Ago(v.Lang, *st.Ledger.Newest, v.now)))
	}
	h.Facts = append(h.Facts, v.T("web.holds", "count", st.Ledger.Entries, "size", v.book.Bytes(v.Lang, st.Ledger.Bytes),
		"free", v.book.Bytes(v.Lang, st.Storage.FreeBytes)))
}

func (v *view) alertLine(a api.Alert) alertLine {
	values := map[string]string{"member": a.Member}
	for _, m := range v.Status.Members {
		if name := v.text(m.Names).Text; m.Handle == a.Member && name != "" {
			values["member"] = name
		}
	}
	maps.Copy(values, a.Args)
	line := alertLine{Tone: "wait", Text: v.book.Alert(v.Lang, a.Code, values)}
	if a.Level == api.AlertWarn {
		line.Tone = "warn"
	}
	return line
}

// furthest is how many entries a member's best node lacks; 0 where unknown.
func furthest(m api.MemberStatus) (n uint64) {
	first := true
	for _, node := range m.Nodes {
		if node.Behind != nil && (first || *node.Behind < n) {
			n, first = *node.Behind, false
		}
	}
	return n
}

// memberLine says of one member what is known of its best node. Unknown is said, never
// counted as nothing.
func (v *view) memberLine(m api.MemberStatus, self string) memberLine {
	line := memberLine{Name: v.text(m.Names), URL: "/members/" + url.PathEscape(m.Handle), Self: m.Handle == self, Tone: "off"}
	if line.Name.Text == "" {
		line.Name.Text = m.Handle
	}
	var seen time.Time
	known, connected, relayed := false, false, true
	for _, n := range m.Nodes {
		known = known || n.Behind != nil
		if n.Connected {
			connected, relayed = true, relayed && n.Relayed
		}
		if n.LastSeen != nil && n.LastSeen.After(seen) {
			seen = *n.LastSeen
		}
	}
	switch {
	case line.Self:
		line.Tone, line.Reached = "ready", v.T("web.member.self")
		return line
	case m.Status != "member" && v.book.Has("web.member.status."+m.Status):
		line.Reached = v.T("web.member.status." + m.Status)
	case connected && relayed:
		line.Tone, line.Reached = "ready", v.T("web.member.relayed")
	case connected:
		line.Tone, line.Reached = "ready", v.T("web.member.reached")
	case seen.IsZero():
		line.Reached = v.T("web.member.never")
	default:
		line.Reached = v.T("web.member.away")
	}
	switch n := furthest(m); {
	case !known:
		line.Behind = v.T("web.member.unknown")
	case n > 0:
		line.Behind = v.T("web.member.behind", "count", n)
		if connected {
			line.Tone = "wait"
		}
	default:
		line.Behind = v.T("web.member.even")
	}
	if !connected && !seen.IsZero() {
		line.Seen = v.moment(seen)
	}
	return line
}
