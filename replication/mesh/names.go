package mesh

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"strings"

	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"

	"github.com/dure-net/dure/protocol"
)

// Stream protocols, as negotiated. They name no federation: identify shows them to
// guests. The join and sync protocols check the federation in their first frames.
const (
	protoSync   libp2pproto.ID = protocol.ProtocolSync
	protoJoin   libp2pproto.ID = protocol.ProtocolJoin
	protoGossip libp2pproto.ID = "/dure/gossip/1" // gossipsub v1.3 under a name that no other network uses
)

// topic is one of the two gossip topics of a federation.
type topic string

const (
	topicEntries topic = "entries"
	topicHealth  topic = "health"
)

// of is the topic's name on the wire. Only members' nodes ever see it.
func (t topic) of(f protocol.FederationID) string {
	if t == topicHealth {
		return protocol.TopicHealth(f)
	}
	return protocol.TopicEntries(f)
}

// serviceName is what mDNS shows on the local network: enough to find one's own
// federation, too little to tell which it is. RFC 6763 allows 15 letters.
func serviceName(f protocol.FederationID) string {
	sum := sha256.Sum256(append([]byte("dure/mdns/1"), f.Bytes()...))
	return "_dure-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:10]) + "._udp"
}

// Attribute keys of log lines.
const (
	keyNode    = "node"
	keyAddr    = "addr"
	keyError   = "error"
	keyVia     = "via"
	keyService = "service"
	keyCount   = "count"
	keyLimit   = "limit"
	keyLibrary = "library"
)

var (
	errRunTwice = errors.New("run may be called once")
	errBudget   = errors.New("more bytes than a join exchange takes")
)
