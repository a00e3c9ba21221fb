package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
)

// Exchanger makes, keeps and ends agreements for this member.
type Exchanger interface {
	// Agreements lists threads of proposals, newest arrival first.
	Agreements(ctx context.Context, q AgreementQuery) (AgreementPage, error)

	// Agreement is one thread, named by the short number, CID or prefix of any of its
	// proposals, as of a day (YYYY-MM-DD; empty: today).
	Agreement(ctx context.Context, ref, asOf string) (Agreement, error)

	// Act does one thing in a thread; ref is empty to propose. What would not be heard is
	// ReasonNotOwner or ReasonConflict, with who would be (Args "who") and what this member
	// can do instead (Args "instead").
	Act(ctx context.Context, ref string, d Deed) (Receipt, error)

	// DraftProposal is a proposal made of what a listing says, and, if own is not empty, of
	// what that listing of this member says: content for a Deed. Nothing is written.
	DraftProposal(ctx context.Context, listing, own string) (map[string]any, error)

	// Inbox is what waits for this member, the most urgent first, as of a day.
	Inbox(ctx context.Context, asOf string) (Inbox, error)

	// Unanswered lists open listings that no proposal names: who has waited longest first,
	// then who took part in the fewest completed exchanges of the last 24 months.
	Unanswered(ctx context.Context, q UnansweredQuery) (Unanswered, error)
}

// AgreementQuery selects threads. The zero value is the newest 50 of all.
type AgreementQuery struct {
	Member  string   // handle of a party
	Phases  []string // none means all
	Listing string   // that a version names: number, CID or prefix
	AsOf    string
	Limit   int
	Cursor  string
}

// AgreementPage is one page of threads.
type AgreementPage struct {
	AsOf       string      `json:"as_of"`
	Items      []Agreement `json:"items"`
	NextCursor string      `json:"next_cursor,omitempty"`
}

// Agreement is a thread: proposals and counter-proposals, and what followed. Nodes that hold the same entries give the
// same for the same day; digest is of all that is derived, so that it can be compared.
type Agreement struct {
	ID       string            `json:"id" doc:"CID of the first proposal"`
	Number   string            `json:"number" doc:"short number of the first proposal"`
	Title    map[string]string `json:"title"`
	Lang     string            `json:"lang"`
	Phase    string            `json:"phase" enum:"proposed,accepted,declined,withdrawn,lapsed,in_force,in_progress,disputed,completed,cancelled"`
	AsOf     string            `json:"as_of"`
	Digest   string            `json:"digest" doc:"SHA-256 of the derived state, in hexadecimal"`
	Proposer string            `json:"proposer"`
	Parties  []Party           `json:"parties"`
	Began    string            `json:"began"`
	InForce  string            `json:"in_force,omitempty" doc:"day of the confirmation"`
	Ended    string            `json:"ended,omitempty"`
	Amended  int               `json:"amended,omitempty" doc:"how often"`
	Ruling   string            `json:"ruling,omitempty" doc:"short number of the version that holds"`
	Versions []Version         `json:"versions"`
	Clauses  []ClauseState     `json:"clauses" doc:"of the version that holds; before one is confirmed, of the newest open one, without reports"`
	Asks     []string          `json:"asks,omitempty" doc:"parties that took back their word when it was confirmed already: they ask to cancel"`
	Closed   []string          `json:"closed,omitempty" doc:"while nothing is agreed: short numbers of what the terms name and its owner has closed or withdrawn; it can be agreed all the same"`
	Signed   []string          `json:"signed,omitempty" doc:"parties that signed completion"`
	Cancels  []Cancelled       `json:"cancels,omitempty"`
	Disputes []Dispute         `json:"disputes,omitempty"`
	Feedback []FeedbackGiven   `json:"feedback,omitempty"`
	Pledges  []Pledge          `json:"pledges,omitempty"`
	Choices  []Choice          `json:"choices" doc:"what this member can do now"`
	Waits    []Wait            `json:"waits" doc:"what waits for this member"`
}

// Party is one side of an agreement.
type Party struct {
	Member  string            `json:"member"`
	Names   map[string]string `json:"names,omitempty"`
	Removed bool              `json:"removed,omitempty" doc:"no member of the federation any more"`
}

// Version is one proposal of a thread.
type Version struct {
	ID       string         `json:"id"`
	Number   string         `json:"number"`
	Writer   string         `json:"writer"`
	State    string         `json:"state" enum:"proposed,accepted,countered,declined,withdrawn,lapsed,confirmed,overtaken,outranked"`
	On       string         `json:"on"`
	AnswerBy string         `json:"answer_by"`
	Replaces string         `json:"replaces,omitempty"`
	Amends   string         `json:"amends,omitempty"`
	Accepted []PartyWord    `json:"accepted,omitempty"`
	Declined []PartyWord    `json:"declined,omitempty"`
	Waiting  []string       `json:"waiting,omitempty" doc:"parties that have not answered"`
	Content  map[string]any `json:"content" doc:"the terms, by the schema of proposals"`
}

// PartyWord is one party's entry.
type PartyWord struct {
	Member string `json:"member"`
	Entry  string `json:"entry"`
	On     string `json:"on"`
}

// ClauseState is one clause and what became of it. Quantities are decimals in Unit.
type ClauseState struct {
	No          uint64            `json:"no"`
	State       string            `json:"state" enum:"open,reported,differing,flagged,partly,met,cancelled,dropped,closed"`
	Provider    string            `json:"provider"`
	Receiver    string            `json:"receiver"`
	Action      string            `json:"action"`
	What        map[string]string `json:"what"`
	Promised    string            `json:"promised"`
	Unit        string            `json:"unit"`
	Given       string            `json:"given" doc:"as the provider reports"`
	Received    string            `json:"received" doc:"as the receiver reports"`
	Counted     string            `json:"counted" doc:"the smaller of both"`
	From        string            `json:"from,omitempty"`
	Last        string            `json:"last"`
	Cancellable bool              `json:"cancellable,omitempty" doc:"by itself, because one of its sides was removed from the federation"`
	Reports     []Report          `json:"reports,omitempty"`
}

// Report is one report of fulfilment.
type Report struct {
	Entry    string            `json:"entry"`
	Member   string            `json:"member"`
	Value    string            `json:"value"`
	Unit     string            `json:"unit"`
	Less     bool              `json:"less,omitempty" doc:"taken from what was reported"`
	Corrects string            `json:"corrects,omitempty"`
	Counts   bool              `json:"counts"`
	On       string            `json:"on"`
	Note     map[string]string `json:"note,omitempty"`
}

// Cancelled is one party's cancellation.
type Cancelled struct {
	PartyWord
	Reason  string            `json:"reason"`
	Clauses []uint64          `json:"clauses,omitempty"`
	Text    map[string]string `json:"text,omitempty"`
	Done    map[string]string `json:"done,omitempty"`
}

// Dispute is one party's dispute, and what mediators said.
type Dispute struct {
	PartyWord
	State      string            `json:"state" enum:"open,mediated,resolved,closed"`
	Clause     uint64            `json:"clause,omitempty"`
	Text       map[string]string `json:"text,omitempty"`
	Mediations []Mediation       `json:"mediations,omitempty"`
}

// Mediation is one mediator's word.
type Mediation struct {
	PartyWord
	Closing string            `json:"closing"`
	Text    map[string]string `json:"text,omitempty"`
}

// FeedbackGiven is one party's feedback. While it is hidden, it says only that there is one.
type FeedbackGiven struct {
	PartyWord
	State       string            `json:"state" enum:"hidden,shown"`
	Late        bool              `json:"late,omitempty" doc:"written when the other side's could be read"`
	Outcome     string            `json:"outcome,omitempty"`
	WouldRepeat *bool             `json:"would_repeat,omitempty"`
	Text        map[string]string `json:"text,omitempty"`
	Experience  string            `json:"experience,omitempty"`
}

// Pledge is what a clause takes from an offer or gives to a request.
type Pledge struct {
	Listing   string `json:"listing"`
	Number    string `json:"number,omitempty" doc:"of the listing"`
	Thread    string `json:"thread"`
	Agreement string `json:"agreement,omitempty" doc:"number of the thread"`
	Clause    uint64 `json:"clause"`
	Owner     string `json:"owner"`
	Value     string `json:"value"`
	Unit      string `json:"unit"`
	Signed    string `json:"signed" doc:"the owner's entry that it rests on"`
	Exceeds   bool   `json:"exceeds,omitempty" doc:"there was not enough left for it"`
}

// Stock is what is left of a listing: computed, never stored.
type Stock struct {
	State     string   `json:"state" enum:"uncommitted,partly_committed,fully_committed,over_committed"`
	Total     string   `json:"total"`
	Committed string   `json:"committed"`
	Remaining string   `json:"remaining"`
	Over      string   `json:"over,omitempty" doc:"committed beyond the total"`
	Unit      string   `json:"unit"`
	Pledges   []Pledge `json:"pledges,omitempty" doc:"in the order in which the owner signed"`
}

// Choice is something that this member can do now.
type Choice struct {
	Deed    string   `json:"deed"`
	Version string   `json:"version,omitempty" doc:"number of the proposal that it is about"`
	Target  string   `json:"target,omitempty"`
	Clauses []uint64 `json:"clauses,omitempty"`
}

// Wait is something that waits for this member.
type Wait struct {
	Code    string   `json:"code" enum:"answer,confirm,report,difference,complete,feedback,dispute,ask,mediate,over_committed"`
	Version string   `json:"version,omitempty"`
	Clause  uint64   `json:"clause,omitempty"`
	From    []string `json:"from,omitempty"`
	Day     string   `json:"day,omitempty"`
	Late    bool     `json:"late,omitempty"`
	Text    string   `json:"text" doc:"a sentence, by Accept-Language"`
}

// Inbox is what waits for this member.
type Inbox struct {
	AsOf     string        `json:"as_of"`
	Items    []InboxItem   `json:"items"`
	Records  []Waiting     `json:"records,omitempty" doc:"questions, notices, calls and projects that wait for this member's word"`
	Unread   int           `json:"unread,omitempty" doc:"private messages that nobody has read on this node, among the newest 200"`
	Listings []OverListing `json:"listings,omitempty" doc:"own listings of which more is promised than there is"`
	Searches []SavedSearch `json:"searches,omitempty" doc:"saved searches of whoever asks to which something is new"`
}

// InboxItem is one agreement and what waits in it.
type InboxItem struct {
	ID      string            `json:"id"`
	Number  string            `json:"number"`
	Title   map[string]string `json:"title"`
	Lang    string            `json:"lang"`
	Phase   string            `json:"phase"`
	Parties []Party           `json:"parties"`
	Waits   []Wait            `json:"waits"`
}

// OverListing is an own listing of which more is promised than there is.
type OverListing struct {
	Record Record `json:"record"`
	Stock  Stock  `json:"stock"`
}

// UnansweredQuery selects listings without an answer.
type UnansweredQuery struct {
	Type  string // offer or request; empty: requests
	Pays  string // who bears one of the costs at least: a code of "costs"; empty: all
	AsOf  string
	Limit int
}

// Unanswered are listings without an answer.
type Unanswered struct {
	AsOf  string           `json:"as_of"`
	Items []UnansweredItem `json:"items"`
}

// UnansweredItem is one of them.
type UnansweredItem struct {
	Record    Record `json:"record"`
	Since     string `json:"since" doc:"day on which it was published, as its writer says"`
	Days      int    `json:"days" doc:"that it has waited"`
	Completed int    `json:"completed" doc:"exchanges of its owner completed in the last 24 months"`
}

// Deed is one thing done in a thread. What a deed does not use is left out.
type Deed struct {
	Deed       string            `json:"deed" enum:"propose,counter,accept,confirm,decline,retract,amend,fulfil,cancel,dispute,mediate,complete,feedback"`
	Version    string            `json:"version,omitempty" maxLength:"120" doc:"which proposal, where several could be meant"`
	Proposal   json.RawMessage   `json:"proposal,omitempty" doc:"propose, counter, amend: the terms, by the schema of proposals; thread, replaces and amends are filled in"`
	Edit       *TermsEdit        `json:"edit,omitempty" doc:"counter, amend: the terms at hand with changes, in place of proposal"`
	Text       map[string]string `json:"text,omitempty" doc:"note, reason or account, by language"`
	Done       map[string]string `json:"done,omitempty" doc:"cancel: what was already done"`
	Clause     uint64            `json:"clause,omitempty" doc:"fulfil, dispute"`
	Quantity   string            `json:"quantity,omitempty" maxLength:"20" doc:"fulfil: in the clause's unit; absent: all that is missing"`
	On         string            `json:"on,omitempty" format:"date" doc:"fulfil: absent is today"`
	Corrects   string            `json:"corrects,omitempty" maxLength:"120" doc:"fulfil: CID of an own report"`
	Less       bool              `json:"less,omitempty" doc:"fulfil: what was reported was too much by the quantity"`
	Clauses    []uint64          `json:"clauses,omitempty" maxItems:"20" doc:"cancel: these alone"`
	Reason     string            `json:"reason,omitempty" maxLength:"40" doc:"cancel: code of cancel_reasons"`
	Closing    string            `json:"closing,omitempty" maxLength:"40" doc:"mediate: code of mediation_closings"`
	Outcome    string            `json:"outcome,omitempty" maxLength:"40" doc:"feedback: code of outcomes"`
	Repeat     bool              `json:"would_repeat,omitempty" doc:"feedback"`
	Experience string            `json:"experience,omitempty" maxLength:"120" doc:"feedback: the lessons, written up"`
	Files      []DeedFile        `json:"files,omitempty" maxItems:"8" doc:"fulfil: files that show it, brought by upload-attachment before"`
	Dry        bool              `json:"dry_run,omitempty" doc:"judge it, and write nothing"`
}

// DeedFile is a file that lies here and goes with what is said.
type DeedFile struct {
	ID        string            `json:"id" maxLength:"120"`
	MediaType string            `json:"media_type" maxLength:"120"`
	Bytes     uint64            `json:"bytes"`
	Title     map[string]string `json:"title"`
}

// TermsEdit changes single terms.
type TermsEdit struct {
	Clause    uint64            `json:"clause,omitempty"`
	Quantity  string            `json:"quantity,omitempty" maxLength:"20"`
	Due       string            `json:"due,omitempty" format:"date"`
	RespondBy string            `json:"respond_by,omitempty" format:"date"`
	Terms     map[string]string `json:"terms,omitempty"`
}

func (s *server) agreements() {
	type listing struct {
		Member  string   `query:"member" maxLength:"40" doc:"handle of a party"`
		Phase   []string `query:"phase" enum:"proposed,accepted,declined,withdrawn,lapsed,in_force,in_progress,disputed,completed,cancelled" doc:"one or more, separated by commas"`
		Listing string   `query:"listing" maxLength:"120" doc:"offer or request that a version names"`
		AsOf    string   `query:"as_of" format:"date" doc:"day on which they are judged; today by default. Another day takes a token"`
		Limit   int      `query:"limit" minimum:"1" maximum:"200" default:"50"`
		Cursor  string   `query:"cursor" maxLength:"200"`
	}
	route(s, get(access.Open, "list-agreements", "/agreements", "Proposals and agreements, newest arrival first"),
		func(ctx context.Context, in *listing) (*answer[AgreementPage], error) {
			if err := s.mayTurn(ctx, in.AsOf); err != nil {
				return nil, err
			}
			page, err := s.backend.Agreements(ctx, AgreementQuery{Member: in.Member, Phases: in.Phase, Listing: in.Listing, AsOf: in.AsOf, Limit: in.Limit, Cursor: in.Cursor})
			if page.Items == nil {
				page.Items = []Agreement{}
			}
			return &answer[AgreementPage]{page}, err
		})

	type named struct {
		ID       string `path:"id" maxLength:"120" doc:"number, CID or prefix of any proposal of the thread"`
		AsOf     string `query:"as_of" format:"date" doc:"day on which it is judged; today by default"`
		Language string `header:"Accept-Language"`
	}
	route(s, get(access.Open, "get-agreement", "/agreements/{id}", "One agreement: terms, fulfilment, and what this member can do now"),
		func(ctx context.Context, in *named) (*answer[Agreement], error) {
			a, err := s.backend.Agreement(ctx, in.ID, in.AsOf)
			if err == nil {
				s.wordWaits(in.Language, a.Parties, a.Waits)
			}
			return &answer[Agreement]{a}, err
		})

	type boxed struct {
		AsOf     string `query:"as_of" format:"date"`
		Language string `header:"Accept-Language"`
	}
	route(s, get(access.Read, "inbox", "/inbox", "What waits for this member, the most urgent first"),
		func(ctx context.Context, in *boxed) (*answer[Inbox], error) {
			box, err := s.backend.Inbox(ctx, in.AsOf)
			if box.Items == nil {
				box.Items = []InboxItem{}
			}
			for _, item := range box.Items {
				s.wordWaits(in.Language, item.Parties, item.Waits)
			}
			return &answer[Inbox]{box}, err
		})

	type waiting struct {
		Type  string `query:"type" enum:"offer,request" default:"request"`
		Pays  string `query:"pays" enum:"provider,receiver,shared,negotiable,none" doc:"who bears one of the costs at least"`
		AsOf  string `query:"as_of" format:"date" doc:"as for agreements"`
		Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	route(s, get(access.Open, "list-unanswered", "/unanswered", "Open listings that nobody has answered: the longest wait and the fewest completed exchanges first"),
		func(ctx context.Context, in *waiting) (*answer[Unanswered], error) {
			if err := s.mayTurn(ctx, in.AsOf); err != nil {
				return nil, err
			}
			u, err := s.backend.Unanswered(ctx, UnansweredQuery{Type: in.Type, Pays: in.Pays, AsOf: in.AsOf, Limit: in.Limit})
			if u.Items == nil {
				u.Items = []UnansweredItem{}
			}
			return &answer[Unanswered]{u}, err
		})

	type drafting struct {
		ID  string `path:"id" maxLength:"120" doc:"an offer or a request"`
		Own string `query:"own" maxLength:"120" doc:"this member's listing of the other side"`
	}
	route(s, get(access.Read, "draft-proposal", "/records/{id}/proposal", "A proposal made of what the listings say; nothing is written"),
		func(ctx context.Context, in *drafting) (*answer[map[string]any], error) {
			p, err := s.backend.DraftProposal(ctx, in.ID, in.Own)
			return &answer[map[string]any]{p}, err
		})
}

// mayTurn asks whether the caller may have all agreements judged on another day than today.
// Each such day has all of them folded anew, while the member's own lists wait: it is for
// callers with a token.
func (s *server) mayTurn(ctx context.Context, asOf string) error {
	if asOf == "" {
		return nil
	}
	return s.may(ctx, access.Read)
}

// deeds registers what this member can do about agreements.
func (s *server) deeds() {
	act := func(ctx context.Context, key Keyed, ref string, d Deed) (*created, error) {
		raw, err := json.Marshal(d)
		if err != nil {
			return nil, protocol.Fail(protocol.ReasonMalformed, "act", err)
		}
		if d.Dry {
			receipt, err := s.backend.Act(ctx, ref, d)
			return &created{Status: http.StatusOK, Body: receipt}, err
		}
		out, err := s.write(ctx, key, "act "+ref, raw, func([]byte) (Receipt, error) { return s.backend.Act(ctx, ref, d) })
		if err == nil {
			out.Location = base + "/agreements/" + out.Body.Record
		}
		return out, err
	}
	type proposing struct {
		Keyed
		Dry     bool `query:"dry_run" doc:"judge the terms, tell all faults, and write nothing (200)"`
		RawBody []byte
	}
	op := post(access.Write, "propose", "/agreements", "Propose an exchange; the body is the proposal", http.StatusCreated)
	op.MaxBodyBytes, op.SkipValidateBody = maxDraftBytes, true
	op.RequestBody = &huma.RequestBody{Required: true, Description: "the proposal", Content: map[string]*huma.MediaType{
		"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true,
			Description: "by the schema of proposals; all faults are told at once"}}}}
	routeAs(s, op, func(ctx context.Context, in *proposing) (*created, error) {
		if loneSurrogate(in.RawBody) || !json.Valid(in.RawBody) {
			return nil, protocol.Fail(protocol.ReasonMalformed, "read proposal", nil)
		}
		return act(ctx, in.Keyed, "", Deed{Deed: "propose", Proposal: append(json.RawMessage(nil), in.RawBody...), Dry: in.Dry})
	})

	type acting struct {
		Keyed
		ID   string `path:"id" maxLength:"120" doc:"number, CID or prefix of any proposal of the thread"`
		Body Deed
	}
	op = post(access.Write, "act", "/agreements/{id}/deeds", "Counter, accept, confirm, decline, report, amend, cancel, dispute, complete …", http.StatusCreated)
	op.MaxBodyBytes = maxDraftBytes
	op.Description = "What this member can do now is in `choices` of the agreement. Anything else is refused with who could do it, and what can be done instead."
	routeAs(s, op, func(ctx context.Context, in *acting) (*created, error) {
		if in.Body.Deed == "propose" {
			return nil, &protocol.Error{Reason: protocol.ReasonUsage, Op: "act", Field: "deed"}
		}
		return act(ctx, in.Keyed, in.ID, in.Body)
	})
}

// wordWaits puts what waits into the language of the request.
func (s *server) wordWaits(accept string, parties []Party, waits []Wait) {
	WordWaits(s.phrases.Wait, s.phrases.Match(accept), parties, waits)
}

// WordWaits puts what waits into a language, with the names of those who wait.
func WordWaits(say func(lang, code string, args map[string]string) string, lang string, parties []Party, waits []Wait) {
	for i := range waits {
		waits[i].Text = say(lang, waits[i].Code, waits[i].args(lang, parties))
	}
}

// args are the values of the sentence of what waits.
func (w Wait) args(lang string, parties []Party) map[string]string {
	from := append([]string(nil), w.From...)
	for i, handle := range from {
		for _, p := range parties {
			if name := p.Names[lang]; p.Member == handle && name != "" {
				from[i] = name
			} else if name := p.Names["en"]; p.Member == handle && name != "" {
				from[i] = name
			}
		}
	}
	out := map[string]string{}
	for name, value := range map[string]string{"version": w.Version, "from": strings.Join(from, ", "), "day": w.Day} {
		if value != "" {
			out[name] = value
		}
	}
	if w.Clause != 0 {
		out["clause"] = strconv.FormatUint(w.Clause, 10)
	}
	return out
}
