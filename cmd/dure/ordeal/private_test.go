//go:build linux

package ordeal

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dure-net/dure/node/api"
)

// A name and a number that one member tells another are in no packet between nodes, and
// in no file, list, log or metric of a third one. When they are erased, the bytes in which
// they were sealed go from the disks of all three.
func TestPrivate_NowhereElse(t *testing.T) {
	f := found(t, layout{members: 3})
	f.start()
	sender, reader, third := f.members[0], f.members[1], f.members[2]
	sender.reaches(reader.handle, third.handle)

	marker := randomText(60)
	heard := listen(t, marker, f.members)
	draft := func(to, upload string) []byte {
		raw, err := json.Marshal(api.MessageDraft{To: []string{to}, Text: "Ask for " + marker, Lang: "en",
			Persons: []api.Person{{Name: "K" + marker, Phone: "02" + marker}}, Documents: []api.DocumentDraft{{Title: "K" + marker + ".pdf", Upload: upload}}})
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	var sent api.Receipt
	var up api.Upload
	document := []byte("%PDF-1.7\n" + strings.Repeat("Passport of "+marker+"\n", 4000)) // four segments
	if err := sender.ask(t.Context(), "POST", "/api/v1/attachments?private=true&name=K"+marker+".pdf", document, http.StatusCreated, &up); err != nil {
		t.Fatal(err)
	}
	if err := sender.ask(t.Context(), "POST", "/api/v1/messages", draft(reader.handle, up.ID), http.StatusCreated, &sent); err != nil {
		t.Fatal(err)
	}
	reader.within(20*time.Second, func() error {
		var m api.Message
		err := reader.ask(t.Context(), "GET", "/api/v1/messages/"+sent.Number, nil, http.StatusOK, &m)
		if err == nil && (!strings.Contains(m.Text, marker) || m.Persons[0].Phone != "02"+marker) {
			err = fmt.Errorf("it says %+v", m)
		}
		return err
	})
	path := "/api/v1/records/" + sent.Number + "/attachments/1"
	reader.within(20*time.Second, func() error { // over the wire, and on the disk of its reader
		if got := reader.get(path); !bytes.Equal(got, document) {
			return fmt.Errorf("the file has %d bytes of %d", len(got), len(document))
		}
		return nil
	})
	f.settle(30*time.Second, 0)
	for _, m := range []*member{sender, reader} {
		if !m.keeps(up.ID) {
			t.Fatalf("%s does not hold the file where this test looks: it proves nothing", m.handle)
		}
	}
	if third.keeps(up.ID) || bytes.Contains(third.get(path), []byte(marker)) {
		t.Error("the third member has the file")
	}
	if found := third.search(func(raw []byte) bool { return bytes.Contains(raw, []byte(up.ID)) }); len(found) > 0 {
		t.Errorf("the third member has the name of the encrypted file in %v", found)
	}

	// The third member has the entry, as everybody has, and nothing of what it says.
	body := third.bodyOf(sent.ID)
	sealedBytes := body[len(body)/2 : len(body)/2+64] // of the ciphertext
	for _, m := range f.members {
		if !m.holds(sealedBytes) {
			t.Fatalf("%s does not hold the entry in a form that this test finds: it proves nothing", m.handle)
		}
		if found := m.traces(marker); len(found) > 0 {
			t.Errorf("%s has it in %v", m.handle, found)
		}
	}
	for _, path := range []string{"/api/v1/messages", "/api/v1/messages/" + sent.Number, "/api/v1/messages/" + sent.ID, "/api/v1/records/" + sent.Number, "/api/v1/records?limit=200",
		"/api/v1/records/" + sent.Number + "/attachments", "/api/v1/records/" + sent.ID + "/attachments/1", "/api/v1/status", "/api/v1/stream?since=0", "/metrics", "/api/v1/records/" + sent.ID + "/erasure"} {
		if raw := third.get(path); bytes.Contains(raw, []byte(marker)) || path == "/api/v1/messages" && bytes.Contains(raw, []byte(sent.ID)) {
			t.Errorf("%s of the third member: %s", path, raw)
		}
	}
	for _, m := range []*member{sender, reader} {
		if raw := m.get("/metrics"); bytes.Contains(raw, []byte(marker)) {
			t.Errorf("%s counts it", m.handle)
		}
	}

	// Erased: the sealed bytes go from all disks; what was never there stays away.
	if err := sender.ask(t.Context(), "POST", "/api/v1/records/"+sent.Number+"/erasure", []byte(`{"code":"personal_data"}`), http.StatusCreated, &sent); err != nil {
		t.Fatal(err)
	}
	for _, m := range f.members {
		m.within(60*time.Second, func() error {
			if m.holds(sealedBytes) {
				return errors.New(m.handle + " still holds the sealed bytes")
			}
			if m.keeps(up.ID) {
				return errors.New(m.handle + " still holds the file")
			}
			return nil
		})
	}
	heard.stop()
	for _, m := range f.members {
		m.stop()
		if found := m.traces(marker); len(found) > 0 {
			t.Errorf("after the end %s has it in %v", m.handle, found)
		}
	}
}

func randomText(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw)
	return strings.NewReplacer("-", "x", "_", "y").Replace(base64.RawURLEncoding.EncodeToString(raw))[:n]
}

// reaches waits until members can be written to.
func (m *member) reaches(handles ...string) {
	m.t.Helper()
	m.within(30*time.Second, func() error {
		var all struct{ Items []api.Recipient }
		if err := m.ask(m.t.Context(), "GET", "/api/v1/recipients", nil, http.StatusOK, &all); err != nil {
			return err
		}
		for _, handle := range handles {
			if !slices.ContainsFunc(all.Items, func(r api.Recipient) bool { return r.Handle == handle && r.Ready }) {
				return errors.New(handle + " has no key")
			}
		}
		return nil
	})
}

func (m *member) within(limit time.Duration, try func() error) {
	m.t.Helper()
	var err error
	limit = bar(limit, patience)
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	m.t.Fatalf("%s, after %v: %v\n%s", m.handle, limit, err, m.lastWords())
}

// get is whatever an address answers within a second.
func (m *member) get(path string) []byte {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+m.api+path, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+m.token)
	resp, err := m.client.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	var out bytes.Buffer
	_, _ = out.ReadFrom(resp.Body) // a stream ends with the second
	return out.Bytes()
}

// bodyOf is the body of an entry as a member holds it: the header names it.
func (m *member) bodyOf(entry string) []byte {
	m.t.Helper()
	header := m.get("/api/v1/blocks/" + entry)
	at := bytes.Index(header, []byte("dbody\xd8\x2aX%\x00"))
	if at < 0 {
		m.t.Fatalf("%s has no header of %s: %x", m.handle, entry, header)
	}
	cid := header[at+len("dbody\xd8\x2aX%\x00"):][:36]
	name := "b" + b32(cid)
	body := m.get("/api/v1/blocks/" + name)
	if len(body) < 4000 {
		m.t.Fatalf("%s has no body %s: %q", m.handle, name, body)
	}
	return body
}

func b32(raw []byte) string {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	var out strings.Builder
	var buffer, bits uint
	for _, b := range raw {
		buffer, bits = buffer<<8|uint(b), bits+8
		for bits >= 5 {
			bits -= 5
			out.WriteByte(letters[buffer>>bits&31])
		}
	}
	if bits > 0 {
		out.WriteByte(letters[buffer<<(5-bits)&31])
	}
	return out.String()
}

// holds reports whether a piece of bytes lies in a file of the home: any 32 of them, since
// a store may divide or compress what it writes.
func (m *member) holds(piece []byte) bool {
	return len(m.search(func(raw []byte) bool { return bytes.Contains(raw, piece[:32]) || bytes.Contains(raw, piece[32:]) })) > 0
}

// keeps reports whether anything of an attached file lies on the disk.
func (m *member) keeps(id string) bool {
	found, err := filepath.Glob(filepath.Join(m.home, "attachments", id+"*"))
	if err != nil {
		m.t.Fatal(err)
	}
	return len(found) > 0
}

// traces are files of the home, and its log, that hold a part of a text.
func (m *member) traces(text string) []string {
	return m.search(func(raw []byte) bool {
		for at := 0; at+16 <= len(text); at += 8 {
			if bytes.Contains(raw, []byte(text[at:at+16])) {
				return true
			}
		}
		return false
	})
}

func (m *member) search(in func(raw []byte) bool) (found []string) {
	m.t.Helper()
	look := func(name string) {
		if raw, err := os.ReadFile(name); err == nil && in(raw) {
			found = append(found, name)
		}
	}
	look(m.logFile())
	_ = filepath.WalkDir(m.home, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			look(name)
		}
		return nil // files come and go while a node runs
	})
	return found
}

// ear hears every packet on loopback.
type ear struct {
	t       *testing.T
	fd      int
	stopped chan struct{}

	mu      sync.Mutex // guards the rest
	packets int        // between nodes
	control bool
	heard   []string
}

// listen begins to look for a text in all packets on loopback but those of the members'
// own local interfaces, which programs on this machine speak with in plain text. Without
// the right to do so it says what is left out.
func listen(t *testing.T, text string, members []*member) *ear {
	t.Helper()
	e := &ear{t: t, stopped: make(chan struct{})}
	lo, err := net.InterfaceByName("lo")
	if err == nil {
		e.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_ALL)))
	}
	if err == nil {
		err = unix.Bind(e.fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: lo.Index})
	}
	if err == nil {
		_ = unix.SetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
		err = unix.SetsockoptTimeval(e.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000})
	}
	if err != nil {
		t.Logf("packets are not looked at, which takes root: %v", err)
		close(e.stopped)
		return e
	}
	local, between := map[uint16]bool{}, map[uint16]bool{}
	for _, m := range members {
		_, port, _ := net.SplitHostPort(m.api)
		var n uint16
		_, _ = fmt.Sscan(port, &n)
		local[n], between[uint16(m.port)] = true, true
	}
	control := randomText(40)
	quit := make(chan struct{})
	go func() {
		defer close(e.stopped)
		buf := make([]byte, 128<<10)
		for {
			select {
			case <-quit:
				return
			default:
			}
			n, _, err := unix.Recvfrom(e.fd, buf, 0)
			if err != nil || n < 14+20+8 || buf[12] != 0x08 || buf[13] != 0 {
				continue
			}
			at := 14 + int(buf[14]&15)*4
			if at+4 > n {
				continue
			}
			from, to := uint16(buf[at])<<8|uint16(buf[at+1]), uint16(buf[at+2])<<8|uint16(buf[at+3])
			e.mu.Lock()
			if between[from] || between[to] {
				e.packets++
			}
			e.control = e.control || bytes.Contains(buf[:n], []byte(control))
			if !local[from] && !local[to] && bytes.Contains(buf[:n], []byte(text[:20])) {
				e.heard = append(e.heard, fmt.Sprintf("%d → %d", from, to))
			}
			e.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		select {
		case <-quit:
		default:
			close(quit)
		}
		<-e.stopped
		_ = unix.Close(e.fd)
	})
	conn, err := net.Dial("udp4", "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(control))
	return e
}

// stop ends hearing and judges what was heard.
func (e *ear) stop() {
	e.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case <-e.stopped:
		return // nothing was looked at
	default:
	}
	if !e.control || e.packets < 20 {
		e.t.Fatalf("the ear is deaf: %d packets between nodes, its own word heard: %v", e.packets, e.control)
	}
	if len(e.heard) > 0 {
		e.t.Errorf("packets hold it: %v", e.heard[:min(len(e.heard), 5)])
	}
	e.t.Logf("%d packets between nodes", e.packets)
}

func htons(n uint16) uint16 { return n<<8 | n>>8 }
