package mesh

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"strconv"
	"strings"

	libp2pproto "github.com/libp2p/go-libp2p/core/protocol"

	"github.com/dure-net/dure/protocol"
)

// spoken is what this node speaks, newest version first, as it is negotiated. The join
// and sync protocols check the federation in their first frames.
type spoken struct {
	sync, files, join, gossip []libp2pproto.ID
}

func speaking(versions []uint64) spoken {
	var s spoken
	for _, v := range versions {
		s.sync = append(s.sync, libp2pproto.ID(protocol.ProtocolSync(v)))
		s.files = append(s.files, libp2pproto.ID(protocol.ProtocolFiles(v)))
		s.join = append(s.join, libp2pproto.ID(protocol.ProtocolJoin(v)))
		s.gossip = append(s.gossip, libp2pproto.ID(protocol.ProtocolGossip(v)))
	}
	return s
}

// otherVersion is the newest version of dure's protocols among those that another node
// told of itself; 0 if it told none.
func otherVersion(protocols []libp2pproto.ID) (newest uint64) {
	prefix := strings.TrimSuffix(protocol.ProtocolJoin(0), "0")
	for _, id := range protocols {
		if number, ok := strings.CutPrefix(string(id), prefix); ok {
			if v, err := strconv.ParseUint(number, 10, 32); err == nil {
				newest = max(newest, v)
			}
		}
	}
	return newest
}

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
