package mesh

import (
	"strings"

	"github.com/libp2p/go-libp2p/core/peer"
)

// ID is the libp2p peer id of a node, as it stands in addresses after /p2p/.
func ID(node Peer) string { return idOf(node).String() }

// NodeOf is the inverse of ID; false for text that names no Ed25519 node.
func NodeOf(text string) (Peer, bool) {
	id, err := peer.Decode(text)
	if err != nil {
		return Peer{}, false
	}
	return peerOf(id)
}

// WithNode is every address with the node behind it, as /p2p/…, once.
func WithNode(addrs []string, node Peer) []string {
	id := ID(node)
	out := make([]string, 0, len(addrs))
	for _, a := range addrs {
		plain, _, _ := strings.Cut(a, "/p2p/"+id)
		out = append(out, strings.TrimSuffix(plain, "/")+"/p2p/"+id)
	}
	return out
}
