package node

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication"
)

// invitationDays is how long an invitation lives if nobody says otherwise.
const invitationDays = 14

// approvalDays is how long the electors have to approve a rebinding before the waiting
// time of the rules would no longer fit before its end.
const approvalDays = 14

// Decisions implements api.Governor.
func (n *Node) Decisions(context.Context) (api.Decisions, error) {
	s := n.replica.State()
	now := n.opts.Now()
	place := s.Place(charter.ByElectors)
	out := api.Decisions{Act: s.Act().Number, Round: place.Round, Halted: s.Halted() != nil, Electors: s.Electors(charter.ByElectors),
		Needed: s.Need(charter.ByElectors), Acts: []api.Act{}, Open: []api.Decision{}, Applications: []api.Application{}, Invitations: []api.Invitation{}}
	for _, a := range s.Acts() {
		out.Acts = append(out.Acts, api.Act{Number: a.Number, ID: a.ID.String(), Changes: n.showChanges(a.Decision.Changes), Text: a.Decision.Title})
	}
	for _, t := range s.Open() {
		out.Open = append(out.Open, n.showDecision(t))
	}
	for _, a := range s.Applications() {
		if a.Status != charter.ApplicationPending {
			continue
		}
		out.Applications = append(out.Applications, api.Application{ID: a.Entry.String(), Handle: a.Member.Handle, Kind: string(a.Member.Kind),
			Country: a.Member.Country, City: a.Member.City, Names: a.Member.Names, Fingerprint: a.Fingerprint, By: a.InvitedBy, Time: n.claimed(a.Entry)})
	}
	for _, i := range s.Invitations(now.Unix()) {
		if i.By == n.facts.Handle {
			out.Invitations = append(out.Invitations, api.Invitation{Handle: i.Handle, Expires: time.Unix(i.Expires, 0).UTC(),
				Fingerprint: i.Key.Fingerprint(), Used: i.Status == charter.InvitationUsed || i.Status == charter.InvitationApplied})
		}
	}
	return out, nil
}

func (n *Node) showDecision(t charter.Tabled) api.Decision {
	after := ""
	for _, c := range t.Decision.Changes {
		m, ok := n.replica.State().Member(c.Member)
		if c.What == charter.ChangeConfirmRebind && t.Decision.By == charter.ByElectors && ok && m.Rebind != nil && t.Condition == charter.ConditionOpen {
			after = max(after, m.Rebind.Until)
		}
	}
	return api.Decision{After: after, Number: t.Decision.Number, Round: t.Place.Round, ID: t.ID.String(), By: n.tabledBy(t.ID), Changes: n.showChanges(t.Decision.Changes),
		Text: t.Decision.Title, Final: t.Condition == charter.ConditionAct, Stale: t.Condition == charter.ConditionStale,
		For: some(t.Approved), None: some(append(slices.Clone(t.None), t.Elsewhere...)), Missing: some(t.Unheard), Needed: t.Lacking(), Objected: t.Objected}
}

func some(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// tabledBy is the handle of the member in whose chain the decision stands.
func (n *Node) tabledBy(decision protocol.ActID) string {
	e, _, err := n.ledger.Find(decision)
	if err != nil {
		return ""
	}
	return n.replica.Feeds().MemberOf(e.Feed())
}

func (n *Node) claimed(entry protocol.EntryID) time.Time {
	e, _, err := n.ledger.Find(entry)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(e.Header().Time).UTC()
}

func (n *Node) showChanges(list []charter.Change) []api.Change {
	out := make([]api.Change, 0, len(list))
	for _, c := range list {
		a := api.Change{Kind: string(c.What), Member: c.Member, Category: string(c.Category), Office: string(c.Office), From: c.From, To: c.To}
		switch c.What {
		case charter.ChangeAdmit:
			a.Member, a.Category, a.Names = c.Facts.Handle, string(c.Facts.Category), c.Facts.Names
			a.Key = c.Facts.Root.String()
		case charter.ChangeAmendNames:
			a.Names = c.Text
		case charter.ChangeAmendCharter:
			a.Charter = c.Text
		case charter.ChangeAmendRules:
			a.Rules = c.Rules.Name
		case charter.ChangeSettle:
			a.Feed, a.Count, a.Head = c.Stands[0].Feed.String(), c.Stands[0].Count, c.Stands[0].Head.String()
		case charter.ChangeCut:
			a.Key = c.Node.String()
		case charter.ChangeRebind, charter.ChangeConfirmRebind:
			a.Key, a.To = c.Root.String(), c.Until
		case charter.ChangeErase, charter.ChangeUnflag:
			a.Head, a.Why = c.Entry.String(), c.Why
			if row, ok := n.rowOf(c.Entry); ok {
				a.Record = row.Number
			}
		case charter.ChangeFeature:
			a.Feature = c.Feature
		}
		out = append(out, a)
	}
	return out
}

// Decide implements api.Governor.
func (n *Node) Decide(ctx context.Context, p api.Proposal) (api.Decision, error) {
	s := n.replica.State()
	draft := charter.Draft{By: charter.ByElectors, Title: p.Text}
	if p.Assembly {
		draft.By = charter.ByAssembly
	}
	if p.After != "" {
		after, err := protocol.ParseCID(p.After)
		if err != nil {
			return api.Decision{}, &protocol.Error{Reason: protocol.ReasonUsage, Op: "decide", Field: "after", Err: err}
		}
		draft.After = after
	}
	for _, c := range p.Changes {
		change, err := n.change(s, c, p.Assembly)
		if err != nil {
			return api.Decision{}, err
		}
		draft.Changes = append(draft.Changes, change)
	}
	if len(draft.Title) == 0 {
		draft.Title = n.titleOf(draft.Changes)
	}
	return n.table(ctx, draft, !p.NoAnswer)
}

// table publishes a decision and, on wish, answers it with yes where this node can.
func (n *Node) table(ctx context.Context, draft charter.Draft, answer bool) (api.Decision, error) {
	d, err := charter.NewDecision(n.replica.State(), draft)
	if err != nil {
		return api.Decision{}, err
	}
	id, err := n.replica.Acts().Table(ctx, d)
	if err != nil {
		return api.Decision{}, err
	}
	if answer {
		t, ok := n.replica.State().Decision(id)
		if ok && t.Condition == charter.ConditionOpen {
			err := n.replica.Acts().Answer(ctx, t.Place, id)
			switch protocol.ReasonOf(err) {
			case protocol.ReasonNone, protocol.ReasonNotElector, protocol.ReasonNotGoverning:
			case protocol.ReasonConflict, protocol.ReasonKnown:
				// The member has answered this place already: the decision is tabled all the same.
			case protocol.ReasonInvalid:
				// It cannot be answered today: a rebinding waits for its days.
			default:
				return api.Decision{}, err
			}
		}
	}
	return n.decision(id)
}

func (n *Node) decision(id protocol.ActID) (api.Decision, error) {
	t, ok := n.replica.State().Decision(id)
	if !ok {
		return api.Decision{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "show decision", ID: id.String()}
	}
	return n.showDecision(t), nil
}

// titleOf words a decision nobody worded: the sentence of its first change, in every
// language.
func (n *Node) titleOf(changes []charter.Change) protocol.Text {
	out := protocol.Text{}
	if len(changes) == 0 {
		return out
	}
	key, args := changes[0].Phrase()
	values := map[string]any{}
	for k, v := range args {
		values[k] = v
	}
	for _, lang := range phrase.Languages() {
		if row, ok := n.rowOf(changes[0].Entry); ok && (changes[0].What == charter.ChangeErase || changes[0].What == charter.ChangeUnflag) && row.Number != "" {
			out[lang] = n.phrases.Change(lang, string(changes[0].What), map[string]string{"entry": row.Number})
			continue
		}
		out[lang] = n.phrases.Say(lang, key, values)
	}
	return out
}

// change reads a change as programs write it.
func (n *Node) change(s charter.State, c api.Change, assembly bool) (charter.Change, error) {
	bad := func(field string) error {
		return &protocol.Error{Reason: protocol.ReasonUsage, Op: "read change", Field: field, Args: map[string]string{"kind": c.Kind}}
	}
	out := charter.Change{What: charter.What(c.Kind), Member: c.Member}
	var err error
	switch c.Kind {
	case "admit":
		return n.admission(s, c)
	case "suspend", "reinstate":
	case "feature":
		// What this program does not understand it must not switch on for everybody.
		if !slices.Contains(protocol.Features(), c.Feature) {
			return out, &protocol.Error{Reason: protocol.ReasonUsage, Op: "read change", Args: map[string]string{"unknown_feature": c.Feature}}
		}
		out.Feature = c.Feature
	case "remove":
		out.Stands = n.replica.Feeds().Stands(c.Member, protocol.PublicKey{})
	case "categorise":
		out.Category = protocol.Category(c.Category)
	case "appoint":
		out.Office, out.From, out.To = protocol.Office(c.Office), c.From, c.To
	case "end", "end_office":
		out.What, out.Office = charter.ChangeEndOffice, protocol.Office(c.Office)
	case "amend", "amend_names", "amend_charter", "amend_rules":
		switch {
		case len(c.Names) > 0:
			out = charter.Change{What: charter.ChangeAmendNames, Text: c.Names}
		case len(c.Charter) > 0:
			out = charter.Change{What: charter.ChangeAmendCharter, Text: c.Charter}
		case c.Rules != "":
			rules, err := charter.RuleSet(c.Rules)
			if err != nil {
				return out, err
			}
			out = charter.Change{What: charter.ChangeAmendRules, Rules: &rules}
		default:
			return out, bad("names")
		}
	case "cut", "cut_node":
		out.What = charter.ChangeCut
		if out.Node, err = protocol.ParsePublicKey(c.Key); err != nil {
			return out, bad("key")
		}
		out.Stands = n.replica.Feeds().Stands(c.Member, out.Node)
	case "settle":
		if c.Branch != "" {
			f, stand, err := n.chosenBranch(c.Feed, c.Branch)
			if err != nil {
				return out, err
			}
			out.Member, out.Stands = f.Member, []protocol.Stand{stand}
			break
		}
		feed, err1 := protocol.ParseCID(c.Feed)
		head, err2 := protocol.ParseCID(c.Head)
		if err1 != nil || err2 != nil || c.Count == 0 {
			return out, bad("feed")
		}
		out.Stands = []protocol.Stand{{Feed: feed, Count: c.Count, Head: head}}
	case "rebind", "confirm_rebind":
		m, ok := s.Member(c.Member)
		if c.Kind == "confirm_rebind" && c.Key == "" && ok && m.Rebind != nil {
			out.Root = m.Rebind.Root // the key that was announced
		} else if out.Root, err = protocol.ParsePublicKey(c.Key); err != nil {
			return out, bad("key")
		}
		if c.Kind == "rebind" {
			// The electors' approvals must lie a whole waiting time before the end; the
			// assembly's rebinding has none.
			if out.Until = c.To; out.Until == "" && !assembly {
				out.Until = n.opts.Now().UTC().AddDate(0, 0, int(s.Rules().Rebind)+approvalDays).Format(time.DateOnly)
			}
		}
		if c.Close {
			out.Close, out.Stands = true, n.replica.Feeds().Stands(c.Member, protocol.PublicKey{})
		}
	case "erase":
		return n.erasing(c)
	case "unflag":
		row, err := n.index.Lookup(c.Record)
		if err != nil {
			return out, err
		}
		out.Entry, out.Why = row.Record, c.Why
	default:
		return out, bad("kind")
	}
	return out, nil
}

// admission is the admission of a pending application, named by its CID or handle.
func (n *Node) admission(s charter.State, c api.Change) (charter.Change, error) {
	name := c.Application
	if name == "" {
		name = c.Member
	}
	for _, a := range s.Applications() {
		if a.Status != charter.ApplicationPending || (a.Member.Handle != name && a.Entry.String() != name) {
			continue
		}
		facts := a.Member
		facts.Category = protocol.Category(c.Category)
		if facts.Category == "" {
			facts.Category = protocol.CategoryFull
		}
		return charter.Change{What: charter.ChangeAdmit, Facts: &facts, Invitation: a.Invitation}, nil
	}
	return charter.Change{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "find application", ID: name, Args: map[string]string{"handle": name}}
}

// Answer implements api.Governor.
func (n *Node) Answer(ctx context.Context, a api.AnswerRequest) (api.Decision, error) {
	var open []charter.Tabled
	for _, t := range n.replica.State().Open() {
		if t.Decision.Number == a.Number && (a.Decision == "" || strings.HasPrefix(t.ID.String(), a.Decision) || strings.HasSuffix(t.ID.String(), a.Decision)) {
			open = append(open, t)
		}
	}
	switch {
	case len(open) == 0:
		return api.Decision{}, &protocol.Error{Reason: protocol.ReasonNotFound, Op: "answer", ID: a.Decision}
	case len(open) > 1 && !a.None:
		return api.Decision{}, &protocol.Error{Reason: protocol.ReasonAmbiguous, Op: "answer", Args: map[string]string{"count": strconv.Itoa(len(open))}}
	}
	choice := open[0].ID
	if a.None {
		choice = protocol.ActID{}
	}
	if err := n.replica.Acts().Answer(ctx, open[0].Place, choice); err != nil {
		return api.Decision{}, err
	}
	return n.decision(open[0].ID)
}

// Invite implements api.Governor.
func (n *Node) Invite(ctx context.Context, r api.InviteRequest) (api.Invitation, error) {
	s := n.replica.State()
	inv := protocol.Invitation{Federation: n.federation, Name: s.Names(), Node: n.home.Node().Public(), Handle: r.Handle, Addresses: n.addresses()}
	if len(inv.Addresses) == 0 {
		return api.Invitation{}, &protocol.Error{Reason: protocol.ReasonNotRunning, Op: "invite", Err: errNoAddress}
	}
	known, isMember := s.Member(r.Handle)
	if isMember && (r.Known || known.Status == charter.StatusInvited) {
		line, err := inv.Line()
		return api.Invitation{Line: line, Handle: r.Handle}, err
	}
	if err := protocol.CheckHandle(r.Handle); err != nil {
		return api.Invitation{}, err
	}
	if isMember {
		return api.Invitation{}, &protocol.Error{Reason: protocol.ReasonHandleTaken, Op: "invite", Args: map[string]string{"handle": r.Handle}}
	}
	days := r.Days
	if days == 0 {
		days = invitationDays
	}
	expires := n.opts.Now().Add(time.Duration(days) * 24 * time.Hour)
	inv.Expires, inv.Seed = expires.Unix(), make([]byte, 32)
	if _, err := io.ReadFull(random(n.opts.Random), inv.Seed); err != nil {
		return api.Invitation{}, protocol.Fail(protocol.ReasonInternal, "read randomness", err)
	}
	line, err := inv.Line()
	if err != nil {
		return api.Invitation{}, err
	}
	public := protocol.Invited{Key: inv.Key().Public(), Handle: r.Handle, Expires: inv.Expires, Trust: r.Trust}
	if _, err := n.replica.Publish(ctx, replication.Draft{Kind: protocol.KindInvitation, Content: &public}); err != nil {
		return api.Invitation{}, err
	}
	return api.Invitation{Line: line, Handle: r.Handle, Expires: expires.UTC(), Fingerprint: public.Key.Fingerprint()}, nil
}

// admitTrusted admits an applicant whose invitation said that the inviter decides
// alone. It is an act like any other: where more electors are needed it stays open.
func (n *Node) admitTrusted(ctx context.Context, a protocol.Application) error {
	// The word was given for the handle that was invited, and for no other.
	inv, ok := n.replica.State().Invitation(a.Invitation, n.opts.Now().Unix())
	if !ok || inv.Handle != a.Member.Handle {
		return &protocol.Error{Reason: protocol.ReasonPendingApproval, Op: "admit", Args: map[string]string{"handle": a.Member.Handle}}
	}
	facts := a.Member
	facts.Category = protocol.CategoryFull
	change := charter.Change{What: charter.ChangeAdmit, Facts: &facts, Invitation: a.Invitation}
	_, err := n.table(ctx, charter.Draft{By: charter.ByElectors, Title: n.titleOf([]charter.Change{change}), Changes: []charter.Change{change}}, true)
	return err
}
