package api_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/api/apitest"
	"github.com/dure-net/dure/protocol"
)

// Every block of COOKBOOK.md runs as it stands there, one after the other.
func TestCookbook_Runs(t *testing.T) {
	for _, tool := range []string{"sh", "curl", "sed", "grep"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s here", tool)
		}
	}
	text, err := os.ReadFile("COOKBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	dir, ran := t.TempDir(), 0
	for i, part := range strings.Split(string(text), "```sh\n") {
		block, _, ok := strings.Cut(part, "```")
		if i == 0 || !ok {
			continue
		}
		cmd := exec.Command("sh", "-ec", block)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "API="+w.srv.URL+"/api/v1", "AUTH=Authorization: Bearer "+token)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s\n%s", err, block, out)
		}
		ran++
	}
	if ran < 10 {
		t.Errorf("%d blocks ran", ran)
	}
}

// exampleNode is a node for the examples: an address and a token, as programs have them.
func exampleNode() (base string, stop func()) {
	book, err := theBook()
	if err != nil {
		panic(err)
	}
	fake := apitest.New(now)
	srv := httptest.NewServer(api.New(api.Config{Backend: fake, Token: token, Access: fake.Access, Hosts: []string{"127.0.0.1"}, Version: "0.1.0", Phrases: book, Epoch: fake.Epoch}))
	return srv.URL, srv.Close
}

func ExampleClient_Records() {
	base, stop := exampleNode()
	defer stop()
	c := api.NewClient(base, token)
	defer c.Close()
	q := api.RecordQuery{Types: []string{"offer", "request"}, Limit: 2}
	count := 0
	for {
		page, err := c.Records(context.Background(), q)
		if err != nil {
			fmt.Println(err)
			return
		}
		count += len(page.Items)
		if page.NextCursor == "" {
			break
		}
		q.Cursor = page.NextCursor
	}
	fmt.Println(count, "offers and requests")
	// Output: 4 offers and requests
}

func ExampleClient_Publish() {
	base, stop := exampleNode()
	defer stop()
	c := api.NewClient(base, token)
	defer c.Close()
	_, err := c.Publish(context.Background(), api.Draft{Type: "request", Raw: []byte(`{"type":"request"}`)})
	fmt.Println(protocol.ReasonOf(err))
	receipt, err := c.Publish(context.Background(), api.Draft{Type: "request", Raw: []byte(goodRequest)})
	fmt.Println(receipt.Number, err)
	// Output:
	// invalid
	// kr-seoul-42 <nil>
}

func ExampleClient_Watch() {
	base, stop := exampleNode()
	defer stop()
	c := api.NewClient(base, token)
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	for e, err := range c.Watch(ctx, 0) { // keep e.Seq, and begin there the next time
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(e.Seq, e.Type)
		if e.Seq == 2 {
			break
		}
	}
	// Output:
	// 1 record
	// 2 record
}

// The list endpoint beside a handler of net/http that serves the same bytes, in one run:
// go test ./node/api -run - -bench List -cpu 2. It measures what the interface itself costs;
// the node behind it is in memory.
func BenchmarkServer_List(b *testing.B) {
	base, stop := exampleNode()
	defer stop()
	ask := newAsker(b, base+"/api/v1/records", token)
	bytes := ask.once(b)
	bare := httptest.NewServer(bareHandler(bytes))
	defer bare.Close()
	plain := newAsker(b, bare.URL, token)
	var rates [2]float64
	for i, c := range []struct {
		name string
		ask  *asker
	}{{"bare", plain}, {"list", ask}} {
		b.Run(c.name, func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					c.ask.once(b)
				}
			})
			rates[i] = float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(rates[i], "req/s")
			if rates[0] > 0 {
				b.ReportMetric(rates[i]/rates[0], "of-bare")
			}
		})
	}
}
