package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/piprate/json-gold/ld"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/export"
	"github.com/dure-net/dure/protocol"
)

const id = "bafyreidfzyfexv6sjjxaofwm34jgefygicx4rho6ah3yrpdtnv27p7646u"

// sample is a record as a node shows it.
func sample(t *testing.T, typ, content string) api.Record {
	t.Helper()
	r := api.Record{ID: id, Number: "kr-seoul-41", Type: typ, Member: "kr-seoul", Names: map[string]string{"ko": "서울특별시", "en": "Seoul"}, Lang: "ko",
		State: api.RecordPublished, Time: time.Date(2026, 11, 1, 9, 30, 0, 123e6, time.FixedZone("KST", 9*3600)), Seq: 77, Entry: id, Feed: id, FeedSeq: 4}
	if err := json.Unmarshal([]byte(content), &r.Content); err != nil {
		t.Fatal(err)
	}
	return r
}

const offer = `{"type":"offer","lang":"ko","kind":"material","mode":"lend","title":{"ko":"이동식 주방","en":"Mobile kitchen"},"summary":{"ko":"두 달, \"빌려\" 드립니다,\n누구나"},
"themes":["food_systems","care"],"quantity":{"value":"2","unit":"C62"},"window":{"from":"2027-03-01","to":"2027-05-31"},"delivery":"pickup","working_languages":["ko"],
"return":"loan","valid_until":"2027-02-28","place":{"country":"KR","label":"서울 은평","lat":"37.60270","lon":"126.92910"}}`

func written(t *testing.T, format, lang, asOf string, records ...api.Record) string {
	t.Helper()
	var out bytes.Buffer
	w, err := export.New(format, &out, export.Head{Federation: id, Names: map[string]string{"en": "Federation"}, Root: "root", AsOf: asOf, Lang: lang})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if _, err := w.Add(export.Of(r, asOf)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestExport_NothingOfItIsThisNodesAlone(t *testing.T) {
	here, there := sample(t, "offer", offer), sample(t, "offer", offer)
	there.Seq, there.Time = 1, there.Time.UTC()
	for _, format := range export.Formats() {
		a, b := written(t, format, "", "2026-12-01", here), written(t, format, "", "2026-12-01", there)
		if a != b {
			t.Errorf("%s differs between nodes:\n%s\n%s", format, a, b)
		}
		if export.Media(format) == "" {
			t.Errorf("%s has no media type", format)
		}
	}
	if _, err := export.New("xlsx", nil, export.Head{}); protocol.ReasonOf(err) != protocol.ReasonUsage {
		t.Errorf("got %v", err)
	}
}

func TestExport_StandingOnADay(t *testing.T) {
	r := sample(t, "offer", offer)
	for day, want := range map[string]string{"2027-02-28": "open", "2027-03-01": "expired"} {
		if got := export.Of(r, day).Standing; got != want {
			t.Errorf("on %s: %s, want %s", day, got, want)
		}
	}
	r.Content["state"] = "paused"
	if got := export.Of(r, "2026-12-01").Standing; got != "paused" {
		t.Errorf("got %s", got)
	}
	r.State = api.RecordErased
	if got := export.Of(r, "2026-12-01").Standing; got != "erased" {
		t.Errorf("got %s", got)
	}
}

// Excel reads UTF-8 only behind a byte order mark, and runs what begins like a formula.
func TestExport_TableForExcel(t *testing.T) {
	evil := sample(t, "notice", `{"title":{"en":"=HYPERLINK(\"http://evil.example\")"},"summary":{"en":"@SUM(A1)"},"place":{"country":"KR","label":"+82","lat":"-3.50000","lon":"12.00000"}}`)
	text := written(t, "csv", "en", "2026-12-01", sample(t, "offer", offer), evil)
	if !strings.HasPrefix(text, "\xef\xbb\xbfnumber,type,") || strings.Count(text, "\r\n") != 4 {
		t.Errorf("got %q", text)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\xef\xbb\xbf"))).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatal(rows, err)
	}
	cell := func(row int, name string) string {
		for i, column := range rows[0] {
			if column == name {
				return rows[row][i]
			}
		}
		t.Fatalf("no column %s", name)
		return ""
	}
	for name, want := range map[string]string{"title": "Mobile kitchen", "lang": "en", "summary": "두 달, \"빌려\" 드립니다,\n누구나", "member_name": "Seoul", "themes": "food_systems; care",
		"quantity": "2", "unit": "C62", "from": "2027-03-01", "lat": "37.60270", "time": "2026-11-01T00:30:00Z", "standing": "open"} {
		if got := cell(1, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"title": "'=HYPERLINK(\"http://evil.example\")", "summary": "'@SUM(A1)", "place": "'+82", "lat": "-3.50000"} {
		if got := cell(2, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestExport_Map(t *testing.T) {
	far := sample(t, "offer", offer)
	delete(far.Content, "place")
	text := written(t, "geojson", "", "2026-12-01", sample(t, "offer", offer), far)
	var doc struct {
		Type     string
		Features []struct {
			ID       string
			Geometry struct {
				Type        string
				Coordinates []float64
			}
			Properties map[string]any
		}
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err, text)
	}
	if doc.Type != "FeatureCollection" || len(doc.Features) != 1 || doc.Features[0].Geometry.Coordinates[0] != 126.9291 || doc.Features[0].Properties["number"] != "kr-seoul-41" {
		t.Errorf("got %s", text)
	}
	if !strings.Contains(text, `[126.92910,37.60270]`) {
		t.Errorf("the coordinates were rounded: %s", text)
	}
}

// noNetwork refuses to fetch a context: everything must stand in the document.
type noNetwork struct{ t *testing.T }

func (n noNetwork) LoadDocument(u string) (*ld.RemoteDocument, error) {
	n.t.Errorf("the document asks for %s", u)
	return nil, ld.NewJsonLdError(ld.LoadingDocumentFailed, u)
}

// Another program's processor reads the document without a network, and finds ValueFlows.
func TestExport_LinkedDataIsReadByOthers(t *testing.T) {
	var doc any
	if err := json.Unmarshal([]byte(written(t, "jsonld", "", "2026-12-01", sample(t, "offer", offer), sample(t, "project", `{"title":{"ko":"사업"},"starts":"2026-01-01"}`))), &doc); err != nil {
		t.Fatal(err)
	}
	options := ld.NewJsonLdOptions("")
	options.DocumentLoader, options.ProcessingMode = noNetwork{t}, ld.JsonLd_1_1
	quads, err := ld.NewJsonLdProcessor().ToRDF(doc, &ld.JsonLdOptions{DocumentLoader: options.DocumentLoader, ProcessingMode: ld.JsonLd_1_1, Format: "application/n-quads"})
	if err != nil {
		t.Fatal(err)
	}
	text, _ := quads.(string)
	const vf, rdf = "https://w3id.org/valueflows/ont/vf#", "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
	for _, want := range []string{
		"<urn:dure:" + id + "> <" + rdf + "> <" + vf + "Proposal>",
		"<urn:dure:" + id + "> <" + vf + "publishes> <urn:dure:" + id + "#intent>",
		"<urn:dure:" + id + "#intent> <" + vf + "action> <" + vf + "transferCustody>",
		"<urn:dure:" + id + "#intent> <" + vf + "provider> <urn:dure:" + id + ":kr-seoul>",
		"<urn:dure:" + id + "#intent> <" + vf + "hasBeginning> \"2027-03-01\"^^<http://www.w3.org/2001/XMLSchema#date>",
		"\"이동식 주방\"@ko", "<" + vf + "Plan>", "<https://schema.org/unitCode> \"C62\"", "<https://schema.org/Offer>",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("not said: %s\n%s", want, text)
		}
	}
	one, err := export.Document(export.Node(id, export.Of(sample(t, "request", offer), "2026-12-01")))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(one, &doc); err != nil {
		t.Fatal(err)
	}
	if expanded, err := ld.NewJsonLdProcessor().Expand(doc, options); err != nil || len(expanded) != 1 {
		t.Errorf("%v of a single record: %v", expanded, err)
	}
}
