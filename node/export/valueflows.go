package export

import (
	"bufio"
	"maps"
)

// The vocabularies that a document uses, by prefix. They are names and are never fetched.
const (
	vocabValueFlows = "https://w3id.org/valueflows/ont/vf#"
	vocabSchema     = "https://schema.org/"
	vocabMeasure    = "http://www.ontology-of-units-of-measure.org/resource/om-2/"
	vocabDure       = "urn:dure:term:"
)

// Context is the JSON-LD context of everything this package writes; it stands in every
// document, so that nobody has to ask for it. The map is the caller's.
func Context() map[string]any {
	id := map[string]any{"@type": "@id"}
	text := map[string]any{"@container": "@language"}
	c := map[string]any{
		"vf": vocabValueFlows, "schema": vocabSchema, "om2": vocabMeasure, "dure": vocabDure, "xsd": "http://www.w3.org/2001/XMLSchema#",
		"name": merged(text, "schema:name"), "description": merged(text, "schema:description"), "text": merged(text, "schema:text"),
		"keywords": "schema:keywords", "identifier": "schema:identifier", "inLanguage": "schema:inLanguage",
		"dateModified": typed("schema:dateModified", "xsd:dateTime"), "startDate": typed("schema:startDate", "xsd:date"),
		"endDate": typed("schema:endDate", "xsd:date"), "expires": typed("schema:expires", "xsd:date"),
		"location": "schema:location", "address": "schema:address", "addressCountry": "schema:addressCountry", "geo": "schema:geo",
		"latitude": "schema:latitude", "longitude": "schema:longitude", "url": "schema:url", "license": "schema:license",
		"standing": "dure:standing", "handle": "dure:handle", "entry": merged(id, "dure:entry"),
		"content": nil, // for readers of JSON alone: processors of linked data pass it over
	}
	for _, name := range []string{"publishes", "provider", "receiver", "action", "clauseOf", "fulfills", "satisfies", "inScopeOf"} {
		c[name] = merged(id, "vf:"+name)
	}
	for _, name := range []string{"resourceQuantity", "effortQuantity", "availableQuantity", "minimumQuantity", "resourceClassifiedAs", "purpose", "finished"} {
		c[name] = "vf:" + name
	}
	for _, name := range []string{"hasBeginning", "hasEnd", "due"} {
		c[name] = typed("vf:"+name, "xsd:date")
	}
	c["hasNumericalValue"], c["hasUnit"], c["unitCode"] = typed("om2:hasNumericalValue", "xsd:decimal"), "om2:hasUnit", "schema:unitCode"
	return c
}

func merged(m map[string]any, id string) map[string]any {
	out := maps.Clone(m)
	out["@id"] = id
	return out
}

func typed(id, datatype string) map[string]any { return map[string]any{"@id": id, "@type": datatype} }

// URN is the name of a record, an agreement or any other entry in linked data.
func URN(cid string) string { return "urn:dure:" + cid }

// AgentURN is the name of a member: a handle is one member's within a federation.
func AgentURN(federation, handle string) string { return "urn:dure:" + federation + ":" + handle }

// actions are the ValueFlows actions of the ways in which things are exchanged; by kind
// where a way has none of its own. What is lent comes back, so only its custody moves.
var actions = map[string]string{
	"personnel": "work", "expert_mission": "deliverService", "trainer": "deliverService", "mentoring": "deliverService",
	"material": "transfer", "lend": "transferCustody", "share_use": "use",
	"knowledge": "deliverService", "case_documents": "copy", "software": "copy", "joint_research": "work",
	"space": "use", "finance": "transfer",
}

// Action is the ValueFlows action of a kind of exchange and its mode, as "vf:work".
func Action(kind, mode string) string {
	for _, name := range []string{mode, kind} {
		if a, ok := actions[name]; ok {
			return "vf:" + a
		}
	}
	return "vf:deliverService"
}

// Measure is a quantity with a UN/CEFACT Recommendation 20 code, or an amount of money with
// an ISO 4217 one, given as the object that records have; nil for anything else.
func Measure(v any) map[string]any {
	value, unit, currency := in(v, "value"), in(v, "unit"), in(v, "currency")
	if value == nil || unit == nil && currency == nil {
		return nil
	}
	m := map[string]any{"@type": "om2:Measure", "hasNumericalValue": value}
	if unit != nil {
		m["hasUnit"], m["unitCode"] = unit, unit
	} else {
		m["hasUnit"] = currency
	}
	return m
}

// Document is a whole JSON-LD document of a few nodes, such as one agreement with its
// commitments.
func Document(nodes ...map[string]any) ([]byte, error) {
	graph := make([]any, len(nodes))
	for i, n := range nodes {
		graph[i] = n
	}
	return compact(map[string]any{"@context": Context(), "@graph": graph})
}

// Node is one record in linked data: a listing is a vf:Proposal that publishes one
// vf:Intent, a profile a vf:Organization, a project a vf:Plan, the others what schema.org
// calls them. The whole content stands beside it for readers of JSON, so that nothing is lost.
func Node(federation string, r Record) map[string]any {
	c := r.Content
	agent := AgentURN(federation, r.Member)
	n := map[string]any{"@id": URN(r.ID), "@type": typesOf(r), "identifier": r.ID, "entry": URN(r.Entry), "inScopeOf": agent,
		"dateModified": r.Time.Format("2006-01-02T15:04:05Z"), "standing": r.Standing, "inLanguage": r.Lang}
	if r.Number != "" {
		n["identifier"] = []string{r.Number, r.ID}
	}
	put := func(name string, v any) {
		if v != nil && v != "" {
			n[name] = v
		}
	}
	put("name", c["title"])
	put("description", c["summary"])
	put("text", c["body"])
	put("keywords", c["themes"])
	put("location", placeNode(c["place"]))
	put("license", c["licence"])
	switch r.Type {
	case "offer", "request":
		put("purpose", r.Type)
		put("expires", c["valid_until"])
		if c != nil {
			n["publishes"] = intent(r, agent)
		}
	case "profile":
		put("name", c["names"])
		put("description", c["mission"])
		put("url", c["web"])
		n["handle"] = r.Member
	case "project":
		put("hasBeginning", c["starts"])
		put("hasEnd", c["ends"])
	default:
		put("startDate", c["starts"])
		put("endDate", c["ends"])
		put("expires", c["valid_until"])
	}
	if c != nil {
		n["content"] = c
	}
	return n
}

func typesOf(r Record) []string {
	switch r.Type {
	case "offer":
		return []string{"vf:Proposal", "schema:Offer"}
	case "request":
		return []string{"vf:Proposal", "schema:Demand"}
	case "profile":
		return []string{"vf:Organization", "schema:Organization"}
	case "project":
		return []string{"vf:Plan", "schema:Project"}
	case "experience":
		return []string{"schema:Report"}
	case "notice":
		if category, _ := r.Content["category"].(string); category == "event" {
			return []string{"schema:Event"}
		}
		return []string{"schema:SpecialAnnouncement"}
	}
	return []string{"schema:CreativeWork"}
}

// intent is what a listing wants: its member provides an offer and receives a request.
func intent(r Record, agent string) map[string]any {
	c := r.Content
	kind, _ := c["kind"].(string)
	mode, _ := c["mode"].(string)
	i := map[string]any{"@id": URN(r.ID) + "#intent", "@type": "vf:Intent", "action": Action(kind, mode)}
	if r.Type == "offer" {
		i["provider"] = agent
	} else {
		i["receiver"] = agent
	}
	for name, v := range map[string]map[string]any{"resourceQuantity": Measure(c["quantity"]), "effortQuantity": Measure(c["effort"]), "minimumQuantity": Measure(c["minimum"])} {
		if v != nil {
			i[name] = v
		}
	}
	if m := Measure(c["amount"]); m != nil {
		i["resourceQuantity"] = m
	}
	if from := in(c["window"], "from"); from != nil {
		i["hasBeginning"] = from
	}
	if to := in(c["window"], "to"); to != nil {
		i["hasEnd"] = to
	}
	var classes []any
	for _, name := range []string{"mode", "goods", "cpv"} {
		if v := str(c[name]); v != "" {
			classes = append(classes, vocabDure+name+":"+v)
		}
	}
	i["resourceClassifiedAs"] = classes
	i["finished"] = r.Standing != "open" && r.Standing != "paused"
	return i
}

func placeNode(v any) any {
	label, country := in(v, "label"), in(v, "country")
	if label == nil && country == nil {
		return nil
	}
	p := map[string]any{"@type": "schema:Place", "address": map[string]any{"@type": "schema:PostalAddress", "addressCountry": country, "schema:addressLocality": label}}
	if lat := in(v, "lat"); lat != nil {
		p["geo"] = map[string]any{"@type": "schema:GeoCoordinates", "latitude": lat, "longitude": in(v, "lon")}
	}
	return p
}

// graph is JSON-LD: a context, then the records as nodes.
type graph struct {
	list *list
	h    Head
}

func newGraph(out *bufio.Writer, h Head) (Writer, error) {
	names := map[string]any{}
	for tag, name := range h.Names {
		names[tag] = name
	}
	l, err := newList(out, map[string]any{"@context": Context(), "@id": URN(h.Federation) + "#" + h.Root, "name": names, "dure:asOf": h.AsOf}, "@graph")
	return &graph{l, h}, err
}

func (g *graph) Add(r Record) (bool, error) { return true, g.list.add(Node(g.h.Federation, r)) }
func (g *graph) Close() error               { return g.list.Close() }
