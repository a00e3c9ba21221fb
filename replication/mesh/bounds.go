package mesh

import (
	"time"

	"github.com/dure-net/dure/protocol"
)

// Bounds lists the limits of this package, one node's own. The slice is the caller's.
func Bounds() []protocol.Bound {
	const bytes, seconds, ms = "bytes", "s", "ms"
	b := protocol.NewBound
	return []protocol.Bound{
		// Gossip.
		b("maxFrameBytes", maxFrameBytes, bytes, "of one gossip frame: a message and what rides along", "stream reset"),
		b("maxControlBytes", maxControlBytes, bytes, "some 1,800 message ids in one frame", "stream reset"),
		b("outboundQueue", outboundQueue, "messages", "waiting for one node", "dropped; catch-up brings them"),
		b("validateQueue", validateQueue, "messages", "waiting to be verified, of all nodes", "dropped; nodes that sent wrong ones are heard less"),
		b("validators", validators, "messages", "verified at a time", "they wait in the queue"),
		b("maxSubsPerRPC", maxSubsPerRPC, "subscriptions", "in one frame; two topics exist", "frame ignored"),
		b("rejectWeight", rejectWeight, "score", "times the square of recent rejects", "below graylistThreshold nothing it sends is looked at; catch-up goes on"),
		b("rejectMemory", int64(rejectMemory/time.Second), seconds, "a reject weighs", ""),
		b("behaviourWeight", behaviourWeight, "score", "times the square of offences against the gossip protocol beyond behaviourFree", "as above"),
		b("behaviourFree", behaviourFree, "offences", "happen on bad lines", ""),
		b("behaviourMemory", int64(behaviourMemory/time.Second), seconds, "such an offence weighs", ""),
		b("deliveryCap", deliveryCap, "messages", "that being first earns something for, half a point each", "earns nothing more"),
		b("deliveryMemory", int64(deliveryMemory/time.Second), seconds, "being first counts", ""),
		b("gossipThreshold", gossipThreshold, "score", "below it a node is told no message ids", ""),
		b("publishThreshold", publishThreshold, "score", "below it own messages are not sent there first", ""),
		b("graylistThreshold", graylistThreshold, "score", "three rejects, well below what chance brings", "its messages are not looked at"),

		// Who is connected.
		b("maxRoster", maxRoster, "nodes", "kept connected: six for each of eighty members", "reached through others; said in the log"),
		b("maxGuests", maxGuests, "outsiders", "connected at one time, for joining", "refused; they may try again"),
		b("guestsPerAddress", guestsPerAddress, "outsiders", "from one address: an office that sets up its nodes in one morning", "refused"),
		b("guestLife", int64(guestLife/time.Second), seconds, "joining takes seconds", "connection closed"),
		b("connsPerGuest", connsPerGuest, "connections", "of one outsider: QUIC and TCP", "the newest is refused"),
		b("maxCalls", maxCalls, "outsiders", "called by this node itself", "`busy`"),
		b("sweepPeriod", int64(sweepPeriod/time.Second), seconds, "between looks at who is connected", ""),
		b("maxConns", maxConns, "connections", "in all", "refused"),
		b("maxConnsPerAddress", maxConnsPerAddress, "connections", "of one address: members behind one municipal line", "refused"),
		b("maxConnsPerPeer", maxConnsPerPeer, "connections", "of one node", "refused"),
		b("connectRate", connectRate, "connections/s", "new ones from one address", "refused before the handshake"),
		b("connectBurst", connectBurst, "connections", "when a town's line comes back", "as above"),

		// Streams.
		b("syncStreamsPerPeer", syncStreamsPerPeer, "streams", "for catch-up of one node: one and reconnects", "stream reset"),
		b("fileStreamsPerPeer", fileStreamsPerPeer, "streams", "for files of one node: as many as it fetches at a time", "stream reset"),
		b("joinStreamsPerPeer", joinStreamsPerPeer, "streams", "for joining of one node: one, and the one before it that has not ended", "stream reset"),
		b("joinStreams", joinStreams, "streams", "for joining of all outsiders", "stream reset"),
		b("joinStreamsPerAddress", joinStreamsPerAddress, "streams", "for joining of outsiders from one address", "stream reset"),
		b("joinRate", joinRate, "requests/s", "to join, of outsiders from one address", "the answer waits"),
		b("joinBurst", joinBurst, "requests", "as above", "the answer waits"),
		b("maxAddresses", maxAddresses, "addresses", "remembered for joinRate", "all are forgotten"),
		b("joinBudget", joinBudget, bytes, "read from one join stream", "`too_large`"),
		b("streamSilence", int64(streamSilence/time.Second), seconds, "of a stream without a deadline of its own", "stream ends"),
		b("maxStreams", maxStreams, "streams", "in all", "refused"),
		b("maxStreamsPerPeer", maxStreamsPerPeer, "streams", "of one node", "refused"),
		b("maxMemory", maxMemory, bytes, "receive windows of all streams", "refused"),
		b("maxMemoryPerPeer", maxMemoryPerPeer, bytes, "receive windows of one node", "refused"),

		// Relays.
		b("maxRelays", maxRelays, "relays", "used at a time", "the others wait"),
		b("relayDuration", int64(relayDuration/time.Second), seconds, "of one relayed connection", "reset; catch-up resumes"),
		b("relayBytes", relayBytes, bytes, "of one relayed connection", "reset; catch-up resumes"),
		b("relayCircuits", relayCircuits, "connections", "relayed for one node", "refused"),
		b("relayBufferBytes", relayBufferBytes, bytes, "of one relayed connection", "the sender waits"),
		b("relayReservations", int64(relayReservations/time.Second), seconds, "a place on a relay is kept", "renewed"),
		b("reserveTimeout", int64(reserveTimeout/time.Second), seconds, "to reserve a place on a relay", "the next relay"),
		b("reserveRetry", int64(reserveRetry/time.Second), seconds, "before a relay that refused is asked again", ""),
		b("reservePeriod", int64(reservePeriod/time.Second), seconds, "between looks at the relays", ""),

		// Lines.
		b("openTimeout", int64(openTimeout/time.Second), seconds, "to open a stream", "`unreachable`"),
		b("chosenTimeout", int64(chosenTimeout/time.Second), seconds, "of that over one of several connections", "another one"),
		b("dialTimeout", int64(dialTimeout/time.Second), seconds, "one attempt to connect", "the next attempt"),
		b("slowTimeout", int64(slowTimeout/time.Second), seconds, "every slowEvery-th attempt", "the next attempt"),
		b("slowEvery", slowEvery, "attempts", "lines with seconds of delay", ""),
		b("redialPause", int64(redialPause/time.Millisecond), ms, "at most, after a failed attempt", ""),
		b("answerPause", int64(answerPause/time.Millisecond), ms, "head start of the lower key", ""),
		b("roundTime", int64(roundTime/time.Second), seconds, "a connected node is looked at", ""),
		b("directPeriod", int64(directPeriod/time.Second), seconds, "between attempts to replace a relayed connection", ""),
		b("quietTime", int64(quietTime/time.Second), seconds, "without a byte", "a ping"),
		b("pingTimeout", int64(pingTimeout/time.Second), seconds, "for its answer", "connection closed"),
		b("bulkBytes", bulkBytes, bytes, "sent without an answer: the ping waits behind them", "bulkTimeout instead"),
		b("bulkTimeout", int64(bulkTimeout/time.Second), seconds, "as above", "connection closed"),
	}
}
