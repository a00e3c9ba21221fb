package mesh

import (
	"time"

	"github.com/dure-net/dure/protocol"
)

// DefaultPort is the UDP and TCP port of a node unless it is told otherwise.
const DefaultPort = 4710

// Every bound of this package, its reason, and what happens beyond it. Bounds that
// nodes must agree on are protocol's; these are one node's own.
const (
	// MaxMessageBytes bounds one gossip message. Beyond: Announce fails with
	// ReasonTooLarge; from another node it is a Reject.
	MaxMessageBytes = protocol.MaxMessageBytes

	// maxFrameBytes bounds one pubsub frame: a message, its topic name and the control
	// messages that ride along. Beyond: pubsub resets the stream that sent it.
	maxFrameBytes = MaxMessageBytes + 8<<10

	// maxControlBytes bounds the control part of a frame: about 1,800 message ids.
	// Beyond: pubsub splits what it sends, and resets the stream that sent it.
	maxControlBytes = 64 << 10

	// maxRoster bounds the nodes kept connected. The reference federation has some 80
	// members; this leaves six nodes each. Beyond: who is kept already stays, then the first
	// ones given; the rest is reached through them, and the log says so.
	maxRoster = 512

	// maxGuests bounds the outsiders connected at one time, guestsPerAddress those
	// from one address (a /64 in IPv6): enough for an office that sets up its nodes
	// on one morning, little enough that refusing costs nothing. Loopback addresses
	// count only against maxGuests. Beyond: newcomers are refused after the handshake;
	// they may try again.
	maxGuests        = 32
	guestsPerAddress = 8

	// guestLife is how long an outsider's connection may last: a join exchange takes
	// seconds. Beyond: it is closed; whoever waits for an answer comes back.
	guestLife = time.Minute

	// connsPerGuest bounds one outsider's connections: QUIC and TCP may both win.
	// Beyond: the newest is refused.
	connsPerGuest = 2

	// maxCalls bounds the outsiders this node is itself calling, as a joiner does.
	// Beyond: Dial and OpenJoin fail with ReasonBusy.
	maxCalls = 16

	// sweepPeriod is how often connections are held against the membership. It bounds
	// how late a guest is shown out, and how late a change is seen that nobody told.
	sweepPeriod = 5 * time.Second

	// Streams from one node at a time. One catch-up exchange uses one stream; three
	// more allow for a reconnect whose old stream has not ended. A node fetches at most as
	// many files from another at a time. Who joins asks twice, one after the other, and the
	// second question may come before the first one's stream has ended here. Beyond: the new
	// stream is reset. joinStreams bounds the join streams of all outsiders together,
	// because each comes from someone unknown, and joinStreamsPerAddress those of one
	// address (a /64 in IPv6; a machine's own addresses count only against joinStreams):
	// nobody takes all seats from one place. Members' nodes have seats of their own.
	syncStreamsPerPeer = 4
	fileStreamsPerPeer = 4
	joinStreamsPerPeer = 2
	joinStreams        = 32

	joinStreamsPerAddress = 4

	// joinRate and joinBurst bound the join requests of outsiders from one address.
	// Beyond: the answer waits. maxAddresses bounds the addresses remembered for it; beyond,
	// all are forgotten.
	joinRate     = 2.0
	joinBurst    = 60
	maxAddresses = 1024

	// joinBudget bounds what is read from one join stream: an application, or the
	// founding act with its charter, in frames. Beyond: reading fails with
	// ReasonTooLarge.
	joinBudget = 2 * protocol.MaxFrameBytes

	// streamSilence is how long a read or write may wait unless the caller sets a
	// deadline of its own. Beyond: it fails with os.ErrDeadlineExceeded.
	streamSilence = 30 * time.Second

	// openTimeout bounds dialling and negotiating one stream when the caller's
	// context has no deadline.
	openTimeout = 15 * time.Second

	// chosenTimeout bounds it over one of several connections to the node: a dead one must
	// leave time for another.
	chosenTimeout = 5 * time.Second

	// Redialling. An attempt takes at most dialTimeout, so that the handshake's own
	// back-off never grows past a second or two and a healed line is noticed at once;
	// every slowEvery-th may take slowTimeout, for lines with seconds of delay. After a failed
	// attempt comes a pause between half of redialPause and redialPause. So a node
	// that refuses is tried at least every 3 s, one that does not answer every 7 s
	// from each of the two sides.
	dialTimeout  = 4 * time.Second
	slowTimeout  = 15 * time.Second
	slowEvery    = 6
	redialPause  = 3 * time.Second
	answerPause  = 600 * time.Millisecond // head start of the lower key, so that two nodes do not dial each other at once
	roundTime    = 20 * time.Second       // how often a connected node is looked at even if nothing was heard of it
	directPeriod = 30 * time.Second       // how often a relayed connection is tried again directly

	// A connected node that was not heard for quietTime is pinged; without an answer
	// in pingTimeout all its connections are closed. QUIC alone would take 30 s to
	// notice, TCP many minutes. While more than bulkBytes were sent to it and nothing
	// came back, as when page after page goes up a slow line, the ping queues behind
	// them and may take bulkTimeout.
	quietTime   = 10 * time.Second
	pingTimeout = 5 * time.Second
	bulkBytes   = 64 << 10
	bulkTimeout = 30 * time.Second

	// maxRelays bounds the relays this node reserves a place on, and the relays one
	// dial is tried through.
	maxRelays = 3

	// What this node's relay gives to standing members, and to nobody else. libp2p's
	// defaults (2 min and 128 KiB a connection, 8 reservations per address) would cut
	// every catch-up and refuse nine members behind one address. A connection may
	// carry 64 MiB or last an hour, whichever is first; then it is reset and the
	// catch-up resumes on the next. Reservations are bounded by maxRoster, circuits
	// by relayCircuits for each node. Beyond: the request is refused.
	relayDuration     = time.Hour
	relayBytes        = 64 << 20
	relayCircuits     = 64
	relayBufferBytes  = 4 << 10
	relayReservations = time.Hour
	reserveTimeout    = 10 * time.Second
	reserveRetry      = time.Minute
	reservePeriod     = 15 * time.Second

	// Bounds of pubsub. Overflow drops the message, which is a hint; catch-up
	// repairs it. The queues hold pointers to shared messages.
	outboundQueue = 2048 // messages waiting for one node; libp2p's default of 32 loses most of a burst
	validateQueue = 1024 // messages waiting to be verified, from all nodes together
	validators    = 16   // handlers at work at a time: those that wait for a disk wait together
	maxSubsPerRPC = 8    // subscriptions named in one frame; two topics exist

	// Resource manager. Connections and streams of members and guests together, and of
	// one address: a municipality's members share one, each with QUIC and TCP.
	maxConns           = 2*maxRoster + maxGuests
	maxConnsPerAddress = 256
	maxConnsPerPeer    = 8
	maxStreams         = 16 << 10
	maxStreamsPerPeer  = 256
	maxMemory          = 512 << 20 // receive windows of all streams
	maxMemoryPerPeer   = 64 << 20

	// New connections from one address (a /56 in IPv6): a burst when a town's line
	// comes back, then a rate. Beyond: the connection is refused before its handshake.
	connectBurst = 128
	connectRate  = 8.0

	// maxListenAddrs bounds what Addrs returns.
	maxListenAddrs = protocol.MaxAddresses
)
