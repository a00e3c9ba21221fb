package api_test

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/jsonschema/v6"
	"github.com/pb33f/libopenapi"
	"github.com/pb33f/libopenapi/datamodel"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/api/apitest"
)

// contract is our document, judged by implementations that are not ours.
type contract struct {
	raw      []byte
	doc      map[string]any
	compiler *jsonschema.Compiler
	paths    []path

	mu      sync.Mutex // guards schemas: hostile requests are sent at once
	schemas map[string]*jsonschema.Schema
}

type path struct {
	template string
	form     *regexp.Regexp
}

// theContract is made once: the document is the same for every world.
var theContract = sync.OnceValues(func() (*contract, error) {
	book, err := theBook()
	if err != nil {
		return nil, err
	}
	fake := apitest.New(now)
	h := api.New(api.Config{Backend: fake, Token: token, Access: fake.Access, Hosts: []string{"127.0.0.1"}, Version: "0.1.0", Phrases: book})
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", "http://127.0.0.1/openapi.json", nil))
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(rec.Body.Bytes()))
	if err != nil {
		return nil, err
	}
	c := &contract{raw: rec.Body.Bytes(), doc: doc.(map[string]any), compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	for template := range c.doc["paths"].(map[string]any) {
		form := "^" + regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(template), "[^/]+") + "$"
		c.paths = append(c.paths, path{template, regexp.MustCompile(form)})
	}
	return c, c.compiler.AddResource("mem:openapi", doc)
})

func pointer(parts ...string) string {
	out := "mem:openapi#"
	for _, p := range parts {
		p = strings.ReplaceAll(strings.ReplaceAll(p, "~", "~0"), "/", "~1")
		out += "/" + strings.NewReplacer("{", "%7B", "}", "%7D", "+", "%2B").Replace(p)
	}
	return out
}

// schema is what an answer has to be, or nil where the document promises bytes.
func (c *contract) schema(template, method, status, media string) (*jsonschema.Schema, error) {
	op := c.doc["paths"].(map[string]any)[template].(map[string]any)[method].(map[string]any)
	responses := op["responses"].(map[string]any)
	promised, ok := responses[status].(map[string]any)
	if !ok {
		if status[0] == '2' && status != "202" && status != "200" && status != "201" {
			return nil, fmt.Errorf("status %s is not in the document", status)
		}
		status = "default"
		if promised, ok = responses[status].(map[string]any); !ok {
			return nil, fmt.Errorf("neither the status nor a default is in the document")
		}
	}
	content, _ := promised["content"].(map[string]any)
	if content == nil {
		return nil, nil
	}
	if content["*/*"] != nil {
		return nil, nil // bytes of whatever type they are
	}
	if _, ok := content[media].(map[string]any); !ok {
		return nil, fmt.Errorf("%s is not among the media types of status %s", media, status)
	}
	if !strings.HasSuffix(media, "json") || media == "application/schema+json" {
		return nil, nil
	}
	at := pointer("paths", template, method, "responses", status, "content", media, "schema")
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.schemas[at]; ok {
		return s, nil
	}
	s, err := c.compiler.Compile(at)
	c.schemas[at] = s
	return s, err
}

// keepsContract judges one answer by the document. What is at no address of the document
// (health, pages, what does not exist) and what a method does that an address does not have
// is not judged.
func keepsContract(t *testing.T, req *http.Request, resp *http.Response, body []byte) {
	t.Helper()
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	method := strings.ToLower(req.Method)
	for _, p := range c.paths {
		if !p.form.MatchString(req.URL.Path) {
			continue
		}
		item := c.doc["paths"].(map[string]any)[p.template].(map[string]any)
		if item[method] == nil || len(body) == 0 {
			continue
		}
		media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		s, err := c.schema(p.template, method, fmt.Sprint(resp.StatusCode), media)
		if err != nil {
			t.Errorf("%s %s answered %d: %v", req.Method, req.URL.Path, resp.StatusCode, err)
			return
		}
		if s == nil {
			return
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
		if err == nil {
			err = s.Validate(v)
		}
		if err != nil {
			t.Errorf("%s %s answered %d against the document: %v\n%.800s", req.Method, req.URL.Path, resp.StatusCode, err, body)
		}
		return
	}
}

// The document is OpenAPI 3.1 to others: by the schema of the OpenAPI Initiative, and to a
// library that builds its model from it.
func TestOpenAPI_IsValid(t *testing.T) {
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(datamodel.OpenAPI31SchemaData))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("mem:oas31", schema); err != nil {
		t.Fatal(err)
	}
	oas, err := compiler.Compile("mem:oas31")
	if err != nil {
		t.Fatal(err)
	}
	if err := oas.Validate(c.doc); err != nil {
		t.Error(err)
	}
	doc, err := libopenapi.NewDocument(c.raw)
	if err != nil {
		t.Fatal(err)
	}
	model, err := doc.BuildV3Model()
	if err != nil {
		t.Fatal(err)
	}
	if n := model.Model.Paths.PathItems.Len(); n != len(c.paths) {
		t.Errorf("others find %d addresses in it, we %d", n, len(c.paths))
	}
}
