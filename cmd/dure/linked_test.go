package main

import (
	"os/exec"
	"strings"
	"testing"
)

// heavy are packages that once were in the program for nothing that it does; together they made a fifth of it. The
// program is to stay under 45 MB, since it travels on sticks and over lines of poorer towns.
var heavy = []banned{
	{"github.com/libp2p/go-libp2p", "its New links every transport there is: replication/mesh puts the host together itself"},
	{"github.com/libp2p/go-libp2p/config", "its New links every transport there is: replication/mesh puts the host together itself"},
	{"github.com/libp2p/go-libp2p/p2p/transport/webrtc...", "nodes speak QUIC and TCP"},
	{"github.com/libp2p/go-libp2p/p2p/transport/webtransport...", "nodes speak QUIC and TCP"},
	{"github.com/libp2p/go-libp2p/p2p/transport/websocket...", "nodes speak QUIC and TCP"},
	{"github.com/pion/...", "nodes speak QUIC and TCP"},
	{"github.com/gorilla/websocket...", "nodes speak QUIC and TCP"},
	{"github.com/quic-go/quic-go/http3...", "the interface is HTTP/1.1 and HTTP/2"},
	{"go.uber.org/...", "parts are put together in plain sight"},
	{"golang.org/x/text/collate...", "1.3 MB of orders of languages; node/phrase has the four that are read"},
	{"golang.org/x/text/language/display...", "2.3 MB of names in a hundred languages; node/phrase has the four that are read"},
	{module + "replication/mesh/meshtest...", "tests do not travel"},
	{module + "node/api/apitest...", "tests do not travel"},
}

// The list is that of `go list`: this test is compiled from the same packages, so that a change in what they import
// is a change of this test, and no cached pass hides it.
func TestWalls_WhatIsLinked(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	linked := strings.Fields(string(out))
	for _, imported := range linked {
		for _, b := range heavy {
			if b.forbids(imported) {
				t.Errorf("%s is linked: %s", imported, b.because)
			}
		}
	}
	if len(linked) < 200 || linked[len(linked)-1] != module+"cmd/dure" {
		t.Errorf("only %d packages were looked at", len(linked))
	}
}
