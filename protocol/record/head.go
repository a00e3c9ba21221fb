package record

import "github.com/dure-net/dure/protocol"

// Head is what a list shows of a record, the same for all types. Fields that the type
// does not have, or that hold something else than expected, are empty.
type Head struct {
	Kind    protocol.Kind
	Lang    string
	Machine []string
	Title   Text // names, for a profile
	Summary Text // mission, for a profile; problem, for an experience without a summary; reason, for a withdrawal

	Status     string // of a project; the state of a listing or an experience, "published" where none is given
	Category   string // kind of a listing, member kind of a profile, category of a notice
	Mode       string
	Goods      string
	Themes     []string
	Country    string
	Place      string // label of the place
	From, To   Day    // window, period, starts and ends, valid_from
	ValidUntil Day    // "" for what has no end
	Standing   bool
	Languages  []string // working languages
	Partners   []string
	Project    protocol.RecordID
}

// HeadOf reads a head from the generic content of a body (protocol.BodyContent), valid
// or not. It never fails. Slices and maps are the caller's.
func HeadOf(kind protocol.Kind, content map[string]any) Head {
	h := Head{
		Kind: kind, Lang: str(content, "lang"), Machine: strs(content, "machine"),
		Title: text(content, "title"), Summary: text(content, "summary"),
		Themes: strs(content, "themes"), Mode: str(content, "mode"), Goods: str(content, "goods"),
		Languages: strs(content, "working_languages"), Partners: strs(content, "partners"),
		ValidUntil: Day(str(content, "valid_until")), Status: str(content, "state"),
	}
	place := mapAt(content, "place")
	h.Country, h.Place = str(place, "country"), str(place, "label")
	h.Standing, _ = content["standing"].(bool)
	h.Project, _ = content["project"].(protocol.CID)
	span := func(m map[string]any, from, to string) { h.From, h.To = Day(str(m, from)), Day(str(m, to)) }
	switch kind {
	case protocol.KindProfile:
		h.Title, h.Summary, h.Category = text(content, "names"), text(content, "mission"), str(content, "kind")
		if c := str(content, "country"); c != "" {
			h.Country = c
		}
	case protocol.KindProject:
		h.Status = str(content, "status")
		span(content, "starts", "ends")
	case protocol.KindExperience:
		span(mapAt(content, "period"), "from", "to")
		if len(h.Summary) == 0 {
			h.Summary = text(content, "problem")
		}
	case protocol.KindOffer, protocol.KindRequest:
		h.Category = str(content, "kind")
		span(mapAt(content, "window"), "from", "to")
	case protocol.KindNotice:
		h.Category, h.Summary = str(content, "category"), text(content, "body")
		span(content, "valid_from", "valid_until")
		if str(content, "starts") != "" {
			span(content, "starts", "ends")
		}
	case protocol.KindWithdraw, protocol.KindDecline, protocol.KindRetraction:
		h.Summary = text(content, "reason")
	case protocol.KindProposal:
		h.Summary, h.Partners, h.ValidUntil = text(content, "terms"), strs(content, "parties"), Day(str(content, "respond_by"))
	case protocol.KindDispute, protocol.KindMediation, protocol.KindFeedback, protocol.KindCancellation:
		h.Summary = text(content, "text")
	case protocol.KindAcceptance, protocol.KindConfirmation, protocol.KindFulfilment, protocol.KindCompletion:
		h.Summary = text(content, "note")
	}
	if kind.IsRemark() {
		h.Summary = text(content, "text")
	}
	switch kind {
	case protocol.KindExperience, protocol.KindOffer, protocol.KindRequest:
		if h.Status == "" {
			h.Status = "published"
		}
	}
	return h
}

// headOf is HeadOf for a record in hand.
func headOf(r Record) Head {
	content, err := generic(r)
	if err != nil {
		return Head{Kind: r.Kind()}
	}
	return HeadOf(r.Kind(), content)
}

func str(m map[string]any, name string) string { s, _ := m[name].(string); return s }

func mapAt(m map[string]any, name string) map[string]any {
	inner, _ := m[name].(map[string]any)
	return inner
}

func strs(m map[string]any, name string) []string {
	var out []string
	list, _ := m[name].([]any)
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func text(m map[string]any, name string) Text {
	inner := mapAt(m, name)
	if len(inner) == 0 {
		return nil
	}
	t := Text{}
	for tag, v := range inner {
		if s, ok := v.(string); ok {
			t[tag] = s
		}
	}
	return t
}
