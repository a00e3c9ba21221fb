package mesh

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/dure-net/dure/protocol"
)

// idPrefix begins the peer id of every Ed25519 key: an identity multihash of 36
// bytes holding a protobuf of key type 1 and 32 bytes (libp2p specs, peer-ids).
const idPrefix = "\x00\x24\x08\x01\x12\x20"

// idOf is the libp2p name of a node.
func idOf(p Peer) peer.ID { return peer.ID(idPrefix + string(p[:])) }

// peerOf is the node key inside a peer id. Ids of other kinds of key are nobody's.
func peerOf(id peer.ID) (Peer, bool) {
	var p Peer
	if len(id) != len(idPrefix)+len(p) || id[:len(idPrefix)] != idPrefix {
		return p, false
	}
	copy(p[:], id[len(idPrefix):])
	return p, true
}

// short names a node in a log line.
func short(id peer.ID) string {
	if p, ok := peerOf(id); ok {
		return p.Short()
	}
	return id.String()
}

// hostKey is the node key as libp2p holds it.
func hostKey(key protocol.PrivateKey) (crypto.PrivKey, error) {
	public := key.Public()
	return crypto.UnmarshalEd25519PrivateKey(append(key.Seed(), public[:]...))
}

// parsePeers reads addresses that end in /p2p/…, grouped by node in order of first
// mention. field names the setting in the error.
func parsePeers(field string, texts []string) ([]peer.AddrInfo, error) {
	var infos []peer.AddrInfo
	at := map[peer.ID]int{}
	for i, text := range texts {
		info, err := peer.AddrInfoFromString(text)
		if err == nil {
			if _, ok := peerOf(info.ID); !ok {
				err = errors.New("not an Ed25519 node key")
			}
		}
		if err != nil {
			return nil, &protocol.Error{Reason: protocol.ReasonConfig, Op: "read node address", Field: fmt.Sprintf("%s[%d]", field, i),
				Args: map[string]string{"address": text}, Err: err}
		}
		j, known := at[info.ID]
		if !known {
			j = len(infos)
			at[info.ID] = j
			infos = append(infos, peer.AddrInfo{ID: info.ID})
		}
		infos[j].Addrs = append(infos[j].Addrs, info.Addrs...)
	}
	return infos, nil
}

// parseAddrs reads multiaddrs; field names the setting in the error.
func parseAddrs(field string, texts []string) ([]ma.Multiaddr, error) {
	addrs := make([]ma.Multiaddr, 0, len(texts))
	for i, text := range texts {
		addr, err := ma.NewMultiaddr(text)
		if err != nil {
			return nil, &protocol.Error{Reason: protocol.ReasonConfig, Op: "read address", Field: fmt.Sprintf("%s[%d]", field, i),
				Args: map[string]string{"address": text}, Err: err}
		}
		addrs = append(addrs, addr)
	}
	return addrs, nil
}

// origin is the address block an outsider is counted under: an IPv4 address, an
// IPv6 /64. It is invalid for relayed connections, which are counted together.
func origin(addr ma.Multiaddr) netip.Prefix {
	if isRelayed(addr) {
		return netip.Prefix{}
	}
	ip, err := manet.ToIP(addr)
	if err != nil {
		return netip.Prefix{}
	}
	a, ok := netip.AddrFromSlice(ip)
	if !ok {
		return netip.Prefix{}
	}
	a = a.Unmap()
	bits := 32
	if a.Is6() {
		bits = 64
	}
	block, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return block
}

func isRelayed(addr ma.Multiaddr) bool {
	if addr == nil {
		return false
	}
	_, err := addr.ValueForProtocol(ma.P_CIRCUIT)
	return err == nil
}
