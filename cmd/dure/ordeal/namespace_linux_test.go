package ordeal

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// lab is some network namespaces on one bridge, which is "the internet": 10.77.0.0/24.
// It is gone when the test is over.
type lab struct {
	t      testing.TB
	prefix string
	spaces map[string]bool
}

var labs atomic.Int32

const outside = "net" // the namespace that holds the bridge

// newLab skips the test where namespaces cannot be made.
func newLab(t testing.TB) *lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("skipped: network namespaces need root")
	}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("skipped: %v", err)
		}
	}
	l := &lab{t: t, prefix: fmt.Sprintf("ordeal%d-%d-", os.Getpid(), labs.Add(1)), spaces: map[string]bool{}}
	t.Cleanup(l.clear)
	if out, err := exec.Command("ip", "netns", "add", l.name(outside)).CombinedOutput(); err != nil {
		t.Skipf("skipped: network namespaces cannot be made here: %v: %s", err, out)
	}
	l.spaces[outside] = true
	if out, err := exec.Command("ip", "-n", l.name(outside), "link", "add", "br", "type", "bridge").CombinedOutput(); err != nil {
		t.Skipf("skipped: bridges cannot be made here: %v: %s", err, out)
	}
	l.ip(outside, "link set br up")
	return l
}

func (l *lab) name(space string) string { return l.prefix + space }

func (l *lab) clear() {
	for space := range l.spaces {
		if out, err := exec.Command("ip", "netns", "del", l.name(space)).CombinedOutput(); err != nil {
			l.t.Errorf("removing namespace %s: %v: %s", space, err, out)
		}
	}
}

func (l *lab) run(name string, args ...string) {
	l.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		l.t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// ip runs one ip command inside a namespace.
func (l *lab) ip(space, command string) {
	l.t.Helper()
	l.run("ip", append([]string{"-n", l.name(space)}, strings.Fields(command)...)...)
}

// filter loads nftables rules inside a namespace.
func (l *lab) filter(space, rules string) {
	l.t.Helper()
	file := filepath.Join(l.t.TempDir(), "rules.nft")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		l.t.Fatal(err)
	}
	l.run("ip", "netns", "exec", l.name(space), "nft", "-f", file)
}

// add makes a namespace.
func (l *lab) add(space string) {
	l.t.Helper()
	l.run("ip", "netns", "add", l.name(space))
	l.spaces[space] = true
	l.ip(space, "link set lo up")
}

// plug connects a namespace to the bridge br of another, under an address with its length.
func (l *lab) plug(space, link, into, bridge, address string) {
	l.t.Helper()
	far := "to-" + space
	l.run("ip", "-n", l.name(space), "link", "add", link, "type", "veth", "peer", "name", far, "netns", l.name(into))
	l.ip(into, "link set "+far+" master "+bridge+" up")
	l.ip(space, "addr add "+address+" dev "+link)
	l.ip(space, "link set "+link+" up")
}

// machine makes a namespace on the bridge of the outside.
func (l *lab) machine(space, ip string) {
	l.t.Helper()
	l.add(space)
	l.plug(space, "eth0", outside, "br", ip+"/24")
}

func dialInside(ctx context.Context, space, network, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread()
		var r result
		defer func() { done <- r }()
		at, err := os.Open("/run/netns/" + space)
		if err != nil {
			r.err = err
			return
		}
		defer at.Close()
		if r.err = unix.Setns(int(at.Fd()), unix.CLONE_NEWNET); r.err != nil {
			return
		}
		var d net.Dialer
		r.conn, r.err = d.DialContext(ctx, network, address)
	}()
	r := <-done
	return r.conn, r.err
}
