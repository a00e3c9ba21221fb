package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
)

// sampleRecords is how many records the made-up federation has.
const sampleRecords = 40

// healTime is how long a city may take to notice, dial and catch up. It takes a few seconds on an idle machine.
const healTime = 60 * time.Second

// TestCompose_Federation starts the five cities as the README says, and cuts one off.
func TestCompose_Federation(t *testing.T) {
	p := open(t)
	begun := time.Now()
	p.run(15*time.Minute, p.args("up", "--build", "--detach")...)
	p.until(time.Minute, "five healthy containers", p.healthy)
	t.Logf("five healthy containers after %.1f s, image included", time.Since(begun).Seconds())

	p.containers()
	nodes := map[string]*api.Client{}
	for _, city := range cities {
		nodes[city] = p.client(city)
	}
	before := ""
	p.until(30*time.Second, "one ledger with every sample record", func() (err error) {
		if before, err = p.sameRoot(nodes, cities...); err != nil {
			return err
		}
		for _, city := range cities {
			page, err := nodes[city].Records(t.Context(), api.RecordQuery{Limit: api.MaxLimit})
			if err != nil || len(page.Items) != sampleRecords {
				return fmt.Errorf("%s lists %d records: %v", city, len(page.Items), err)
			}
		}
		return nil
	})

	cut, rest := cities[3], append(append([]string(nil), cities[:3]...), cities[4])
	network := p.name + "_default"
	p.run(2*time.Minute, "docker", "network", "disconnect", network, p.ids[cut])
	outside := p.publish(rest[0], "회의실", nodes[rest[0]])
	inside := p.publish(cut, "salle", nil)
	p.until(2*time.Minute, "the others to go on", func() error {
		root, err := p.sameRoot(nodes, rest...)
		if err == nil && root == before {
			err = fmt.Errorf("%s was not added", outside)
		}
		return err
	})
	if out, err := p.dure(cut, nil, "show", outside); err == nil {
		t.Fatalf("%s is cut off and has %s all the same:\n%s", cut, outside, out)
	}

	p.run(2*time.Minute, "docker", "network", "connect", "--alias", cut, network, p.ids[cut])
	healing := time.Now()
	delete(nodes, cut) // its published port may be another one now: it is asked inside
	p.until(healTime, "the cut to heal", func() error {
		_, err := p.sameRoot(nodes, cities...)
		return err
	})
	t.Logf("healed %.1f s after the network came back; all after %.1f s", time.Since(healing).Seconds(), time.Since(begun).Seconds())
	for _, city := range cities {
		for _, number := range []string{outside, inside} {
			if _, err := p.dure(city, nil, "show", number); err != nil {
				t.Errorf("%s lacks %s: %v", city, number, err)
			}
		}
	}

	// Started again, setup changes nothing.
	p.run(time.Minute, p.args("up", "--detach")...)
	if id := p.run(2*time.Minute, "docker", "ps", "--quiet", "--filter", "label=com.docker.compose.project="+p.name,
		"--filter", "label=com.docker.compose.service="+cut); id != p.ids[cut] {
		t.Errorf("starting again replaced %s: %s, was %s", cut, id, p.ids[cut])
	}
	if _, err := p.sameRoot(nodes, cities...); err != nil {
		t.Error(err)
	}
}

// until waits for a condition, and fails with what was last missing.
func (p *project) until(limit time.Duration, what string, met func() error) {
	p.t.Helper()
	if os.Getenv("DURE_BARS") == "" {
		limit = max(limit, 3*time.Minute) // the machine may do other work
	}
	deadline := time.Now().Add(limit)
	for {
		err := met()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("waited %v for %s: %v", limit, what, err)
		}
		time.Sleep(250 * time.Millisecond)
	}
}

func (p *project) healthy() error {
	out, err := p.try(2*time.Minute, nil, "docker", "ps", "--filter", "label=com.docker.compose.project="+p.name,
		"--filter", "health=healthy", "--format", `{{.Label "com.docker.compose.service"}}`)
	if err != nil {
		return err
	}
	if got := strings.Fields(out); len(got) != len(cities) {
		return fmt.Errorf("healthy are %v", got)
	}
	return nil
}

// client calls a city's API from this machine, as published, with the token that the README's command prints.
func (p *project) client(city string) *api.Client {
	p.t.Helper()
	token, err := p.dure(city, nil, "token")
	if err != nil {
		p.t.Fatal(err)
	}
	address := p.run(2*time.Minute, "docker", "port", p.ids[city], "7710/tcp")
	if !strings.HasPrefix(address, "127.0.0.1:") {
		p.t.Fatalf("%s can be reached from other machines, at %s", city, address)
	}
	c := api.NewClient("http://"+address, token)
	p.t.Cleanup(c.Close)
	return c
}

// sameRoot is the one root of these cities; they are asked over HTTP from this machine, or inside their containers where
// they are not among nodes.
func (p *project) sameRoot(nodes map[string]*api.Client, of ...string) (string, error) {
	root := ""
	for _, city := range of {
		s, err := p.status(city, nodes[city])
		if err != nil {
			return "", fmt.Errorf("%s: %w", city, err)
		}
		if root == "" {
			root = s.Ledger.Root
		}
		if s.Node.State != api.StateReady || s.Ledger.Wanted > 0 || s.Ledger.Root != root {
			return "", fmt.Errorf("%s is %s, with %d entries and %d wanted, at root %s; %s is at %s",
				city, s.Node.State, s.Ledger.Entries, s.Ledger.Wanted, s.Ledger.Root, of[0], root)
		}
	}
	return root, nil
}

func (p *project) status(city string, over *api.Client) (s api.Status, err error) {
	if over != nil {
		ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
		defer cancel()
		return over.Status(ctx)
	}
	out, err := p.dure(city, nil, "status", "--json")
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal([]byte(out), &s)
}

// publish publishes a notice over HTTP from this machine, or by the command inside, and returns its short number.
func (p *project) publish(city, title string, over *api.Client) string {
	p.t.Helper()
	draft := fmt.Sprintf(`{"type":"notice","category":"news","lang":"ko","title":{"ko":%q},"body":{"ko":%q},"valid_until":"2099-12-31"}`, title, title)
	var receipt api.Receipt
	if over != nil {
		ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
		defer cancel()
		got, err := over.Publish(ctx, api.Draft{Type: "notice", Raw: []byte(draft)})
		if err != nil {
			p.t.Fatal(err)
		}
		return got.Number
	}
	out, err := p.dure(city, strings.NewReader(draft), "publish", "-", "--json")
	if err != nil {
		p.t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(out), &receipt); err != nil || receipt.Number == "" {
		p.t.Fatalf("publish answered %q: %v", out, err)
	}
	return receipt.Number
}
