//go:build linux

package api_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
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

// serve answers on l with the interface of w until the test ends.
func (w *world) serve(l net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- api.Serve(ctx, l, w.srv.Config.Handler, nil) }()
	w.t.Cleanup(func() { cancel(); <-done })
}

func TestSocket_TheOwnerNeedsNoToken(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "api.sock")
	left, err := net.Listen("unix", path) // what a killed process leaves behind
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = left.Close()
	l, err := api.ListenSocket(path, nil)
	if err != nil || l == nil {
		t.Fatal(l, err)
	}
	w.serve(l)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has mode %v, %v", info.Mode(), err)
	}
	c := api.NewSocketClient(path)
	defer c.Close()
	who, err := c.Caller(t.Context())
	if err != nil || who.Name != "owner" || len(who.Scopes) != 4 {
		t.Errorf("got %+v, %v", who, err)
	}
	if _, err := c.Publish(t.Context(), api.Draft{Type: "request", Raw: []byte(goodRequest)}); err != nil {
		t.Error(err)
	}
	if resp, _ := w.ask("GET", "/api/v1/caller", "", "Authorization", ""); resp.StatusCode != 401 {
		t.Errorf("without a token by the address: %d", resp.StatusCode)
	}
	file := filepath.Join(t.TempDir(), "api.sock")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := api.ListenSocket(file, nil); protocol.ReasonOf(err) != protocol.ReasonHomeUnwritable {
		t.Errorf("something else lies there: got %v", err)
	}
	if l, err := api.ListenSocket(filepath.Join(t.TempDir(), strings.Repeat("a", 120)), nil); l != nil || err != nil {
		t.Errorf("a path too long: got %v, %v", l, err)
	}
}

// Whoever opens the socket in spite of its mode is asked who they are by the kernel.
func TestSocket_SomebodyElseIsTurnedAway(t *testing.T) {
	if path := os.Getenv("DURE_TEST_SOCKET"); path != "" { // the other user
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: dure\r\n\r\n")
		answer, _ := io.ReadAll(conn)
		_, _ = os.Stdout.WriteString("answered [" + string(answer) + "]\n")
		return
	}
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	dir, err := os.MkdirTemp("/tmp", "dure")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "api.sock")
	l, err := api.ListenSocket(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	newWorld(t).serve(l)
	raw, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	self := filepath.Join(dir, "self")
	for name, mode := range map[string]os.FileMode{dir: 0o777, path: 0o666} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(self, raw, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		uid  uint32
		want string
	}{{65534, "answered []"}, {0, "200 OK"}} {
		cmd := exec.Command("timeout", "3", self, "-test.run", "^TestSocket_SomebodyElseIsTurnedAway$")
		cmd.Dir, cmd.Env = dir, []string{"DURE_TEST_SOCKET=" + path, "PATH=" + os.Getenv("PATH")}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: c.uid, Gid: c.uid}}
		cmd.Stderr = nil
		if c.uid == 0 { // the server keeps the connection open
			cmd = exec.Command("curl", "-sim", "3", "--unix-socket", path, "http://dure/healthz")
			if _, err := exec.LookPath("curl"); err != nil {
				continue
			}
		}
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), c.want) {
			t.Errorf("user %d got %q, want %q", c.uid, out, c.want)
		}
	}
}

// certificate writes a fresh pair and gives the serial number.
func certificate(t *testing.T, cert, key string, serial int64) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "node.example"}, DNSNames: []string{"node.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTLS_TheHomesCertificate(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	if _, err := api.TLS(cert, key); protocol.ReasonOf(err) != protocol.ReasonConfig {
		t.Errorf("no certificate: got %v", err)
	}
	certificate(t, cert, key, 1)
	conf, err := api.TLS(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := api.Listen("127.0.0.1:0", true)
	if err != nil {
		t.Fatal(err)
	}
	base := "https://" + l.Addr().String()
	w.serve(tls.NewListener(l, conf))

	c := api.NewClient(base, token)
	defer c.Close()
	if _, err := c.Status(t.Context()); protocol.ReasonOf(err) != protocol.ReasonNotRunning {
		t.Errorf("a certificate that nobody vouches for: got %v", err)
	}
	trusting := api.NewClient(base, token)
	defer trusting.Close()
	if err := trusting.Trust(cert); err != nil {
		t.Fatal(err)
	}
	if _, err := trusting.Status(t.Context()); err != nil {
		t.Error(err)
	}
	other := filepath.Join(dir, "other.crt")
	certificate(t, other, filepath.Join(dir, "other.key"), 2)
	wary := api.NewClient(base, token)
	defer wary.Close()
	if err := wary.Trust(other); err != nil {
		t.Fatal(err)
	}
	if _, err := wary.Status(t.Context()); protocol.ReasonOf(err) != protocol.ReasonNotRunning {
		t.Errorf("another certificate than the one trusted: got %v", err)
	}
	if resp, err := http.Get("http://" + l.Addr().String() + "/healthz"); err == nil && resp.StatusCode == 200 {
		t.Error("it speaks without TLS too")
	}
	if _, err := api.TLS(other, key); protocol.ReasonOf(err) != protocol.ReasonConfig {
		t.Errorf("a key of another certificate: got %v", err)
	}
}
