package mesh

import (
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Scores decide whose gossip is heard. Two rules shaped these numbers: a node that
// follows the protocol never falls below zero by more than chance, and one that
// forwards what it cannot have verified is no longer heard after a few messages.
// Whoever is graylisted is still served catch-up: scores guard attention, not
// membership, which only an act takes away.
//
// What libp2p also offers and is left off: the penalty for several nodes on one
// address (municipalities share one), for delivering little (most members are
// quiet for days), and everything about peer exchange.
const (
	rejectWeight    = -20 // times the square of recent Rejects: 3 rejects are -180
	rejectMemory    = 10 * time.Minute
	behaviourWeight = -1 // times the square of protocol offences beyond the threshold
	behaviourFree   = 10 // grafting too early and unkept promises happen in bursts and on bad lines
	behaviourMemory = time.Minute
	deliveryWeight  = 0.5 // what an honest node earns by being first, up to deliveryCap
	deliveryCap     = 20
	deliveryMemory  = 10 * time.Minute

	gossipThreshold   = -50  // below: no message ids are exchanged
	publishThreshold  = -100 // below: own messages are not sent there directly
	graylistThreshold = -150 // below: nothing it sends is looked at
)

func scoreThresholds() *pubsub.PeerScoreThresholds {
	return &pubsub.PeerScoreThresholds{
		GossipThreshold: gossipThreshold, PublishThreshold: publishThreshold, GraylistThreshold: graylistThreshold,
		OpportunisticGraftThreshold: 1,
	}
}

func scoreParams(topics []string, stands func(peer.ID) bool) *pubsub.PeerScoreParams {
	params := &pubsub.PeerScoreParams{
		SkipAtomicValidation: true,
		Topics:               map[string]*pubsub.TopicScoreParams{},
		TopicScoreCap:        deliveryWeight * deliveryCap * 2,
		AppSpecificScore: func(id peer.ID) float64 {
			if stands(id) {
				return 0
			}
			return 2 * graylistThreshold
		},
		AppSpecificWeight:         1,
		BehaviourPenaltyWeight:    behaviourWeight,
		BehaviourPenaltyThreshold: behaviourFree,
		BehaviourPenaltyDecay:     pubsub.ScoreParameterDecay(behaviourMemory),
		DecayInterval:             pubsub.DefaultDecayInterval,
		DecayToZero:               pubsub.DefaultDecayToZero,
		RetainScore:               rejectMemory, // reconnecting does not wash clean
	}
	for _, name := range topics {
		params.Topics[name] = &pubsub.TopicScoreParams{
			SkipAtomicValidation:           true,
			TopicWeight:                    1,
			TimeInMeshQuantum:              time.Second, // divided by even at weight 0
			FirstMessageDeliveriesWeight:   deliveryWeight,
			FirstMessageDeliveriesCap:      deliveryCap,
			FirstMessageDeliveriesDecay:    pubsub.ScoreParameterDecay(deliveryMemory),
			InvalidMessageDeliveriesWeight: rejectWeight,
			InvalidMessageDeliveriesDecay:  pubsub.ScoreParameterDecay(rejectMemory),
		}
	}
	return params
}

// Graylist is the score below which nothing that a node sends is looked at.
const Graylist = float64(graylistThreshold)

// scorePeriod is how old the scores that Scores returns may be.
const scorePeriod = 5 * time.Second

// Scores tells how pubsub judges the nodes it talks to, at most five seconds ago: 0 and
// above is good, below Graylist nothing is listened to any more. The map is the
// caller's, and empty without gossip.
func (m *Mesh) Scores() map[Peer]float64 {
	all := map[Peer]float64{}
	if seen := m.scores.Load(); seen != nil {
		for id, score := range *seen {
			if p, ok := peerOf(id); ok {
				all[p] = score
			}
		}
	}
	return all
}

// gaterParams: when the verification queue overflows, nodes are heard less in
// proportion to how much of what they sent was wrong. An overflow ends after ten quiet seconds
// instead of a minute, since bursts here are somebody's import and end by themselves.
func gaterParams() *pubsub.PeerGaterParams {
	params := pubsub.DefaultPeerGaterParams()
	params.Quiet = 10 * time.Second
	return params
}

// gossipParams are gossipsub's own. Every neighbour more costs every node one more
// copy of every message, and the writer floods to all it is connected to anyway.
func gossipParams() pubsub.GossipSubParams {
	params := pubsub.DefaultGossipSubParams()
	params.Dlazy = 8
	return params
}
