package node_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/dure-net/dure/node"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/enrol"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

func founded(t *testing.T, handle string) *city {
	t.Helper()
	c := newCity(t, handle)
	rules, err := charter.RuleSet("charter-2014")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := enrol.Found(context.Background(), c.home, enrol.FoundOptions{Root: c.root, Names: protocol.Text{"en": "Forum of " + handle},
		Charter: protocol.Text{"en": "We work together in turn."}, Rules: rules}); err != nil {
		t.Fatal(err)
	}
	return c
}

// Everything that can go wrong on the way in has its own reason, and every reason its
// own sentence and next step in four languages.
func TestJoin_EachRefusalSaysWhatToDo(t *testing.T) {
	ctx := context.Background()
	book, err := phrase.New()
	if err != nil {
		t.Fatal(err)
	}
	seoul := founded(t, "kr-seoul")
	seoul.start()
	cl := seoul.client()
	invite := func(r api.InviteRequest) string {
		t.Helper()
		inv, err := cl.Invite(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		return inv.Line
	}
	line := func(handle string, change func(*protocol.Invitation)) string {
		t.Helper()
		inv, err := protocol.ParseInvitation(invite(api.InviteRequest{Handle: handle}))
		if err != nil {
			t.Fatal(err)
		}
		change(&inv)
		text, err := inv.Line()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	used := invite(api.InviteRequest{Handle: "ca-montreal", Trust: true})
	first := newCity(t, "ca-montreal")
	if _, err := enrol.Join(ctx, first.home, enrol.JoinOptions{Root: first.root, Line: used}); err != nil {
		t.Fatal(err)
	}

	dead, err := net.ListenPacket("udp", "127.0.0.1:0") // takes packets, answers none
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	_, port, _ := net.SplitHostPort(dead.LocalAddr().String())

	tests := []struct {
		name   string
		handle string
		line   string
		now    func() time.Time
		want   protocol.Reason
	}{
		{"an invitation used by somebody else", "es-bilbao", used, nil, protocol.ReasonInvitationUsed},
		{"another federation's number", "es-bilbao", line("es-bilbao", func(i *protocol.Invitation) { i.Federation = protocol.Sum([]byte("another")) }), nil, protocol.ReasonWrongFederation},
		{"an invitation nobody gave out", "es-bilbao", line("es-bilbao", func(i *protocol.Invitation) { i.Seed = make([]byte, 32) }), nil, protocol.ReasonInvitationInvalid},
		{"an expired invitation", "es-bilbao", line("es-bilbao", func(i *protocol.Invitation) { i.Expires = 1 }), nil, protocol.ReasonInvitationExpired},
		{"an inviter that does not answer", "es-bilbao", line("es-bilbao", func(i *protocol.Invitation) {
			i.Addresses = []string{"/ip4/127.0.0.1/udp/" + port + "/quic-v1"}
		}), nil, protocol.ReasonInviterUnreachable},
		{"a handle that is taken", "ca-montreal", invite(api.InviteRequest{Handle: "es-madrid"}), nil, protocol.ReasonHandleTaken},
		{"a clock an hour behind", "es-bilbao", invite(api.InviteRequest{Handle: "es-bilbao"}), func() time.Time { return time.Now().Add(-time.Hour) }, protocol.ReasonWrongClock},
		{"not an invitation", "es-bilbao", "hello", nil, protocol.ReasonInvitationInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newCity(t, test.handle)
			patience := 90 * time.Second
			if test.want == protocol.ReasonInviterUnreachable {
				patience = time.Second // nobody will ever answer
			}
			_, err := enrol.Join(ctx, c.home, enrol.JoinOptions{Root: c.root, Line: test.line, Now: test.now, Timeout: patience})
			if got := protocol.ReasonOf(err); got != test.want {
				t.Fatalf("the reason is %s (%v), want %s", got, err, test.want)
			}
			sayings(t, book, err)
		})
	}
}

// sayings checks that an error has a sentence and a next step of its own per language.
func sayings(t *testing.T, book *phrase.Book, err error) {
	t.Helper()
	said := map[string]bool{}
	for _, lang := range phrase.Languages() {
		sentence, hint := book.Error(lang, err)
		if sentence == "" || hint == "" || said[sentence] {
			t.Errorf("%s: %q, %q", lang, sentence, hint)
		}
		said[sentence] = true
		t.Logf("%s: %s | %s", lang, sentence, hint)
	}
}

func TestRun_PortInUseAndSecondProcess(t *testing.T) {
	ctx := context.Background()
	book, err := phrase.New()
	if err != nil {
		t.Fatal(err)
	}
	seoul := founded(t, "kr-seoul")
	seoul.start()
	if _, err := node.Open(ctx, seoul.home, node.Options{}); protocol.ReasonOf(err) != protocol.ReasonHomeLocked {
		t.Errorf("a second process opened the home: %v", err)
	} else {
		sayings(t, book, err)
	}
	other := founded(t, "ca-montreal")
	for name, settings := range map[string]map[string]string{
		"between nodes": {"listen": "/ip4/127.0.0.1/udp/" + seoul.listen + "/quic-v1", "api.listen": "127.0.0.1:0"},
		"for programs":  {"listen": "/ip4/127.0.0.1/udp/0/quic-v1", "api.listen": seoul.api},
	} {
		settings["mdns"] = "false"
		n, err := node.Open(ctx, other.home, node.Options{Settings: settings})
		if err != nil {
			t.Fatal(err)
		}
		err = n.Run(ctx)
		if protocol.ReasonOf(err) != protocol.ReasonPortInUse {
			t.Errorf("the port %s is taken and the node says %v", name, err)
			continue
		}
		sayings(t, book, err)
	}
}
