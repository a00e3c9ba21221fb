package api_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// document is the served OpenAPI document, generically.
func (w *world) document() map[string]any {
	w.t.Helper()
	resp, raw := w.ask("GET", "/openapi.json", "")
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil || resp.StatusCode != 200 {
		w.t.Fatal(resp.Status, err)
	}
	return doc
}

func TestOpenAPI_ListsEveryRoute(t *testing.T) {
	w := newWorld(t)
	want := []string{
		"get /api/v1/status", "get /api/v1/records", "post /api/v1/records", "get /api/v1/records/{id}", "get /api/v1/records/{id}/matches", "get /api/v1/records/{id}/remarks", "get /api/v1/records/{id}/versions", "get /api/v1/records/{id}/calendar", "post /api/v1/records/{id}/remarks", "post /api/v1/records/{id}/state", "post /api/v1/records/{id}/revisions",
		"post /api/v1/records/{id}/withdrawal", "get /api/v1/records/{id}/erasure", "post /api/v1/records/{id}/erasure", "get /api/v1/blocks/{cid}", "get /api/v1/stream", "get /api/v1/limits", "get /api/v1/members", "get /api/v1/decisions",
		"get /api/v1/facets", "get /api/v1/search", "get /api/v1/search/facets", "get /api/v1/decisions/{id}", "get /api/v1/searches", "post /api/v1/searches", "get /api/v1/searches/{id}", "post /api/v1/searches/{id}/seen", "post /api/v1/searches/{id}/removal", "post /api/v1/decisions", "post /api/v1/decisions/{number}/answers", "post /api/v1/invitations", "post /api/v1/verify", "post /api/v1/scrub", "get /api/v1/export",
		"post /api/v1/attachments", "get /api/v1/records/{id}/attachments", "get /api/v1/records/{id}/attachments/{number}", "get /api/v1/records/{id}/entries",
		"post /api/v1/import", "get /api/v1/backup", "get /api/v1/chains", "post /api/v1/statements", "get /api/v1/evidence", "get /api/v1/evidence/{id}",
		"get /api/v1/held", "get /api/v1/entries/{id}/proof", "get /api/v1/schemas", "get /api/v1/schemas/{kind}", "get /api/v1/messages", "get /api/v1/messages/{id}", "post /api/v1/messages", "post /api/v1/messages/{id}/read", "get /api/v1/recipients", "post /api/v1/recipients/rotation",
		"get /api/v1/caller", "get /api/v1/tokens", "post /api/v1/tokens", "post /api/v1/tokens/{id}/revocation", "get /api/v1/users", "post /api/v1/users", "post /api/v1/users/{name}/removal",
		"get /api/v1/agreements", "get /api/v1/agreements/{id}", "post /api/v1/agreements", "post /api/v1/agreements/{id}/deeds", "get /api/v1/inbox", "get /api/v1/unanswered", "get /api/v1/records/{id}/proposal",
	}
	var got []string
	for path, item := range w.document()["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			got = append(got, method+" "+path)
			responses := op.(map[string]any)["responses"].(map[string]any)
			if responses["default"] == nil || len(responses) < 2 {
				t.Errorf("%s %s: got responses %v, want success and problem", method, path, responses)
			}
			if op.(map[string]any)["operationId"] == "" || op.(map[string]any)["summary"] == "" {
				t.Errorf("%s %s has no name or summary", method, path)
			}
		}
	}
	// Lists of answers are lists; what is asked may say null for an empty one.
	for name, s := range w.document()["components"].(map[string]any)["schemas"].(map[string]any) {
		properties, _ := s.(map[string]any)["properties"].(map[string]any)
		for field, p := range properties {
			if kinds, ok := p.(map[string]any)["type"].([]any); ok && slices.Contains(kinds, any("array")) && !slices.Contains([]string{"Deed", "MessageDraft", "Proposal", "Request"}, name) {
				t.Errorf("%s.%s may be null", name, field)
			}
		}
	}
	sort.Strings(want)
	sort.Strings(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	raw, err := json.Marshal(w.document())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ErrorModel", "$schema"} {
		if strings.Contains(string(raw), name) {
			t.Errorf("the document still speaks of %s", name)
		}
	}
}

// saidText is a signed root statement as programs post it.
func saidText(t *testing.T) string {
	t.Helper()
	root, err := protocol.NewPrivateKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	s, err := protocol.Statement{Federation: protocol.Sum([]byte("founding act")), Purpose: protocol.PurposeGovern, Node: root.Public(), Number: 2}.Sign(root)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := protocol.Encode(&s)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// Every answer is of the schema that the document promises for it.
func TestOpenAPI_AnswersKeepTheContract(t *testing.T) {
	w := newWorld(t)
	doc := w.document()
	raw, err := json.Marshal(doc["components"].(map[string]any)["schemas"])
	if err != nil {
		t.Fatal(err)
	}
	var schemas map[string]*huma.Schema
	if err := json.Unmarshal(fixTypes(t, raw), &schemas); err != nil {
		t.Fatal(err)
	}
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	for name, s := range schemas {
		s.PrecomputeMessages()
		registry.Map()[name] = s
	}
	for _, c := range []struct {
		method, path, body, operation string
		status                        int
	}{
		{"GET", "/api/v1/status", "", "/api/v1/status", 200},
		{"GET", "/api/v1/records", "", "/api/v1/records", 200},
		{"GET", "/api/v1/records?member=nobody", "", "/api/v1/records", 200},
		{"GET", "/api/v1/records/kr-seoul-41", "", "/api/v1/records/{id}", 200},
		{"GET", "/api/v1/members", "", "/api/v1/members", 200},
		{"GET", "/api/v1/decisions", "", "/api/v1/decisions", 200},
		{"POST", "/api/v1/records", goodRequest, "/api/v1/records", 201},
		{"POST", "/api/v1/records/kr-seoul-41/revisions", goodRequest, "/api/v1/records/{id}/revisions", 201},
		{"POST", "/api/v1/records/kr-seoul-41/state", `{"state":"paused"}`, "/api/v1/records/{id}/state", 201},
		{"POST", "/api/v1/records/kr-seoul-41/withdrawal", `{"reason":{"ko":"끝"}}`, "/api/v1/records/{id}/withdrawal", 201},
		{"POST", "/api/v1/records/kr-seoul-42/withdrawal", "", "/api/v1/records/{id}/withdrawal", 201},
		{"GET", "/api/v1/records?q=서울&theme=care&lang=ko,fr&sort=relevance", "", "/api/v1/records", 200},
		{"GET", "/api/v1/records?theme=nonsense", "", "/api/v1/records", 400},
		{"GET", "/api/v1/records?near=91,0", "", "/api/v1/records", 400},
		{"GET", "/api/v1/facets?type=offer", "", "/api/v1/facets", 200},
		{"GET", "/api/v1/facets?limit=1", "", "/api/v1/facets", 422},
		{"GET", "/api/v1/search?q=Seoul", "", "/api/v1/search", 200},
		{"GET", "/api/v1/search?type=member,act,agreement&limit=2", "", "/api/v1/search", 200},
		{"GET", "/api/v1/search?type=peer", "", "/api/v1/search", 422},
		{"GET", "/api/v1/search?state=in_force&category=admit", "", "/api/v1/search", 200},
		{"GET", "/api/v1/search?state=on", "", "/api/v1/search", 400},
		{"GET", "/api/v1/search?cursor=Awd", "", "/api/v1/search", 400},
		{"GET", "/api/v1/search/facets?q=Seoul", "", "/api/v1/search/facets", 200},
		{"GET", "/api/v1/searches", "", "/api/v1/searches", 200},
		{"POST", "/api/v1/searches", `{"name":"care","filter":{"q":"돌봄","type":["offer","request"],"theme":["care"],"near":"37.57,126.98","open":"2026-11-23"}}`, "/api/v1/searches", 201},
		{"POST", "/api/v1/searches", `{"name":"all","filter":{}}`, "/api/v1/searches", 201},
		{"POST", "/api/v1/searches", `{"name":"all","filter":{"q":"other"}}`, "/api/v1/searches", 409},
		{"POST", "/api/v1/searches", `{"name":"more","filter":{"limit":3}}`, "/api/v1/searches", 422},
		{"POST", "/api/v1/searches", `{"name":"more","filter":{"theme":["fruit"]}}`, "/api/v1/searches", 400},
		{"POST", "/api/v1/searches", `{"name":"","filter":{}}`, "/api/v1/searches", 400},
		{"POST", "/api/v1/records", goodRequest, "/api/v1/records", 201},
		{"GET", "/api/v1/searches", "", "/api/v1/searches", 200},
		{"GET", "/api/v1/inbox", "", "/api/v1/inbox", 200},
		{"GET", "/api/v1/searches/all", "", "/api/v1/searches/{id}", 200},
		{"POST", "/api/v1/searches/all/seen", `{"upto":9}`, "/api/v1/searches/{id}/seen", 200},
		{"POST", "/api/v1/searches/all/seen", `{}`, "/api/v1/searches/{id}/seen", 422},
		{"GET", "/api/v1/searches/nothing", "", "/api/v1/searches/{id}", 404},
		{"POST", "/api/v1/searches/care/removal", "", "/api/v1/searches/{id}/removal", 200},
		{"POST", "/api/v1/searches/care/removal", "", "/api/v1/searches/{id}/removal", 404},
		{"GET", "/api/v1/records/kr-seoul-42/erasure", "", "/api/v1/records/{id}/erasure", 200},
		{"POST", "/api/v1/records/kr-seoul-42/erasure", `{"code":"personal_data","reason":{"en":"It named a person."}}`, "/api/v1/records/{id}/erasure", 201},
		{"GET", "/api/v1/records/kr-seoul-42/erasure", "", "/api/v1/records/{id}/erasure", 200},
		{"GET", "/api/v1/records/kr-seoul-42", "", "/api/v1/records/{id}", 200},
		{"POST", "/api/v1/records/kr-seoul-42/erasure", "", "/api/v1/records/{id}/erasure", 410},
		{"POST", "/api/v1/records/kr-seoul-41/erasure", `{"code":"whim"}`, "/api/v1/records/{id}/erasure", 422},
		{"POST", "/api/v1/decisions", `{"changes":[{"kind":"suspend","member":"it-bologna"}]}`, "/api/v1/decisions", 201},
		{"GET", "/api/v1/decisions/" + protocol.Sum([]byte("decision")).String(), "", "/api/v1/decisions/{id}", 200},
		{"GET", "/api/v1/decisions/" + protocol.Sum([]byte("overtaken")).String(), "", "/api/v1/decisions/{id}", 200},
		{"GET", "/api/v1/decisions/4", "", "/api/v1/decisions/{id}", 404},
		{"POST", "/api/v1/decisions/4/answers", `{"none":true}`, "/api/v1/decisions/{number}/answers", 201},
		{"POST", "/api/v1/invitations", `{"handle":"fr-bordeaux"}`, "/api/v1/invitations", 201},
		{"POST", "/api/v1/verify", "", "/api/v1/verify", 200},
		{"POST", "/api/v1/scrub", "", "/api/v1/scrub", 200},
		{"POST", "/api/v1/scrub?again=true", "", "/api/v1/scrub", 200},
		{"GET", "/api/v1/chains?member=kr-seoul&until=2026-11-20", "", "/api/v1/chains", 200},
		{"GET", "/api/v1/chains?member=nobody", "", "/api/v1/chains", 404},
		{"POST", "/api/v1/statements", `{"statement":"` + saidText(t) + `"}`, "/api/v1/statements", 201},
		{"GET", "/api/v1/evidence", "", "/api/v1/evidence", 200},
		{"GET", "/api/v1/evidence/sn-dakar", "", "/api/v1/evidence/{id}", 200},
		{"GET", "/api/v1/evidence/nobody", "", "/api/v1/evidence/{id}", 404},
		{"GET", "/api/v1/caller", "", "/api/v1/caller", 200},
		{"POST", "/api/v1/users", `{"name":"Mina","role":"clerk"}`, "/api/v1/users", 200},
		{"GET", "/api/v1/users", "", "/api/v1/users", 200},
		{"POST", "/api/v1/tokens", `{"name":"site","scopes":["read","write"],"user":"Mina"}`, "/api/v1/tokens", 201},
		{"POST", "/api/v1/tokens", `{"name":"site","scopes":["all"]}`, "/api/v1/tokens", 400},
		{"GET", "/api/v1/tokens", "", "/api/v1/tokens", 200},
		{"POST", "/api/v1/tokens/site/revocation", "", "/api/v1/tokens/{id}/revocation", 200},
		{"POST", "/api/v1/tokens/nobody/revocation", "", "/api/v1/tokens/{id}/revocation", 404},
		{"POST", "/api/v1/users/Mina/removal", "", "/api/v1/users/{name}/removal", 200},
		{"POST", "/api/v1/statements", `{"statement":"AAAA"}`, "/api/v1/statements", 400},
		{"GET", "/api/v1/records/nothing-9", "", "/api/v1/records/{id}", 404},
		{"POST", "/api/v1/records", `{"type":"offer"}`, "/api/v1/records", 422},
		{"POST", "/api/v1/decisions", `{}`, "/api/v1/decisions", 422},
	} {
		resp, raw := w.ask(c.method, c.path, c.body)
		if resp.StatusCode != c.status {
			t.Errorf("%s %s: got %d with %s, want %d", c.method, c.path, resp.StatusCode, raw, c.status)
			continue
		}
		op := doc["paths"].(map[string]any)[c.operation].(map[string]any)[strings.ToLower(c.method)].(map[string]any)
		promised, ok := op["responses"].(map[string]any)[resp.Status[:3]].(map[string]any)
		if !ok {
			promised = op["responses"].(map[string]any)["default"].(map[string]any)
		}
		media, ok := promised["content"].(map[string]any)[resp.Header.Get("Content-Type")].(map[string]any)
		if !ok {
			t.Errorf("%s %s: %s is not among %v", c.method, c.path, resp.Header.Get("Content-Type"), promised["content"])
			continue
		}
		ref, _ := media["schema"].(map[string]any)["$ref"].(string)
		schema := schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
		if schema == nil {
			t.Fatalf("%s %s: no schema %q", c.method, c.path, ref)
		}
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		result := huma.ValidateResult{}
		huma.Validate(registry, schema, huma.NewPathBuffer([]byte{}, 0), huma.ModeReadFromServer, v, &result)
		for _, err := range result.Errors {
			t.Errorf("%s %s: %v in %s", c.method, c.path, err, raw)
		}
	}
}

// fixTypes turns the JSON Schema spelling of nullable types, ["array","null"], into the
// one that huma's own structs read.
func fixTypes(t *testing.T, raw []byte) []byte {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if list, ok := v["type"].([]any); ok && len(list) == 2 && list[1] == "null" {
				v["type"], v["nullable"] = list[0], true
			}
			for _, inner := range v {
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	walk(v)
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestServer_Metrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	entries := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "dure_entries_total"}, []string{"via"})
	registry.MustRegister(entries)
	entries.WithLabelValues("gossip").Add(3)
	w := newWorld(t, func(c *api.Config) { c.Metrics = registry })
	resp, raw := w.ask("GET", "/metrics", "")
	if resp.StatusCode != 200 || !strings.Contains(string(raw), `dure_entries_total{via="gossip"} 3`) {
		t.Errorf("got %d with %s", resp.StatusCode, raw)
	}
}

func TestListen_StaysOnLoopback(t *testing.T) {
	for address, want := range map[string]protocol.Reason{
		"127.0.0.1:0": protocol.ReasonNone, "[::1]:0": protocol.ReasonNone, "localhost:0": protocol.ReasonNone,
		"0.0.0.0:0": protocol.ReasonConfig, ":0": protocol.ReasonConfig, "[::]:0": protocol.ReasonConfig, "192.0.2.1:0": protocol.ReasonConfig,
		"dure.example:0": protocol.ReasonConfig, "127.0.0.1": protocol.ReasonConfig, "": protocol.ReasonConfig,
	} {
		l, err := api.Listen(address, false)
		if l != nil {
			_ = l.Close()
		}
		if address == "[::1]:0" && errors.Is(err, errNoIPv6(err)) {
			continue
		}
		if protocol.ReasonOf(err) != want {
			t.Errorf("%q: got %v, want %s", address, err, want)
		}
	}
	l, err := api.Listen("0.0.0.0:0", true)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := api.Listen(l.Addr().String(), true); protocol.ReasonOf(err) != protocol.ReasonPortInUse {
		t.Errorf("the same port again: got %v, want port in use", err)
	}
}

// errNoIPv6 is err where this machine has no IPv6 loopback, else nil.
func errNoIPv6(err error) error {
	if l, probe := net.Listen("tcp", "[::1]:0"); probe == nil {
		_ = l.Close()
		return nil
	}
	return err
}

// Stopping ends streams at once, lets answers finish, and joins everything.
func TestServe_Stops(t *testing.T) {
	w := newWorld(t)
	l, err := api.Listen("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	started, release := make(chan struct{}), make(chan struct{})
	w.fake.Pause = func(context.Context) { close(started); <-release }
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- api.Serve(ctx, l, w.srv.Config.Handler, nil) }()
	c := api.NewClient("http://"+l.Addr().String(), token)
	defer c.Close()

	w.srv.URL = "http://" + l.Addr().String()
	stream := w.listen("/api/v1/stream?since=0")
	stream.ids(7)
	published := make(chan error, 1)
	go func() {
		_, err := c.Publish(context.Background(), api.Draft{Type: "request", Raw: []byte(goodRequest)})
		published <- err
	}()
	<-started
	cancel()
	for stream.lines.Scan() { // it ends, although an answer is under way
	}
	close(release)
	if err := <-published; err != nil {
		t.Errorf("an answer under way was broken off: %v", err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := http.Get(w.srv.URL + "/healthz"); err == nil {
		t.Error("it still answers")
	}
}
