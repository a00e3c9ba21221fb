package mesh

import "github.com/libp2p/go-libp2p/core/peer"

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
