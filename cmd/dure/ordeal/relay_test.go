//go:build linux

package ordeal

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	relayservice "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"

	"github.com/dure-net/dure/protocol"
)

// roleVariable makes this test binary play another program in a network namespace.
const roleVariable = "DURE_ORDEAL_ROLE"

// stockRelay is the role of a public relay as libp2p delivers it: 128 KiB and two
// minutes for each relayed connection, no dure, nobody's member.
const stockRelay = "relay"

// play is "relay KEY LISTEN…".
func play(role string) {
	fields := strings.Fields(role)
	err := fmt.Errorf("unknown role %q", role)
	if len(fields) > 2 && fields[0] == stockRelay {
		err = relay(fields[1], fields[2:])
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func relay(seed string, listen []string) error {
	raw, err := hex.DecodeString(seed)
	if err != nil {
		return err
	}
	key, err := libp2pKey(raw)
	if err != nil {
		return err
	}
	h, err := libp2p.New(libp2p.Identity(key), libp2p.ListenAddrStrings(listen...), libp2p.DisableRelay())
	if err != nil {
		return err
	}
	if _, err := relayservice.New(h); err != nil {
		return err
	}
	select {} // until it is killed
}

func libp2pKey(seed []byte) (crypto.PrivKey, error) {
	key, err := protocol.NewPrivateKey(seed)
	if err != nil {
		return nil, err
	}
	public := key.Public()
	return crypto.UnmarshalEd25519PrivateKey(append(append([]byte{}, seed...), public[:]...))
}
