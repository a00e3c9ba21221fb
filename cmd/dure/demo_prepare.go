package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	dice "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/mr-tron/base58"

	"github.com/dure-net/dure/node/enrol"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/node/phrase"
	"github.com/dure-net/dure/node/sample"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
)

// running are the members that a demonstration runs first; further ones follow in the order of the sample.
var running = []string{"kr-seoul", "ca-montreal", "es-bilbao", "sn-dakar", "mx-mexico-city"}

// firstAPIPort is where the local addresses of the demonstration begin, as in docker-compose.yml; where they are taken,
// free ones are used.
const firstAPIPort = 7711

// demoKey is a key that everybody can make: the members of the demonstration have no secrets.
func demoKey(what, handle string) protocol.PrivateKey {
	seed := sha256.Sum256([]byte("dure/demo/" + what + "/1\x00" + handle))
	key, err := protocol.NewPrivateKey(seed[:])
	if err != nil {
		panic("dure: internal error: " + err.Error()) // 32 bytes are a seed
	}
	return key
}

// prepare writes the homes of the members that run.
func (d *demo) prepare(ctx context.Context, members int) error {
	all := sample.Members()
	rank := func(m sample.Member) int {
		if i := slices.Index(running, m.Handle); i >= 0 {
			return i
		}
		return len(running)
	}
	slices.SortStableFunc(all, func(a, b sample.Member) int { return rank(a) - rank(b) })
	records, err := d.shifted()
	if err != nil {
		return err
	}
	ports, release, err := freePorts(2 * members)
	if err != nil {
		return err
	}
	defer release()
	ports, apis := ports[:members], apiPorts(ports[members:])
	seed := enrol.Seed{Names: d.inAllLanguages("demo.federation"), Charter: d.inAllLanguages("demo.charter"), Notice: sample.About()}
	_, _ = rand.Read(seed.Salt[:]) // crypto/rand never fails; two demonstrations are two federations
	if seed.Rules, err = charter.RuleSet("charter-2014"); err != nil {
		return err
	}
	for i, m := range all {
		s := enrol.SeedMember{Facts: factsOf(m), Root: demoKey("root", m.Handle), Node: demoKey("node", m.Handle)}
		if i >= members {
			seed.Members = append(seed.Members, s)
			continue
		}
		c := &city{Member: m, dir: filepath.Join(d.dir, m.Handle), drafts: records[m.Handle]}
		delete(records, m.Handle)
		s.Home, s.Config = c.dir, demoConfig(i, ports, apis, all)
		seed.Members = append(seed.Members, s)
		seed.Offices = append(seed.Offices, protocol.Term{Office: protocol.OfficeSteering, Member: m.Handle})
		d.cities = append(d.cities, c)
	}
	seed.Offices = append(seed.Offices, protocol.Term{Office: protocol.OfficeChairCity, Member: all[0].Handle})
	d.seed, d.absent = seed, records
	if _, err := seed.Write(ctx, io.Discard); err != nil {
		return err
	}
	for _, c := range d.cities {
		if c.home, err = home.Open(c.dir, home.Options{}); err != nil {
			return err
		}
	}
	d.a.note("demo.prepared", args{"count": len(d.cities), "absent": len(all) - len(d.cities), "path": d.dir})
	return nil
}

// shifted are the sample records by owner, with their days moved so that the day they were written around is today.
func (d *demo) shifted() (map[string][]sample.Record, error) {
	days, err := sample.DaysTo(d.a.now().UTC().Format("2006-01-02"))
	if err != nil {
		return nil, err
	}
	out := map[string][]sample.Record{}
	for _, r := range sample.Records() {
		out[r.Member] = append(out[r.Member], r.Shift(days))
		d.records++
	}
	return out, nil
}

func (d *demo) inAllLanguages(key string) protocol.Text {
	out := protocol.Text{}
	for _, lang := range phrase.Languages() {
		out[lang] = d.a.book.Say(lang, key, nil)
	}
	return out
}

func factsOf(m sample.Member) protocol.MemberFacts {
	f := protocol.MemberFacts{Handle: m.Handle, Kind: protocol.MemberKind(m.Kind), Category: protocol.CategoryFull, Country: m.Country, Names: m.Names}
	if f.Kind == protocol.KindOrganisation {
		f.City = m.Place
	}
	return f
}

// demoConfig is the settings of the i-th city: loopback only, the others known by their addresses.
func demoConfig(i int, ports, apis []int, all []sample.Member) home.Config {
	var c home.Config
	addresses := func(port int) []string {
		return []string{fmt.Sprintf("/ip4/127.0.0.1/udp/%d/quic-v1", port), fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port)}
	}
	c.Listen = addresses(ports[i])
	for other, port := range ports {
		if other == i {
			continue
		}
		for _, address := range addresses(port) {
			c.Peers = append(c.Peers, address+"/p2p/"+nodeName(demoKey("node", all[other].Handle).Public()))
		}
	}
	off := false
	c.MDNS = &off
	c.API.Listen = "127.0.0.1:" + strconv.Itoa(apis[i])
	return c
}

// nodeName is a node key as multiaddrs spell it: base58 of the identity multihash of the key's protobuf form
// (github.com/libp2p/specs, peer-ids).
func nodeName(key protocol.PublicKey) string {
	return base58.Encode(append([]byte{0x00, 0x24, 0x08, 0x01, 0x12, 0x20}, key[:]...))
}

// Ports are drawn below those that systems give out by themselves (from 32768 on Linux): a
// port that is free now is then not taken by somebody's outgoing connection a moment later.
const (
	lowestPort          = 12_000
	portsBelowEphemeral = 20_000
)

// freePorts finds ports that are free for UDP and TCP on loopback, and holds them until release.
func freePorts(n int) (ports []int, release func(), err error) {
	var held []interface{ Close() error }
	release = func() {
		for _, h := range held {
			_ = h.Close()
		}
		held = nil
	}
	for tries := 0; len(ports) < n; tries++ {
		port := lowestPort + dice.IntN(portsBelowEphemeral)
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err == nil {
			held = append(held, l)
			var u net.PacketConn
			if u, err = net.ListenPacket("udp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
				held = append(held, u)
				ports = append(ports, port)
				continue
			}
		}
		if tries > 20*n {
			release()
			return nil, nil, err
		}
	}
	return ports, release, nil
}

// apiPorts are ports in a row from firstAPIPort where all are free, and the free ones otherwise.
func apiPorts(free []int) []int {
	out := make([]int, len(free))
	for i := range out {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(firstAPIPort+i))
		if err != nil {
			return free
		}
		_ = l.Close()
		out[i] = firstAPIPort + i
	}
	return out
}

// bringOthers brings in the members that do not run: their feeds, signed with their keys, come as bundles, each after
// the records that its own records name.
func (d *demo) bringOthers(ctx context.Context) error {
	for wave := 1; len(d.absent) > 0; wave++ {
		var ready []string
		for _, handle := range sortedKeys(d.absent) {
			if d.namesOnlyKnown(handle) {
				ready = append(ready, handle)
			}
		}
		if len(ready) == 0 {
			panic("dure: internal error: sample records name one another in a circle")
		}
		bundle := filepath.Join(d.dir, "others-"+strconv.Itoa(wave)+".car")
		if err := d.a.writeFile(bundle, func(w io.Writer) error { return d.writeOthers(ctx, w, ready) }); err != nil {
			return err
		}
		if err := d.importBundle(ctx, bundle); err != nil {
			return err
		}
		for _, handle := range ready {
			if err := d.learn(ctx, handle); err != nil {
				return err
			}
			delete(d.absent, handle)
		}
	}
	return nil
}

// namesOnlyKnown reports whether every record that a member's records name is published, or its own.
func (d *demo) namesOnlyKnown(handle string) bool {
	own := func(ref string) bool {
		return slices.ContainsFunc(d.absent[handle], func(r sample.Record) bool { return r.Ref == ref })
	}
	for _, r := range d.absent[handle] {
		for _, ref := range r.Refs() {
			if d.ids[ref] == "" && !own(ref) {
				return false
			}
		}
	}
	return true
}

// learn notes the ids of an absent member's records: they are numbered in their order.
func (d *demo) learn(ctx context.Context, handle string) error {
	for i, r := range d.absent[handle] {
		stands, err := d.cities[0].api.Record(ctx, handle+"-"+strconv.Itoa(i+1))
		if err != nil {
			return err
		}
		d.ids[r.Ref] = stands.ID
	}
	return nil
}

// importBundle imports at one node, from where catch-up carries it to the others, and at every node where catch-up is
// switched off.
func (d *demo) importBundle(ctx context.Context, bundle string) error {
	for i, c := range d.cities {
		if i > 0 && !d.noCatchUp {
			return nil
		}
		f, err := os.Open(bundle)
		if err != nil {
			return err
		}
		_, err = c.api.Import(ctx, f, nil)
		_ = f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// writeOthers makes the same federation once more, this time with the records of the named members. Homes that it
// prepares besides are thrown away.
func (d *demo) writeOthers(ctx context.Context, w io.Writer, handles []string) error {
	scratch, err := os.MkdirTemp(d.dir, "scratch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	seed := d.seed
	seed.Members = slices.Clone(d.seed.Members)
	for i := range seed.Members {
		m := &seed.Members[i]
		if !slices.Contains(handles, m.Facts.Handle) {
			m.Home = filepath.Join(scratch, m.Facts.Handle)
			continue
		}
		for _, r := range d.absent[m.Facts.Handle] {
			// References to the member's own records stay names, which Seed settles.
			if refs := r.Refs(); len(refs) > 0 && d.ids[refs[0]] != "" {
				if r, err = r.Resolve(d.ids); err != nil {
					return err
				}
			}
			m.Records = append(m.Records, enrol.SeedRecord{Ref: r.Ref, Raw: r.JSON})
		}
	}
	_, err = seed.Write(ctx, w)
	return err
}
