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
	sweep()
	l := &lab{t: t, prefix: fmt.Sprintf("ordeal%d-%d-", os.Getpid(), labs.Add(1)), spaces: map[string]bool{}}
	t.Cleanup(l.clear)
	if out, err := exec.Command("ip", "netns", "add", l.name(outside)).CombinedOutput(); err != nil {
		t.Skipf("skipped: network namespaces cannot be made here: %v: %s", err, out)
	}
	l.spaces[outside] = true
	if out, err := exec.Command("ip", "-n", l.name(outside), "link", "add", "name", "hub", "type", "bridge").CombinedOutput(); err != nil {
		t.Skipf("skipped: bridges cannot be made here: %v: %s", err, out)
	}
	l.ip(outside, "link set hub up")
	return l
}

// sweep removes namespaces of processes that did not live to do it.
func sweep() {
	spaces, err := filepath.Glob("/run/netns/ordeal*-*")
	if err != nil {
		return
	}
	for _, path := range spaces {
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(path), "ordeal%d-", &pid); err != nil {
			continue
		}
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); os.IsNotExist(err) {
			_ = exec.Command("ip", "netns", "del", filepath.Base(path)).Run()
		}
	}
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

// wall puts nftables rules on one hook (input, output, forward) of a namespace. policy is
// what happens to packets that no rule decides on.
func (l *lab) wall(space, hook, policy string, rules ...string) {
	l.t.Helper()
	l.rules(space, "inet wall-"+hook, "type filter hook "+hook+" priority 0; policy "+policy+";", rules...)
}

// masquerade gives all that leaves through a link the link's own address. how is empty,
// or "fully-random" for a router that takes another port for every conversation, so that
// no holes can be punched.
func (l *lab) masquerade(space, link, how string) {
	l.t.Helper()
	l.rules(space, "ip nat", "type nat hook postrouting priority 100;", "oifname "+link+" masquerade "+how)
}

func (l *lab) rules(space, table, chain string, rules ...string) {
	l.t.Helper()
	text := fmt.Sprintf("add table %s\nadd chain %s only { %s }\n", table, table, chain)
	for _, rule := range rules {
		text += fmt.Sprintf("add rule %s only %s\n", table, rule)
	}
	cmd := exec.Command("ip", "netns", "exec", l.name(space), "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Fatalf("nft: %v: %s\n%s", err, out, text)
	}
}

// add makes a namespace.
func (l *lab) add(space string) {
	l.t.Helper()
	l.run("ip", "netns", "add", l.name(space))
	l.spaces[space] = true
	l.ip(space, "link set lo up")
}

// plug connects a namespace to a bridge of another, under an address with its length.
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
	l.plug(space, "eth0", outside, "hub", ip+"/24")
}

// router makes a namespace that lets out what is behind it, under its own address on the
// outside, and nothing in. What is behind it plugs into its bridge "inner".
func (l *lab) router(space, ip, inside, how string) {
	l.t.Helper()
	l.machine(space, ip)
	l.ip(space, "link add name inner type bridge")
	l.ip(space, "addr add "+inside+"/24 dev inner")
	l.ip(space, "link set inner up")
	l.run("ip", "netns", "exec", l.name(space), "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
	l.masquerade(space, "eth0", how)
	l.wall(space, "forward", "accept", "iifname eth0 ct state new drop")
}

// behind makes a machine behind a router.
func (l *lab) behind(router, inside, space, ip string) {
	l.t.Helper()
	l.add(space)
	l.plug(space, "eth0", router, "inner", ip+"/24")
	l.ip(space, "route add default via "+inside)
}

// dialInside dials in a network namespace. The thread comes back from there: one that
// ended would take the processes along that were started from it (Pdeathsig).
func dialInside(ctx context.Context, space, network, address string) (conn net.Conn, err error) {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	defer home.Close()
	there, err := os.Open("/run/netns/" + space)
	if err == nil {
		defer there.Close()
		err = unix.Setns(int(there.Fd()), unix.CLONE_NEWNET)
	}
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	defer func() {
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
			panic("a thread is lost in a network namespace: " + back.Error())
		}
		runtime.UnlockOSThread()
	}()
	var d net.Dialer // dials the one address in this goroutine
	return d.DialContext(ctx, network, address)
}
