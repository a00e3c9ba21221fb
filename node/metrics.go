package node

import (
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/dure-net/dure/replication"
	"github.com/dure-net/dure/replication/mesh"
)

// collector reads the node's counters when metrics are asked for. No label holds a
// handle or a key: what a metrics server keeps must not tell who speaks to whom.
type collector struct{ n *Node }

var (
	descAdmitted = prometheus.NewDesc("dure_entries_total", "Entries that became durable here, by how they came.", []string{"via"}, nil)
	descRefused  = prometheus.NewDesc("dure_refused_total", "Entries and messages not taken, by reason.", []string{"reason"}, nil)
	descStanding = prometheus.NewDesc("dure_ledger_entries", "Entries that stand here.", nil, nil)
	descFeeds    = prometheus.NewDesc("dure_ledger_feeds", "Chains of entries that stand here.", nil, nil)
	descBytes    = prometheus.NewDesc("dure_ledger_bytes", "Bytes of headers and bodies held.", nil, nil)
	descWanted   = prometheus.NewDesc("dure_ledger_wanted", "Bodies known of and not held yet.", nil, nil)
	descWaiting  = prometheus.NewDesc("dure_waiting_entries", "Entries waiting for a predecessor or for their author's admission.", nil, nil)
	descReady    = prometheus.NewDesc("dure_ready", "1 while this node can publish.", nil, nil)
	descLinked   = prometheus.NewDesc("dure_nodes_connected", "Other members' nodes connected now.", nil, nil)
	descFlooding = prometheus.NewDesc("dure_members_flooding", "Members that write more than this node takes in at once.", nil, nil)
	descOffend   = prometheus.NewDesc("dure_nodes_offending", "Nodes that passed on, in the last ten minutes, what they cannot have checked.", nil, nil)
	descAct      = prometheus.NewDesc("dure_act", "Number of the last act.", nil, nil)
	descDamaged  = prometheus.NewDesc("dure_ledger_damaged", "Runs of entries and bodies found damaged on this disk and not repaired yet.", nil, nil)
	descRecover  = prometheus.NewDesc("dure_recovering", "1 while this node catches up before it writes on.", nil, nil)
	descChecked  = prometheus.NewDesc("dure_scrub_checked_entries", "Entries read again in the pass of the scrub under way.", nil, nil)
	descScrubbed = prometheus.NewDesc("dure_scrub_last_end_seconds", "When the last whole pass of the scrub ended, Unix time; 0 = never.", nil, nil)
	descFound    = prometheus.NewDesc("dure_scrub_found", "Damaged things found by the last whole pass of the scrub and the one under way, repaired since or not.", nil, nil)
	descFree     = prometheus.NewDesc("dure_storage_free_bytes", "Free bytes on the ledger's disk.", nil, nil)
)

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descAdmitted, descRefused, descStanding, descFeeds, descBytes, descWanted,
		descWaiting, descReady, descLinked, descFlooding, descOffend, descAct, descFree, descDamaged, descRecover, descChecked, descScrubbed, descFound} {
		ch <- d
	}
}

func (c collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	counts := c.n.replica.Counts()
	for _, via := range []replication.Via{replication.ViaLocal, replication.ViaGossip, replication.ViaCatchUp, replication.ViaImport, replication.ViaJoin} {
		ch <- prometheus.MustNewConstMetric(descAdmitted, prometheus.CounterValue, float64(counts.Admitted[via]), string(via))
	}
	for reason, n := range counts.Refused {
		ch <- prometheus.MustNewConstMetric(descRefused, prometheus.CounterValue, float64(n), reason.String())
	}
	entries, feeds := c.n.replica.Total()
	gauge(descStanding, float64(entries))
	gauge(descFeeds, float64(feeds))
	stats := c.n.ledger.Stats()
	gauge(descBytes, float64(stats.Bytes))
	gauge(descWanted, float64(stats.Wanted))
	gauge(descWaiting, float64(counts.Waiting))
	gauge(descFlooding, float64(len(c.n.replica.Others().Floods())))
	gauge(descOffend, float64(len(c.n.replica.Others().Offenders())))
	condition, _ := c.n.replica.Condition()
	gauge(descReady, truth(condition == replication.Ready))
	linked := 0
	for _, k := range c.n.replica.Others().Nodes() {
		if k.Linked {
			linked++
		}
	}
	gauge(descLinked, float64(linked))
	gauge(descAct, float64(c.n.replica.State().Act().Number))
	runs, bodies := c.n.ledger.Broken()
	gauge(descDamaged, float64(runs+bodies))
	gauge(descRecover, truth(condition == replication.Recovering))
	now, last := c.n.ledger.Scrub().Passes()
	gauge(descChecked, float64(now.Entries))
	gauge(descFound, float64(now.Damaged+last.Damaged))
	ended := 0.0
	if !last.Ended.IsZero() {
		ended = float64(last.Ended.Unix())
	}
	gauge(descScrubbed, ended)
	if free, _, err := c.n.ledger.FreeBytes(); err == nil {
		gauge(descFree, float64(free))
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// measure registers the node's own numbers; the mesh registers its own.
func (n *Node) measure(_ *mesh.Mesh) error {
	for _, c := range []prometheus.Collector{
		collector{n}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "dure_build_info", Help: "1, labelled with the version.",
			ConstLabels: prometheus.Labels{"version": n.version()}}, func() float64 { return 1 }),
	} {
		if err := n.registry.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// version is the program's version, from the options or the build.
func (n *Node) version() string {
	if n.opts.Version != "" {
		return n.opts.Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
