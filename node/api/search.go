package api

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// Sort is the order of a list of records. Append only; the strings are an interface.
type Sort string

const (
	SortNewest    Sort = "newest"    // newest arrival first
	SortRelevance Sort = "relevance" // best first, of what has the words
	SortClosing   Sort = "closing"   // what ends soonest first, without what has no end
	SortDistance  Sort = "distance"  // nearest first, of what is near
)

// Circle is a place and how far round it.
type Circle struct{ Lat, Lon, Km float64 }

// DefaultKm is how far "near" goes where nobody says.
const DefaultKm = 50

// RecordQuery selects records: those that meet all that it says. The zero value is the
// newest DefaultLimit of all.
type RecordQuery struct {
	Types  []string            // record.Types(); none means all
	Member string              // handle; empty means all
	Text   string              // words that people type; all are to be found
	Where  map[string][]string // by the name of a Filter: any of these values
	Near   *Circle             // only what has a place with coordinates within
	Open   string              // YYYY-MM-DD: only what does not end before
	AsOf   string              // YYYY-MM-DD: the day on which each is judged (Record.Standing); empty: today
	Sort   Sort                // empty: newest
	Limit  int                 // 1 to MaxLimit; 0 means DefaultLimit
	Cursor string              // NextCursor of the page before
	Sealed bool                // also listings for chosen members that this node can read
}

// Filter is a property of records with a closed list of values.
type Filter struct {
	Name  string        // as a parameter
	Lists []record.List // of its values; none where the values are not codes of records
}

// Filters lists the filters of a RecordQuery.Where, in the order in which people look for
// them. The slice is the caller's.
func Filters() []Filter {
	return []Filter{
		{"theme", []record.List{record.Themes}},
		{"category", []record.List{record.ExchangeKinds, record.MemberKinds, record.NoticeCategories}},
		{"mode", []record.List{record.Modes}},
		{"country", []record.List{record.Countries}},
		{"lang", nil},
		{"status", []record.List{record.ListingStates, record.ProjectStatuses, record.ExperienceStates}},
		{"state", nil},
		{"sdg", []record.List{record.SDGs}},
	}
}

// languageForm is a BCP 47 tag as records have them.
var languageForm = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

// CodesOf lists the values of a filter; nil where any language is one. The slice is the
// caller's.
func CodesOf(filter string) (codes []string) {
	if filter == "state" {
		return slices.Clone(recordStates)
	}
	for _, f := range Filters() {
		if f.Name != filter {
			continue
		}
		for _, list := range f.Lists {
			for _, code := range record.Codes(list) {
				if !slices.Contains(codes, code) {
					codes = append(codes, code)
				}
			}
		}
	}
	return codes
}

var recordStates = []string{string(RecordPublished), string(RecordWithdrawn), string(RecordErased), string(RecordWanted), string(RecordInvalid)}

// Check is ReasonUsage with Field for what no record can have, so that a slip of the pen
// is not told as "nothing found".
func (q RecordQuery) Check() error { return q.check(nil) }

// check is Check, with further values of some filters.
func (q RecordQuery) check(more map[string][]string) error {
	bad := func(field, value string) error {
		args := map[string]string{"value": value}
		if codes := CodesOf(field); len(codes) > 0 && len(codes) <= 40 { // more are not read
			args["want"] = strings.Join(codes, ", ")
		}
		return &protocol.Error{Reason: protocol.ReasonUsage, Op: "list records", Field: field, Args: args, Err: errors.New("no value of it")}
	}
	for _, f := range Filters() {
		for _, value := range q.Where[f.Name] {
			if f.Name == "lang" && languageForm.MatchString(value) || slices.Contains(CodesOf(f.Name), value) || slices.Contains(more[f.Name], value) {
				continue
			}
			return bad(f.Name, value)
		}
	}
	for name := range q.Where {
		if !slices.ContainsFunc(Filters(), func(f Filter) bool { return f.Name == name }) {
			return bad(name, "")
		}
	}
	for field, day := range map[string]string{"open": q.Open, "as_of": q.AsOf} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			return bad(field, day)
		}
	}
	return nil
}

// Values are the query's parameters of /records.
func (q RecordQuery) Values() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("type", strings.Join(q.Types, ","))
	set("member", q.Member)
	set("q", q.Text)
	for name, values := range q.Where {
		set(name, strings.Join(values, ","))
	}
	if n := q.Near; n != nil {
		set("near", degrees(n.Lat)+","+degrees(n.Lon))
		set("within", degrees(n.Km))
	}
	set("open", q.Open)
	set("as_of", q.AsOf)
	set("sort", string(q.Sort))
	if q.Limit != 0 {
		set("limit", strconv.Itoa(q.Limit))
	}
	set("cursor", q.Cursor)
	return v
}

func degrees(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// ParseCircle reads "37.57,126.98" and how many kilometres round it; 0 means DefaultKm.
// What is no place is ReasonUsage with Field near or within.
func ParseCircle(near string, km float64) (*Circle, error) {
	bad := func(field, value string) error {
		return &protocol.Error{Reason: protocol.ReasonUsage, Op: "list records", Field: field, Args: map[string]string{"value": value},
			Err: errors.New("not a place on earth")}
	}
	if near == "" {
		if km != 0 {
			return nil, bad("near", "")
		}
		return nil, nil
	}
	lat, lon, _ := strings.Cut(near, ",")
	c := Circle{Km: km}
	var aerr, oerr error
	c.Lat, aerr = strconv.ParseFloat(strings.TrimSpace(lat), 64)
	c.Lon, oerr = strconv.ParseFloat(strings.TrimSpace(lon), 64)
	if aerr != nil || oerr != nil || !(c.Lat >= -90 && c.Lat <= 90 && c.Lon >= -180 && c.Lon <= 180) {
		return nil, bad("near", near)
	}
	if km == 0 {
		c.Km = DefaultKm
	} else if !(km > 0 && km <= 20_000) {
		return nil, bad("within", degrees(km))
	}
	return &c, nil
}

// Facets counts the records that a query selects.
type Facets struct {
	Total   int                     `json:"total" doc:"how many records the filters select"`
	Partial bool                    `json:"partial,omitempty" doc:"they are so many that only the newest were counted, total included"`
	Facets  map[string][]FacetValue `json:"facets" doc:"by the name of a filter, and type and member: values, the most frequent first. A filter that is set is counted as if it were not"`
}

// FacetValue is one value of a filter.
type FacetValue struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

// Selecting is the parameters of /records and /facets.
type Selecting struct {
	Type  []string `query:"type" enum:"profile,project,experience,offer,request,notice,collection" doc:"one or more, separated by commas"`
	State []string `query:"state" enum:"published,withdrawn,erased,wanted,invalid" maxItems:"5"`
	Narrowing
}

func (in Selecting) query() (RecordQuery, error) {
	q, err := in.Narrowing.query(in.Type, in.State)
	if err == nil {
		err = q.Check()
	}
	return q, err
}

// Narrowing is the parameters that all lists of what is on the ledger have.
type Narrowing struct {
	Member   string   `query:"member" maxLength:"40" doc:"handle of the owner"`
	Q        string   `query:"q" maxLength:"400" doc:"words: records that have all of them. In quotation marks as it stands. Accents, case and Korean endings do not matter"`
	Theme    []string `query:"theme" maxItems:"32" doc:"codes; any of them"`
	Category []string `query:"category" maxItems:"32" doc:"kind of an offer, request or member, category of a notice"`
	Mode     []string `query:"mode" maxItems:"32"`
	Country  []string `query:"country" maxItems:"32" doc:"two letters of ISO 3166"`
	Lang     []string `query:"lang" maxItems:"32" doc:"languages of the title"`
	Status   []string `query:"status" maxItems:"32" doc:"what the owner says of it, as open, paused or closed"`
	SDG      []string `query:"sdg" maxItems:"17" doc:"numbers of UN goals"`
	Near     string   `query:"near" maxLength:"60" doc:"latitude,longitude in degrees: only what is within"`
	Within   float64  `query:"within" minimum:"0" maximum:"20000" doc:"kilometres round near; 50 where it is not given"`
	Open     string   `query:"open" maxLength:"10" doc:"YYYY-MM-DD: only what does not end before"`
}

func (in Narrowing) query(types, states []string) (q RecordQuery, err error) {
	q = RecordQuery{Types: types, Member: in.Member, Text: in.Q, Open: in.Open}
	for name, values := range map[string][]string{"theme": in.Theme, "category": in.Category, "mode": in.Mode, "country": in.Country,
		"lang": in.Lang, "status": in.Status, "state": states, "sdg": in.SDG} {
		if len(values) > 0 {
			if q.Where == nil {
				q.Where = map[string][]string{}
			}
			q.Where[name] = values
		}
	}
	q.Near, err = ParseCircle(in.Near, in.Within)
	return q, err
}
