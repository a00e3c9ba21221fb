package node_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dure-net/dure/node"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/enrol"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// city is one member's home and its node on this machine.
type city struct {
	t      *testing.T
	handle string
	home   *home.Home
	root   protocol.PrivateKey
	listen string
	api    string
	keep   string // the setting storage.attachments; "": the default

	node *node.Node
	stop context.CancelFunc
	done chan error

	ahead atomic.Int64 // of its clock, nanoseconds
}

func (c *city) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func newCity(t *testing.T, handle string) *city {
	t.Helper()
	_, root, err := home.NewWords("en")
	if err != nil {
		t.Fatal(err)
	}
	h, err := home.Create(filepath.Join(t.TempDir(), handle), protocol.MemberFacts{Handle: handle, Kind: protocol.KindCity, Country: "KR",
		Names: protocol.Text{"en": "City of " + handle}, Root: root.Public()}, home.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &city{t: t, handle: handle, home: h, root: root, listen: freePort(t, "udp"), api: freePort(t, "tcp")}
}

// joins has a city join with an invitation line.
func (c *city) joins(line string) {
	c.t.Helper()
	if _, err := enrol.Join(context.Background(), c.home, enrol.JoinOptions{Root: c.root, Line: line}); err != nil {
		c.t.Fatal(err)
	}
}

func freePort(t *testing.T, network string) string {
	t.Helper()
	// Below the ports that the system gives out by itself, see cmd/dure.
	for range 200 {
		address := fmt.Sprintf("127.0.0.1:%d", 12_000+rand.IntN(20_000))
		if network == "udp" {
			if c, err := net.ListenPacket("udp", address); err == nil {
				_ = c.Close()
				_, port, _ := net.SplitHostPort(address)
				return port
			}
		} else if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

func (c *city) start() {
	c.t.Helper()
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("DURE_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("at", c.handle)
	}
	n, err := node.Open(context.Background(), c.home, node.Options{Logger: log, Version: "test", Now: c.now, Settings: map[string]string{
		"listen": fmt.Sprintf("/ip4/127.0.0.1/udp/%s/quic-v1", c.listen), "api.listen": c.api, "mdns": "false", "storage.floor_bytes": "33554432", "storage.attachments": cmp.Or(c.keep, "own")}})
	if err != nil {
		c.t.Fatalf("%s does not open: %v", c.handle, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.node, c.stop, c.done = n, cancel, make(chan error, 1)
	go func() { c.done <- n.Run(ctx) }()
	c.t.Cleanup(c.halt)
	eventually(c.t, c.handle+" serves its local address", func() error {
		run, ok, err := c.home.Running()
		if err == nil && !ok {
			err = errors.New("not running")
		}
		c.api = run.API[min(len("http://"), len(run.API)):]
		return err
	})
}

func (c *city) halt() {
	if c.stop == nil {
		return
	}
	c.stop()
	c.stop = nil
	if err := <-c.done; err != nil {
		c.t.Errorf("%s ended with %v", c.handle, err)
	}
}

func (c *city) client() *api.Client {
	token, err := c.home.Token()
	if err != nil {
		c.t.Fatal(err)
	}
	cl := api.NewClient("http://"+c.api, token.Reveal())
	c.t.Cleanup(cl.Close)
	return cl
}

func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

const koreanRequest = `{"type":"request","lang":"ko","kind":"personnel","mode":"expert_mission",
 "title":{"ko":"사회적경제 공공구매 조례 자문 전문가 2명"},"summary":{"ko":"조례 개정안 검토와 구매 담당 공무원 연수."},
 "themes":["public_procurement"],"delivery":"hybrid","window":{"from":"2027-03-02","to":"2027-05-28"},"valid_until":"2027-02-26",
 "working_languages":["ko","en"],"return":"cost_recovery","costs":{"travel":"receiver"},"skills":["2422"],
 "effort":{"value":"15","unit":"DAY"},"place":{"country":"KR","label":"서울"}}`

// A founder founds, invites, admits; the invited joins; both publish; both read; the
// founder goes and the other carries on.
func TestNode_FoundInviteJoinPublish(t *testing.T) {
	ctx := context.Background()
	seoul := newCity(t, "kr-seoul")
	rules, err := charter.RuleSet("charter-2014")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := enrol.Found(ctx, seoul.home, enrol.FoundOptions{Root: seoul.root, Names: protocol.Text{"ko": "협의체", "en": "Forum"},
		Charter: protocol.Text{"en": "We work together in turn."}, Rules: rules}); err != nil {
		t.Fatal(err)
	}
	seoul.start()
	montreal := newCity(t, "ca-montreal")
	inv, err := seoul.client().Invite(ctx, api.InviteRequest{Handle: "ca-montreal", Trust: true})
	if err != nil {
		t.Fatal(err)
	}
	joined, err := enrol.Join(ctx, montreal.home, enrol.JoinOptions{Root: montreal.root, Line: inv.Line})
	if err != nil {
		t.Fatal(err)
	}
	if joined.Pending {
		t.Error("a trusted invitation left the application pending")
	}
	montreal.start()

	receipt, err := seoul.client().Publish(ctx, api.Draft{Type: "request", Raw: json.RawMessage(koreanRequest)})
	if err != nil {
		t.Fatal(err)
	}
	if receipt.Number != "kr-seoul-1" {
		t.Errorf("the number is %q", receipt.Number)
	}
	eventually(t, "the record is read in Montréal", func() error {
		r, err := montreal.client().Record(ctx, receipt.Number)
		if err == nil && r.Content["title"].(map[string]any)["ko"] != "사회적경제 공공구매 조례 자문 전문가 2명" {
			err = fmt.Errorf("the title is %v", r.Content["title"])
		}
		return err
	})
	same := func() error {
		a, err1 := seoul.client().Status(ctx)
		b, err2 := montreal.client().Status(ctx)
		if a.Ledger.Root != b.Ledger.Root || a.Ledger.Wanted+b.Ledger.Wanted > 0 || b.Node.State != api.StateReady {
			return errors.Join(err1, err2, fmt.Errorf("%+v\n%+v %s", a.Ledger, b.Ledger, b.Node.State))
		}
		return errors.Join(err1, err2)
	}
	eventually(t, "the ledgers are the same", same)

	if _, err := montreal.client().Withdraw(ctx, receipt.Number, nil); protocol.ReasonOf(err) != protocol.ReasonNotOwner {
		t.Errorf("Montréal withdrew Seoul's record: %v", err)
	}
	mine, err := montreal.client().Publish(ctx, api.Draft{Type: "request", Raw: json.RawMessage(koreanRequest)})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "Montréal's record is read in Seoul", func() error { _, err := seoul.client().Record(ctx, mine.Number); return err })

	seoul.halt()
	if _, err := montreal.client().Publish(ctx, api.Draft{Type: "request", Raw: json.RawMessage(koreanRequest)}); err != nil {
		t.Fatalf("with the founder gone: %v", err)
	}
	seoul.start()
	eventually(t, "the ledgers are the same again", same)
	report, err := seoul.client().Verify(ctx, nil)
	if err != nil || !report.OK {
		t.Errorf("verify: %+v, %v", report, err)
	}
}

// A withdrawal needs no reason; it once was refused for lacking a type and a language.
func TestNode_WithdrawWithoutReason(t *testing.T) {
	ctx := context.Background()
	seoul := newCity(t, "kr-seoul")
	rules, err := charter.RuleSet("charter-2014")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := enrol.Found(ctx, seoul.home, enrol.FoundOptions{Root: seoul.root, Names: protocol.Text{"en": "Forum"},
		Charter: protocol.Text{"en": "We work together in turn."}, Rules: rules}); err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(ctx, seoul.home, node.Options{Settings: map[string]string{"storage.floor_bytes": "33554432"}})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	r, err := n.Publish(ctx, api.Draft{Type: "request", Raw: json.RawMessage(koreanRequest)})
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range []map[string]string{nil, {"fr": "Trouvé."}} {
		_, err := n.Withdraw(ctx, r.Number, reason)
		if reason == nil && err != nil {
			t.Fatal(err)
		}
		if reason != nil && protocol.ReasonOf(err) != protocol.ReasonConflict {
			t.Errorf("withdrawn twice: %v", err)
		}
	}
	if rec, err := n.Record(ctx, r.Number); err != nil || rec.State != api.RecordWithdrawn {
		t.Errorf("the record is %s, %v", rec.State, err)
	}
}

// A joining that is taken up again presents the entry that it presented before: another
// one would be another chain of entries.
func TestJoin_AgainSignsNothingAnew(t *testing.T) {
	ctx := context.Background()
	seoul := founded(t, "kr-seoul")
	seoul.start()
	inv, err := seoul.client().Invite(ctx, api.InviteRequest{Handle: "ca-montreal", Trust: true})
	if err != nil {
		t.Fatal(err)
	}
	c := newCity(t, "ca-montreal")
	var first protocol.Entry
	for i := range 3 {
		later := func() time.Time { return time.Now().Add(time.Duration(i) * time.Minute) }
		if _, err := enrol.Join(ctx, c.home, enrol.JoinOptions{Root: c.root, Line: inv.Line, Now: later}); err != nil {
			t.Fatal(err)
		}
		got, ok, err := c.home.Inception()
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if i == 0 {
			first = got
		}
		if got.ID() != first.ID() {
			t.Fatalf("joining for the %d. time made another inception", i+1)
		}
	}
	release, err := c.home.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, err := enrol.Join(ctx, c.home, enrol.JoinOptions{Root: c.root, Line: inv.Line}); protocol.ReasonOf(err) != protocol.ReasonHomeLocked {
		t.Fatalf("joined under a running node: %v", err)
	}
}
