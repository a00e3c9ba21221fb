package node

import (
	"context"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/web"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication"
	"github.com/dure-net/dure/replication/mesh"
)

// Status implements api.Reader.
func (n *Node) Status(ctx context.Context) (api.Status, error) {
	s := n.replica.State()
	condition, why := n.replica.Condition()
	entries, feeds := n.replica.Total()
	stats := n.ledger.Stats()
	free, _, err := n.ledger.FreeBytes()
	if err != nil {
		return api.Status{}, err
	}
	out := api.Status{
		Federation: api.Federation{ID: n.federation.String(), Name: oneName(s.Names(), n.conf.Lang), Names: s.Names(), Act: s.Act().Number, Notice: n.founding.Notice, Features: features(s)},
		Member:     api.Self{Handle: n.facts.Handle, Names: n.facts.Names, Status: n.standing(s)},
		Node: api.Node{ID: n.home.Node().Public().String(), State: api.NodeState(condition), Reason: why, Version: n.version(),
			Protocol: protocol.Version, Started: n.started.UTC(), Addresses: n.addresses()},
		Ledger: api.Ledger{Root: n.replica.Root().String(), Entries: entries, Feeds: uint64(feeds), Bytes: stats.Bytes, Wanted: uint64(stats.Wanted),
			Seq: stats.Next - 1, Newest: n.newest()},
		Storage: api.Storage{FreeBytes: free, UsedBytes: n.ledger.DiskBytes(), FloorBytes: n.ledger.FloorBytes(), Files: n.shelf.status()},
	}
	p := n.follower.Progress()
	out.Index = api.Indexing{Applied: p.Applied, Newest: max(p.Newest, stats.Next-1), Due: uint64(p.Due), Building: p.Building}
	if m := n.ledger.Opened().Mended; m.Files > 0 || m.Whole {
		out.Storage.Mended = &api.Mended{Files: uint64(m.Files), Lost: uint64(m.Lost), Whole: m.Whole, Aside: m.Aside}
	}
	if base := n.address.Load(); base != nil {
		out.Node.API, out.Node.Listen = *base, n.conf.Listen
	}
	connections := map[protocol.PublicKey]mesh.Connection{}
	if m := n.mesh.Load(); m != nil {
		out.Traffic = map[string]api.Traffic{}
		for name, t := range m.Traffic() {
			out.Traffic[name] = api.Traffic{In: t.In, Out: t.Out}
		}
		for _, c := range m.Connections() {
			if old, ok := connections[c.Node]; !ok || (c.Direct && !old.Direct) {
				connections[c.Node] = c
			}
		}
	}
	known := map[protocol.PublicKey]replication.Node{}
	nodes := n.replica.Others().Nodes()
	for _, k := range nodes {
		known[k.Key] = k
	}
	for _, m := range s.Members() {
		out.Members = append(out.Members, n.memberStatus(m, known, connections))
	}
	progress := n.replica.Progress()
	n.custody(&out)
	out.Catchup = api.Catchup{Running: progress.Running, Fetched: progress.Fetched, Known: progress.Known}
	out.Alerts = alerts(s, n.facts.Handle, nodes, n.replica.Others().Floods(), n.replica.Others().Offenders(), forked(n.replica.Custody().Forks(), n.facts.Handle), append(append(n.ending(), n.unread(ctx)...), append(n.ownAlerts(out), n.twins.alert(s, n.home.Node().Public(), n.opts.Now())...)...))
	return out, nil
}

func (n *Node) memberStatus(m charter.Member, known map[protocol.PublicKey]replication.Node, connections map[protocol.PublicKey]mesh.Connection) api.MemberStatus {
	out := api.MemberStatus{Handle: m.Facts.Handle, Names: m.Facts.Names, Status: string(m.Status), Nodes: []api.NodeStatus{}}
	self := n.home.Node().Public()
	for _, node := range m.Nodes {
		if node.Cut || len(node.Feeds) == 0 {
			continue
		}
		v := api.NodeStatus{ID: node.Key.String(), Self: node.Key == self}
		if v.Self {
			none := uint64(0)
			v.Behind, v.Connected, v.Version = &none, n.mesh.Load() != nil, n.version()
			now := n.opts.Now().UTC()
			v.LastSeen = &now
		} else if k, ok := known[node.Key]; ok {
			v.Behind, v.Addresses = k.Behind, mesh.WithNode(k.Addresses, node.Key)
			if k.Speaks > 0 {
				v.Protocol = &k.Speaks
			}
			if k.Health != nil {
				v.Version, v.State = k.Health.Version, api.NodeState(k.Health.State)
				ahead := (k.Health.Time - k.Heard.UnixMilli()) / 1000
				v.ClockAhead = &ahead
			}
			if !k.Seen.IsZero() {
				seen := k.Seen.UTC()
				v.LastSeen = &seen
			}
		}
		if c, ok := connections[node.Key]; ok {
			v.Connected, v.Relayed = true, !c.Direct
			v.Transport, _, _ = strings.Cut(c.Transport, "-")
		}
		out.Nodes = append(out.Nodes, v)
	}
	return out
}

// features are the names of what acts have switched on, oldest first.
func features(s charter.State) []string {
	out := []string{}
	for _, f := range s.Features() {
		out = append(out, f.Name)
	}
	return out
}

// standing is how this member stands in the federation.
func (n *Node) standing(s charter.State) string {
	m, ok := s.ByRoot(n.facts.Root)
	if !ok {
		return "applied"
	}
	return string(m.Status)
}

// Members implements api.Reader.
func (n *Node) Members(context.Context) ([]api.Member, error) {
	s := n.replica.State()
	var out []api.Member
	for _, m := range s.Members() {
		out = append(out, n.showMember(m))
	}
	slices.SortFunc(out, func(a, b api.Member) int { return strings.Compare(a.Handle, b.Handle) })
	return out, nil
}

func (n *Node) showMember(m charter.Member) api.Member {
	v := api.Member{Handle: m.Facts.Handle, Kind: string(m.Facts.Kind), Category: string(m.Facts.Category), Country: m.Facts.Country,
		City: m.Facts.City, Names: m.Facts.Names, Status: string(m.Status), Nodes: []api.MemberNode{},
		Records: n.count(m.Facts.Handle), Root: m.Facts.Root.String(), Fingerprint: m.Facts.Root.Fingerprint()}
	for _, o := range m.Offices {
		v.Offices = append(v.Offices, api.Office{Office: string(o.Office), From: o.From, To: o.To})
	}
	for _, node := range m.Nodes {
		shown := api.MemberNode{ID: node.Key.String(), Governing: node.Governing, Cut: node.Cut, Begun: len(node.Feeds) > 0}
		if node.Root != m.Facts.Root {
			shown.Root = node.Root.String()
		}
		v.Nodes = append(v.Nodes, shown)
	}
	v.Designation = m.Designation
	if r := m.Rebind; r != nil {
		v.Rebinding = &api.Rebinding{Root: r.Root.String(), Fingerprint: r.Root.Fingerprint(), Until: r.Until, Act: r.Act.Number,
			ActID: r.Act.ID.String(), Objected: m.Objected}
	}
	return v
}

func (n *Node) count(handle string) int {
	records, err := n.index.Count(handle)
	if err != nil {
		n.log.Debug("records were not counted", "member", handle, "err", err)
	}
	return records
}

// addresses are where others reach this node: those of now, or the last ones told.
func (n *Node) addresses() []string {
	self := n.home.Node().Public()
	if m := n.mesh.Load(); m != nil {
		return telling(m.Addrs())
	}
	return n.replica.Others().AddressesOf(self)
}

// changed is told of a new state of the charter.
func (n *Node) changed(charter.State) {
	defer n.changes.Add(1)
	if n.follower != nil {
		n.letters.Nudge()
		n.follower.Unsettle()
	}
	n.desk.Upset()
}

// handler is the local interface and the pages.
func (n *Node) handler(address string) (http.Handler, error) {
	token, err := n.home.Token()
	if err != nil {
		return nil, err
	}
	hosts := append(loopbackHosts(address, n.conf.API.Container), n.conf.API.Hosts...)
	sessions := api.NewSessions(token.Reveal(), n.opts.Now, n.access)
	pages := web.New(web.Config{Backend: n, Sessions: sessions, Book: n.phrases, Now: n.opts.Now, Secure: n.conf.API.BehindProxy || n.conf.API.TLS, Log: n.log})
	return api.New(api.Config{Backend: n, Token: token.Reveal(), Access: n.access, Public: n.conf.API.Public, Proxied: n.conf.API.BehindProxy, Hosts: hosts, Version: n.version(), Limits: Limits(), Phrases: n.phrases,
		Metrics: n.registry, Web: pages, Log: n.log, Now: n.opts.Now, Epoch: n.epoch}), nil
}

// oneName is a name for programs that show one line.
func oneName(names protocol.Text, lang string) string {
	for _, l := range []string{lang, "en"} {
		if name, ok := names[l]; ok {
			return name
		}
	}
	for _, l := range slices.Sorted(maps.Keys(names)) {
		return names[l]
	}
	return ""
}

// loopbackHosts are the names by which this machine calls itself. In a container the
// port outside is not known inside, so any port will do there.
func loopbackHosts(address string, anyPort bool) []string {
	names := []string{"127.0.0.1", "localhost", "[::1]"}
	_, port, err := net.SplitHostPort(address)
	if anyPort || err != nil {
		return names
	}
	for i := range names {
		names[i] += ":" + port
	}
	return names
}
