package mesh

import (
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// counts are events by name. The names are constants of this package.
type counts struct {
	mu      sync.Mutex // guards what follows
	refusal map[string]uint64
	verdict map[[2]string]uint64 // topic, verdict
}

func newCounts() *counts {
	return &counts{refusal: map[string]uint64{}, verdict: map[[2]string]uint64{}}
}

// refused counts what was turned away: "key", "guest", "protocol", "stream".
func (c *counts) refused(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusal[what]++
}

func (c *counts) judged(t topic, verdict string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.verdict[[2]string{string(t), verdict}]++
}

var (
	descBytes   = prometheus.NewDesc("dure_mesh_bytes_total", "Bytes on streams by protocol and direction.", []string{"protocol", "direction"}, nil)
	descNodes   = prometheus.NewDesc("dure_mesh_nodes", "Connected nodes: direct, relayed or guest.", []string{"kind"}, nil)
	descRefused = prometheus.NewDesc("dure_mesh_refused_total", "What was turned away at a bound or for lack of standing.", []string{"what"}, nil)
	descVerdict = prometheus.NewDesc("dure_mesh_gossip_total", "Gossip messages by topic and verdict.", []string{"topic", "verdict"}, nil)
)

var _ prometheus.Collector = (*collector)(nil)

// collector reads the mesh when it is scraped.
type collector struct{ m *Mesh }

func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- descBytes
	ch <- descNodes
	ch <- descRefused
	ch <- descVerdict
}

func (c *collector) Collect(ch chan<- prometheus.Metric) {
	for proto, b := range c.m.Traffic() {
		if proto == "" {
			proto = "negotiation"
		}
		ch <- prometheus.MustNewConstMetric(descBytes, prometheus.CounterValue, float64(b.In), proto, "in")
		ch <- prometheus.MustNewConstMetric(descBytes, prometheus.CounterValue, float64(b.Out), proto, "out")
	}
	direct, relayed, guests := 0, 0, 0
	for _, id := range c.m.host.Network().Peers() {
		switch {
		case !c.m.door.stands(id):
			guests++
		case c.m.direct(id):
			direct++
		default:
			relayed++
		}
	}
	ch <- prometheus.MustNewConstMetric(descNodes, prometheus.GaugeValue, float64(direct), "direct")
	ch <- prometheus.MustNewConstMetric(descNodes, prometheus.GaugeValue, float64(relayed), "relayed")
	ch <- prometheus.MustNewConstMetric(descNodes, prometheus.GaugeValue, float64(guests), "guest")

	c.m.counts.mu.Lock()
	defer c.m.counts.mu.Unlock()
	for what, n := range c.m.counts.refusal {
		ch <- prometheus.MustNewConstMetric(descRefused, prometheus.CounterValue, float64(n), what)
	}
	for k, n := range c.m.counts.verdict {
		ch <- prometheus.MustNewConstMetric(descVerdict, prometheus.CounterValue, float64(n), k[0], k[1])
	}
}

func (m *Mesh) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	m.collector = &collector{m}
	if err := r.Register(m.collector); err != nil {
		m.collector = nil
		return fmt.Errorf("register mesh metrics: %w", err)
	}
	return nil
}

func (m *Mesh) unregister() {
	if m.collector != nil {
		m.cfg.Registerer.Unregister(m.collector)
	}
}
