//go:build linux

package ordeal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

// member is one city: its home, and its process while it runs.
type member struct {
	t         testing.TB
	handle    string
	home      string
	key, root protocol.PrivateKey
	ip        string // where other nodes reach it
	port      int
	api       string // host:port
	space     string // network namespace; "": this process's own
	log       string // its log; "": beside the home

	process *exec.Cmd
	ended   chan error // closed after the process ended
	spawned time.Time
	client  *http.Client
	token   string
}

// addresses are the multiaddrs that other members are given.
func (m *member) addresses() []string {
	id := nodeID(m.t, m.key.Public())
	return []string{fmt.Sprintf("/ip4/%s/udp/%d/quic-v1/p2p/%s", m.ip, m.port, id), fmt.Sprintf("/ip4/%s/tcp/%d/p2p/%s", m.ip, m.port, id)}
}

// spawn starts the process and does not wait for it.
func (m *member) spawn() {
	m.t.Helper()
	if m.process != nil {
		m.t.Fatalf("%s runs already", m.handle)
	}
	args := []string{binary(m.t), "start", "--home", m.home}
	if m.space != "" {
		args = append([]string{"ip", "netns", "exec", m.space}, args...) // replaces itself: the process id is the node's
	}
	log, err := os.OpenFile(m.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		m.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = plainEnvironment(), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	m.spawned = time.Now()
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.process, m.ended = cmd, make(chan error)
	go func(ended chan error) {
		_ = cmd.Wait()
		close(ended)
	}(m.ended)
	m.t.Cleanup(m.kill)
}

// logFile lies beside the home, so that it lives as long, where nothing else is said.
func (m *member) logFile() string {
	if m.log != "" {
		return m.log
	}
	return m.home + ".log"
}

// kill ends the process at once, as a power switch does, and waits until it is gone.
func (m *member) kill() { m.end(syscall.SIGKILL) }

// stop asks the process to end.
func (m *member) stop() { m.end(syscall.SIGTERM) }

func (m *member) end(how syscall.Signal) {
	if m.process == nil {
		return
	}
	_ = m.process.Process.Signal(how)
	select {
	case <-m.ended:
	case <-time.After(bar(20*time.Second, patience)):
		_ = m.process.Process.Kill()
		<-m.ended
		m.t.Errorf("%s did not end within its time of %v:\n%s", m.handle, how, m.lastWords())
	}
	m.process = nil
	if m.client != nil {
		m.client.CloseIdleConnections()
	}
}

// awaitReady waits for /readyz and returns how long after the start it answered.
func (m *member) awaitReady(within time.Duration) time.Duration {
	m.t.Helper()
	within = bar(within, patience)
	if m.client == nil {
		m.client = &http.Client{Timeout: bar(20*time.Second, patience), Transport: &http.Transport{DialContext: dialIn(m.space), MaxIdleConnsPerHost: 32}}
	}
	if m.token == "" {
		raw, err := os.ReadFile(filepath.Join(m.home, "api.token"))
		if err != nil {
			m.t.Fatal(err)
		}
		m.token = strings.TrimSpace(string(raw))
	}
	var said []byte // by the node, of why it is not ready
	for {
		resp, err := m.client.Get("http://" + m.api + "/readyz")
		took := time.Since(m.spawned)
		if err == nil {
			said, _ = io.ReadAll(io.LimitReader(resp.Body, 64<<10))
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return took
			}
		}
		select {
		case <-m.ended:
			m.t.Fatalf("%s ended by itself:\n%s", m.handle, m.lastWords())
		default:
		}
		if took > within {
			m.t.Fatalf("%s is not ready after %v (%v): %s\n%s", m.handle, took, err, said, m.lastWords())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// refusal is an answer other than the wanted one.
type refusal struct {
	status int
	body   string
}

func (r refusal) Error() string { return fmt.Sprintf("%d %s", r.status, r.body) }

// busy reports whether the node said that nothing was written, and that it can be tried again.
func (r refusal) busy() bool {
	return r.status == http.StatusServiceUnavailable && strings.Contains(r.body, `"code":"busy"`)
}

func (m *member) ask(ctx context.Context, method, path string, body []byte, want int, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+m.api+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+m.token)
	switch {
	case json.Valid(body):
		req.Header.Set("Content-Type", "application/json")
	case body != nil:
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	resp, err := m.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != want {
		return refusal{resp.StatusCode, string(raw)}
	}
	return json.Unmarshal(raw, into)
}

func (m *member) status() (s api.Status, err error) {
	return s, m.ask(context.Background(), http.MethodGet, "/api/v1/status", nil, http.StatusOK, &s)
}

// publish posts a record; without an error it was acknowledged with 201.
func (m *member) publish(record []byte) (r api.Receipt, err error) {
	return r, m.ask(context.Background(), http.MethodPost, "/api/v1/records", record, http.StatusCreated, &r)
}

func (m *member) mustPublish(n int, record func(int) []byte) {
	m.t.Helper()
	began := time.Now()
	for i := 0; i < n; {
		var refused refusal
		switch _, err := m.publish(record(i)); {
		case err == nil:
			i++
		case errors.As(err, &refused) && refused.busy() && time.Since(began) < patience:
			time.Sleep(100 * time.Millisecond) // as its hint says
		default:
			m.t.Fatalf("%s does not publish: %v\n%s", m.handle, err, m.lastWords())
		}
	}
}

func (m *member) record(ref string) (r api.Record, err error) {
	return r, m.ask(context.Background(), http.MethodGet, "/api/v1/records/"+url.PathEscape(ref), nil, http.StatusOK, &r)
}

// records reads the whole list, page by page.
func (m *member) records() (map[string]api.Record, error) {
	all := map[string]api.Record{}
	for cursor := ""; ; {
		var page api.RecordPage
		err := m.ask(context.Background(), http.MethodGet, "/api/v1/records?limit=200&cursor="+url.QueryEscape(cursor), nil, http.StatusOK, &page)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Items {
			all[r.ID] = r
		}
		if cursor = page.NextCursor; cursor == "" {
			return all, nil
		}
	}
}

// verify runs dure verify, on the running node or the stopped home.
func (m *member) verify() api.VerifyReport {
	m.t.Helper()
	var report api.VerifyReport
	if m.space != "" {
		m.t.Fatal("verify asks over loopback of its own network namespace")
	}
	dure(m.t, &report, "verify", "--home", m.home)
	if !report.OK || report.Damaged > 0 {
		m.t.Fatalf("%s: verify found damage: %+v", m.handle, report)
	}
	return report
}

// link is how this member is connected to another.
func (m *member) link(other *member) (api.NodeStatus, error) {
	s, err := m.status()
	if err != nil {
		return api.NodeStatus{}, err
	}
	for _, o := range s.Members {
		for _, n := range o.Nodes {
			if n.ID == other.key.Public().String() {
				return n, nil
			}
		}
	}
	return api.NodeStatus{}, errors.New("not a node that is known")
}

// lastWords are the last lines of the process's log.
func (m *member) lastWords() string {
	raw, err := os.ReadFile(m.logFile())
	if err != nil {
		return err.Error()
	}
	return string(raw[max(0, len(raw)-3000):])
}

// request is a record as a member of staff would write it, different for each n.
func request(n int) []byte {
	return fmt.Appendf(nil, `{"type":"request","lang":"ko","kind":"personnel","mode":"expert_mission",
"title":{"ko":"사회적경제 공공구매 조례 자문 전문가 %d명"},"summary":{"ko":"조례 개정안 검토와 구매 담당 공무원 연수."},
"themes":["public_procurement"],"delivery":"hybrid","window":{"from":"2027-03-02","to":"2027-05-28"},"valid_until":"2027-02-26",
"working_languages":["ko","en"],"return":"cost_recovery","costs":{"travel":"receiver"},"skills":["2422"],
"effort":{"value":"15","unit":"DAY"},"place":{"country":"KR","label":"서울"}}`, n)
}

// notice is a long record: about 40 KiB of text in four languages.
func notice(n int) []byte {
	text := strings.Repeat("회원 도시의 사회적경제 조직에 알립니다. ", 160)
	return fmt.Appendf(nil, `{"type":"notice","lang":"ko","category":"news","title":{"ko":"알림 %d"},"valid_until":"2027-05-28",
"body":{"ko":%q,"en":%q,"fr":%q,"es":%q}}`, n, text, text, text, text)
}

// dialIn is how a client dials into a network namespace.
func dialIn(space string) func(context.Context, string, string) (net.Conn, error) {
	var d net.Dialer
	if space == "" {
		return d.DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialInside(ctx, space, network, address)
	}
}
