package home

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/dure-net/dure/node/backup"
)

// Config is everything that can be set of a node. What nodes must agree on is not
// here: those are constants of protocol. The zero value of every field means the
// default (Default); Home.Settings fills them in.
type Config struct {
	Lang string `toml:"lang"` // ko, en, fr or es; "": the language of the environment

	Listen   []string `toml:"listen"`    // multiaddrs on which other nodes reach this one
	Announce []string `toml:"announce"`  // multiaddrs told to others in place of those found out; none: those found out
	MDNS     *bool    `toml:"mdns"`      // look for nodes on the local network
	Relay    bool     `toml:"relay"`     // pass on connections for members behind NAT
	RelayVia []string `toml:"relay_via"` // multiaddrs with /p2p/… of relays to be reached through; none: members that offer it
	Peers    []string `toml:"peers"`     // multiaddrs with /p2p/… of nodes to be tried first

	API struct {
		Listen      string   `toml:"listen"`       // host:port of the local API and pages
		Hosts       []string `toml:"hosts"`        // further names by which browsers and programs may call it
		Container   bool     `toml:"container"`    // inside a container: may listen beyond loopback
		BehindProxy bool     `toml:"behind_proxy"` // a proxy with TLS stands before it: may listen beyond loopback
		Public      bool     `toml:"public"`       // open data may be read without a token, within rate limits

		TLS bool `toml:"-"` // no setting: tls.crt and tls.key lie in the home. The interface speaks TLS, and may listen beyond loopback
	} `toml:"api"`

	Log struct {
		Level  string `toml:"level"`  // debug, info, warn, error
		Format string `toml:"format"` // auto (text on a terminal, else JSON), text, json
	} `toml:"log"`

	Storage struct {
		FloorBytes uint64 `toml:"floor_bytes"` // free space below which nothing new is accepted; 0: by the size of the disk

		// Which files of records are fetched before somebody asks for them, and what others'
		// files may take of the disk: "own, 2 GiB"; see Keep.
		Attachments string `toml:"attachments"`
	} `toml:"storage"`

	Backup struct {
		Dir        string   `toml:"dir"`        // where the running node writes a backup every day; "": nowhere. Relative: below the home
		Keep       uint64   `toml:"keep"`       // so many of them are kept
		Recipients []string `toml:"recipients"` // age recipients (age1…) for whom they are encrypted; none: not encrypted
	} `toml:"backup"`
}

// Bounds of settings.
const (
	// maxListed bounds each list of addresses or names: nobody writes more by hand.
	maxListed = 64

	// minFloor is the least free-space floor. A full disk kills Badger with SIGBUS, and
	// one memory table of it is written out at once.
	minFloor = 16 << 20

	// maxKeep: more than three years of daily backups are a mistake in typing.
	maxKeep = 1000
)

// Default is where the defaults are written.
func Default() Config {
	var c Config
	c.Listen = []string{
		"/ip4/0.0.0.0/udp/4710/quic-v1", "/ip6/::/udp/4710/quic-v1",
		"/ip4/0.0.0.0/tcp/4710", "/ip6/::/tcp/4710",
	}
	c.MDNS = new(bool)
	*c.MDNS = true
	c.API.Listen = "127.0.0.1:7710"
	c.Log.Level = "info"
	c.Log.Format = "auto"
	c.Storage.Attachments = "own, 2 GiB"
	c.Backup.Keep = 7
	return c
}

// WithDefaults fills every zero field with its default. Slices are shared with c.
func (c Config) WithDefaults() Config {
	d := Default()
	for _, k := range keys {
		if k.zero(&c) {
			k.copy(&c, &d)
		}
	}
	return c
}

var (
	languages  = []string{"ko", "en", "fr", "es"}
	logLevels  = []string{"debug", "info", "warn", "error"}
	logFormats = []string{"auto", "text", "json"}
)

// Validate finds everything wrong with the settings at once: nil, or a ReasonConfig
// error whose chain holds Faults. It repairs nothing. Zero fields are right.
func (c Config) Validate() error { return c.faults().err("check settings") }

func (c Config) faults() (f Faults) {
	bad := func(key string, code FaultCode, value, want string) {
		f = append(f, Fault{Key: key, Code: code, Value: clip(value), Want: want})
	}
	oneOf := func(key, value string, among []string) {
		if value != "" && !slices.Contains(among, value) {
			bad(key, FaultNotOneOf, value, strings.Join(among, ", "))
		}
	}
	addresses := func(key string, list []string, want string, ok func(multiaddr.Multiaddr) bool) {
		if len(list) > maxListed {
			bad(key, FaultTooMany, strconv.Itoa(len(list)), strconv.Itoa(maxListed))
			return
		}
		for i, text := range list {
			if a, err := multiaddr.NewMultiaddr(text); err != nil || !ok(a) {
				bad(fmt.Sprintf("%s[%d]", key, i), FaultBadAddress, text, want)
			}
		}
	}
	oneOf("lang", c.Lang, languages)
	addresses("listen", c.Listen, "/ip4/0.0.0.0/tcp/4710", isListenable)
	addresses("announce", c.Announce, "/ip4/203.0.113.5/tcp/4710", isReachable)
	addresses("relay_via", c.RelayVia, "/dns/relay.example/tcp/4710/p2p/…", isNode)
	addresses("peers", c.Peers, "/dns/node.example/tcp/4710/p2p/…", isNode)

	if c.API.Listen != "" {
		host, port, err := net.SplitHostPort(c.API.Listen)
		if _, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || !isHost(host) && host != "" {
			bad("api.listen", FaultBadAddress, c.API.Listen, "127.0.0.1:7710")
		} else if !isLoopback(host) && !c.API.Container && !c.API.BehindProxy && !c.API.TLS {
			bad("api.listen", FaultNotLoopback, c.API.Listen, "api.behind_proxy, api.container")
		}
	}
	if len(c.API.Hosts) > maxListed {
		bad("api.hosts", FaultTooMany, strconv.Itoa(len(c.API.Hosts)), strconv.Itoa(maxListed))
	} else {
		for i, name := range c.API.Hosts {
			if !isHostPort(name) {
				bad(fmt.Sprintf("api.hosts[%d]", i), FaultBadAddress, name, "node.example, node.example:8443")
			}
		}
	}
	oneOf("log.level", c.Log.Level, logLevels)
	oneOf("log.format", c.Log.Format, logFormats)
	if n := c.Storage.FloorBytes; n != 0 && n < minFloor {
		bad("storage.floor_bytes", FaultTooSmall, strconv.FormatUint(n, 10), strconv.Itoa(minFloor))
	}
	if text := c.Storage.Attachments; text != "" {
		if _, ok := ParseKeep(text); !ok {
			bad("storage.attachments", FaultNotOneOf, text, "none, own, matching, all; own, 2 GiB")
		}
	}
	if n := c.Backup.Keep; n > maxKeep {
		bad("backup.keep", FaultTooMany, strconv.FormatUint(n, 10), strconv.Itoa(maxKeep))
	}
	if len(c.Backup.Recipients) > maxListed {
		bad("backup.recipients", FaultTooMany, strconv.Itoa(len(c.Backup.Recipients)), strconv.Itoa(maxListed))
	} else {
		for i, line := range c.Backup.Recipients {
			if _, err := backup.Recipients(line); err != nil {
				bad(fmt.Sprintf("backup.recipients[%d]", i), FaultBadAddress, line, "age1…")
			}
		}
	}
	return f
}

// isListenable asks for what a socket can be bound to: an address and a port.
func isListenable(a multiaddr.Multiaddr) bool {
	_, ip4 := a.ValueForProtocol(multiaddr.P_IP4)
	_, ip6 := a.ValueForProtocol(multiaddr.P_IP6)
	return (ip4 == nil || ip6 == nil) && hasPort(a) && !has(a, multiaddr.P_P2P)
}

// isReachable asks for an address that others could dial.
func isReachable(a multiaddr.Multiaddr) bool {
	return hasPort(a) && !manet.IsIPUnspecified(a) && !has(a, multiaddr.P_P2P)
}

// isNode asks for an address that ends in a node's identity: without it anybody who
// answers at that address would be taken for the node.
func isNode(a multiaddr.Multiaddr) bool {
	return hasPort(a) && !manet.IsIPUnspecified(a) && has(a, multiaddr.P_P2P) && !has(a, multiaddr.P_CIRCUIT)
}

func hasPort(a multiaddr.Multiaddr) bool {
	return has(a, multiaddr.P_TCP) || has(a, multiaddr.P_UDP) && (has(a, multiaddr.P_QUIC_V1) || has(a, multiaddr.P_WEBRTC_DIRECT))
}

func has(a multiaddr.Multiaddr, code int) bool {
	_, err := a.ValueForProtocol(code)
	return err == nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func isHostPort(name string) bool {
	host, port, err := net.SplitHostPort(name)
	if err != nil {
		return isHost(strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"))
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0 && isHost(host)
}

// isHost accepts IP addresses and plain host names: no scheme, path or wildcard, since
// the list is compared with the Host header exactly.
func isHost(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
				return false
			}
		}
	}
	return true
}

// nearest is the setting whose name is closest to an unknown one; "" when none is close.
func nearest(name string) string {
	best, far := "", 4
	for _, k := range keys {
		for _, candidate := range []string{k.name, k.name[strings.LastIndexByte(k.name, '.')+1:]} {
			for _, typed := range []string{name, name[strings.LastIndexByte(name, '.')+1:]} {
				if d := distance(typed, candidate); d < far && d <= len(candidate)/2 {
					best, far = k.name, d
				}
			}
		}
	}
	return best
}

// distance is the Levenshtein distance, on bytes: names of settings are ASCII.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost = 1 + min(diagonal, row[j], row[j-1])
			}
			diagonal, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}
