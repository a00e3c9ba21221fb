package mesh

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"

	"github.com/dure-net/dure/protocol"
)

// gossip is the two topics. It lives as long as the context it was made with;
// pubsub's goroutines end soon after that context, and call no handler any more.
type gossip struct {
	m      *Mesh
	ctx    context.Context
	pubsub *pubsub.PubSub
	topics map[topic]*pubsub.Topic
	greets event.Emitter
}

func newGossip(ctx context.Context, m *Mesh) (*gossip, error) {
	greets, err := m.host.EventBus().Emitter(new(event.EvtPeerProtocolsUpdated))
	if err != nil {
		return nil, protocol.Fail(protocol.ReasonInternal, "start gossip", err)
	}
	g := &gossip{m: m, ctx: ctx, topics: map[topic]*pubsub.Topic{}, greets: greets}
	names := []string{topicEntries.of(m.cfg.Federation), topicHealth.of(m.cfg.Federation)}
	log := quieter(m.log)
	// Without NewGossipSub's tag tracer, which would tell a connection manager, message
	// by message, whom to keep: members are never trimmed.
	host := gossipHost{m.host, g}
	g.pubsub, err = pubsub.NewGossipSubWithRouter(ctx, host, pubsub.DefaultGossipSubRouter(host),
		pubsub.WithLogger(log), // first: later options take it
		pubsub.WithRPCLogger(log),
		pubsub.WithGossipSubProtocols(m.speaks.gossip, func(pubsub.GossipSubFeature, libp2pproto.ID) bool { return true }),
		pubsub.WithGossipSubParams(gossipParams()),

		// Entries and health messages carry their own signatures, which the validators
		// check; whoever forwards one stays unnamed.
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
		pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(messageID),

		// Members only: pubsub opens no stream to anyone on the blacklist, so it
		// never tells a guest a topic name. The usher keeps guests' streams out.
		pubsub.WithBlacklist(outsiders{m.door}),
		pubsub.WithPeerFilter(func(id peer.ID, _ string) bool { return m.door.stands(id) }),
		pubsub.WithSubscriptionFilter(pubsub.WrapLimitSubscriptionFilter(pubsub.NewAllowlistSubscriptionFilter(names...), maxSubsPerRPC)),
		pubsub.WithPeerExchange(false), // the roster knows the members; nobody else names them

		pubsub.WithMaxMessageSize(maxFrameBytes),
		pubsub.WithMaxControlMessageSize(maxControlBytes),
		pubsub.WithPeerOutboundQueueSize(outboundQueue),
		pubsub.WithValidateQueueSize(validateQueue),
		pubsub.WithValidateWorkers(validators),
		pubsub.WithFloodPublish(true), // own messages go to every member at once: one hop
		pubsub.WithPeerScore(scoreParams(names, m.door.stands), scoreThresholds()),
		pubsub.WithPeerScoreInspect(func(scores map[peer.ID]float64) { m.scores.Store(&scores) }, scorePeriod),
		pubsub.WithPeerGater(gaterParams()),
	)
	if err != nil {
		return nil, errorsJoin(protocol.Fail(protocol.ReasonInternal, "start gossip", err), greets.Close())
	}
	judges := map[topic]func(context.Context, Peer, []byte) protocol.Verdict{topicEntries: m.handler.Gossip, topicHealth: m.handler.Health}
	for t, judge := range judges {
		if err := g.join(t, judge); err != nil {
			return nil, protocol.Fail(protocol.ReasonInternal, "start gossip", fmt.Errorf("topic %s: %w", t, err))
		}
	}
	return g, nil
}

// join takes part in a topic. It relays rather than subscribes: the validator is
// what receives messages, and a subscription would queue each a second time.
func (g *gossip) join(t topic, judge func(context.Context, Peer, []byte) protocol.Verdict) error {
	name := t.of(g.m.cfg.Federation)
	validate := func(_ context.Context, from peer.ID, msg *pubsub.Message) pubsub.ValidationResult {
		return g.validate(t, judge, from, msg)
	}
	if err := g.pubsub.RegisterTopicValidator(name, validate, pubsub.WithValidatorInline(true)); err != nil {
		return err
	}
	joined, err := g.pubsub.Join(name)
	if err != nil {
		return err
	}
	g.topics[t] = joined
	_, err = joined.Relay() // until the context ends
	return err
}

func (g *gossip) validate(t topic, judge func(context.Context, Peer, []byte) protocol.Verdict, from peer.ID, msg *pubsub.Message) pubsub.ValidationResult {
	if from == g.m.host.ID() {
		return pubsub.ValidationAccept // announced after its commit
	}
	if len(msg.Data) > MaxMessageBytes {
		g.m.counts.judged(t, protocol.Reject.String())
		return pubsub.ValidationReject
	}
	p, ok := peerOf(from)
	if !ok || !g.m.door.stands(from) {
		return pubsub.ValidationIgnore // it stood when its stream was opened
	}
	ctx, done, ok := g.m.serving.enter()
	if !ok {
		return pubsub.ValidationIgnore
	}
	defer done()
	verdict := judge(ctx, p, msg.Data)
	g.m.counts.judged(t, verdict.String())
	switch verdict {
	case protocol.Accept:
		return pubsub.ValidationAccept
	case protocol.Reject:
		return pubsub.ValidationReject
	}
	return pubsub.ValidationIgnore
}

// messageID is the SHA-256 of topic and message. Anything less than the whole, such
// as the entry's CID, would let a right header with a wrong body be marked as seen
// and shut out the true one for two minutes; leaving out the topic would let an
// entry put on the health topic do the same.
func messageID(msg *pb.Message) string {
	h := sha256.New()
	h.Write([]byte(msg.GetTopic()))
	h.Write([]byte{0})
	h.Write(msg.GetData())
	return string(h.Sum(nil))
}

func (m *Mesh) publish(t topic, message []byte) error {
	if len(message) > MaxMessageBytes {
		return protocol.Fail(protocol.ReasonTooLarge, "announce", fmt.Errorf("%d bytes, the limit is %d", len(message), MaxMessageBytes))
	}
	if m.cfg.NoGossip {
		return nil
	}
	g := m.gossip.Load()
	if g == nil {
		return protocol.Fail(protocol.ReasonCanceled, "announce", nil)
	}
	if err := g.topics[t].Publish(g.ctx, message); err != nil {
		if g.ctx.Err() != nil {
			return protocol.Fail(protocol.ReasonCanceled, "announce", err)
		}
		var invalid pubsub.ValidationError
		if errors.As(err, &invalid) {
			return nil // already announced
		}
		return protocol.Fail(protocol.ReasonInternal, "announce", err)
	}
	return nil
}

// greet makes pubsub look again at a connected node that it passed over while the
// node was a guest. An event about a node it already talks to changes nothing.
func (g *gossip) greet(id peer.ID) {
	// The error is that pubsub has ended.
	_ = g.greets.Emit(event.EvtPeerProtocolsUpdated{Peer: id, Added: g.m.speaks.gossip})
}

// end releases what outlives the context; greet does nothing afterwards.
func (g *gossip) end() { _ = g.greets.Close() }

// forget makes pubsub drop a node at once. The blacklist itself needs no entry.
func (g *gossip) forget(id peer.ID) {
	if g.ctx.Err() == nil {
		g.pubsub.BlacklistPeer(id)
	}
}

// outsiders is the blacklist that holds everyone who does not stand. The empty id is
// the author of every message, since messages name none.
type outsiders struct{ door *door }

func (o outsiders) Add(peer.ID) bool         { return true }
func (o outsiders) Contains(id peer.ID) bool { return id != "" && !o.door.stands(id) }

// gossipHost is the host as pubsub sees it. When a node opens its gossip stream to
// here, pubsub looks at that node again: a joiner stands in the inviter's eyes
// later than the inviter in its own, and pubsub gives up after four refused streams.
type gossipHost struct {
	host.Host
	g *gossip
}

func (h gossipHost) SetStreamHandler(id libp2pproto.ID, handle network.StreamHandler) {
	h.Host.SetStreamHandler(id, func(s network.Stream) {
		if !h.g.m.door.stands(s.Conn().RemotePeer()) {
			_ = s.Reset()
			return
		}
		h.g.greet(s.Conn().RemotePeer())
		handle(s)
	})
}
