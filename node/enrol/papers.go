package enrol

import (
	"crypto/rand"
	"io"
	"time"

	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
)

// settle ties a home to a federation: the founding act, this node's inception and the
// statement that makes it the member's governing node. The founding act comes last,
// because its presence is what the other papers are judged by.
func settle(h *home.Home, founding []byte, id protocol.FederationID, root protocol.PrivateKey, now func() time.Time) error {
	if err := Papers(h, id, root, now); err != nil {
		return err
	}
	return h.SaveFounding(founding)
}

// Papers signs what only the root key can: the node's addition, in its inception, and
// its designation as the governing node, if the member has no other yet. What was
// signed before for the same federation and key stays: the inception may be known
// elsewhere, and a second one would be a second chain of entries.
func Papers(h *home.Home, id protocol.FederationID, root protocol.PrivateKey, now func() time.Time) error {
	if h.Sealed() {
		return home.ErrSealed
	}
	add, err := protocol.Addition(id, protocol.PublicKey{}, h.Node().Public(), protocol.Signature{}).Sign(root)
	if err != nil {
		return err
	}
	if err := begins(h, add, now); err != nil {
		return err
	}
	said, ok, err := h.Governing()
	if err == nil && ok && said.Federation == id && said.Root == root.Public() && said.Node == h.Node().Public() {
		return nil
	}
	govern, err := protocol.Statement{Federation: id, Purpose: protocol.PurposeGovern, Node: h.Node().Public(), Number: 1}.Sign(root)
	if err != nil {
		return err
	}
	return h.SaveGoverning(govern)
}

// begins makes sure that the home has the inception that an addition of its node allows.
func begins(h *home.Home, add protocol.Statement, now func() time.Time) error {
	before, ok, err := h.Inception()
	if err != nil && protocol.ReasonOf(err) != protocol.ReasonDamaged {
		return err
	}
	if init := before.Header().Init; ok && err == nil && init.Federation == add.Federation && init.Root == add.Root && init.Node == h.Node().Public() {
		return nil
	}
	inception, err := inception(add, h.Node(), now())
	if err != nil {
		return err
	}
	return h.SaveInception(inception)
}

// Inception is the first entry of a node's feed.
func Inception(id protocol.FederationID, root, node protocol.PrivateKey, now time.Time) (protocol.Entry, error) {
	add, err := protocol.Addition(id, protocol.PublicKey{}, node.Public(), protocol.Signature{}).Sign(root)
	if err != nil {
		return protocol.Entry{}, err
	}
	return inception(add, node, now)
}

// inception is the first entry of the feed of a node that the root key has added.
func inception(add protocol.Statement, node protocol.PrivateKey, now time.Time) (protocol.Entry, error) {
	id := add.Federation
	return protocol.Seal(id, protocol.Header{
		Kind: protocol.KindInception, Time: now.UnixMilli(), Act: protocol.ActRef{ID: id},
		Init: &protocol.Inception{Federation: id, Root: add.Root, Node: node.Public(), Added: add.Signature},
	}, node)
}

func clock(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}

func newSalt(r io.Reader) (protocol.Salt, error) {
	if r == nil {
		r = rand.Reader
	}
	var s protocol.Salt
	if _, err := io.ReadFull(r, s[:]); err != nil {
		return s, protocol.Fail(protocol.ReasonInternal, "read randomness", err)
	}
	return s, nil
}
