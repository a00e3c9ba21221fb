package home

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/multiformats/go-multiaddr"

	"github.com/dure-net/dure/protocol"
)

// Bounds of the address book. A federation of 256 founders with two nodes each fits.
const (
	// MaxKnown bounds the nodes in the book. Beyond: those seen longest ago are dropped.
	MaxKnown = 512

	// maxAddress bounds one address: a relayed one with two node ids takes about 200.
	// Beyond: dropped.
	maxAddress = 256

	maxBookBytes = MaxKnown * (protocol.MaxAddresses*(maxAddress+16) + 256)
)

// Known is where a node was reached last. The book is a convenience: addresses are
// also on the ledger, and a book that is lost or damaged may be overwritten.
type Known struct {
	Node      protocol.PublicKey `json:"node"`
	Addresses []string           `json:"addresses"` // multiaddrs, best first
	Seen      time.Time          `json:"seen"`
}

// Addresses reads the address book, last seen first. The slice is the caller's; empty
// where there is no book. ReasonDamaged where it does not read.
func (h *Home) Addresses() ([]Known, error) {
	raw, err := readBounded(h.path(addressFile), maxBookBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, h.readError("read addresses", addressFile, err)
	}
	book, err := decodeAddresses(raw)
	if err != nil {
		return nil, h.paperError(addressFile, err)
	}
	return book, nil
}

func decodeAddresses(raw []byte) ([]Known, error) {
	var book []Known
	if err := decodeJSON(raw, &book); err != nil {
		return nil, err
	}
	if len(book) > MaxKnown {
		return nil, fmt.Errorf("%d nodes, the limit is %d", len(book), MaxKnown)
	}
	seen := map[protocol.PublicKey]bool{}
	for _, k := range book {
		switch {
		case k.Node.IsZero() || seen[k.Node]:
			return nil, errors.New("a node without key, or twice")
		case len(k.Addresses) == 0 || len(k.Addresses) > protocol.MaxAddresses:
			return nil, fmt.Errorf("%d addresses of one node", len(k.Addresses))
		}
		seen[k.Node] = true
		for _, a := range k.Addresses {
			if !isAddress(a) {
				return nil, errors.New("not an address")
			}
		}
	}
	sortKnown(book)
	return book, nil
}

// SaveAddresses replaces the book, within its bounds: of a node named twice the one
// seen last counts; what is not an address, and nodes without any, are left out.
func (h *Home) SaveAddresses(book []Known) error {
	kept := make([]Known, 0, min(len(book), MaxKnown))
	sorted := slices.Clone(book)
	sortKnown(sorted)
	seen := map[protocol.PublicKey]bool{}
	for _, k := range sorted {
		var good []string
		for _, a := range k.Addresses {
			if len(good) < protocol.MaxAddresses && isAddress(a) && !slices.Contains(good, a) {
				good = append(good, a)
			}
		}
		if k.Node.IsZero() || seen[k.Node] || len(good) == 0 || len(kept) == MaxKnown {
			continue
		}
		seen[k.Node] = true
		kept = append(kept, Known{k.Node, good, k.Seen.UTC().Truncate(time.Second)})
	}
	raw, err := encodeJSON(kept)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.write(addressFile, raw, plainMode)
}

func isAddress(text string) bool {
	if len(text) == 0 || len(text) > maxAddress {
		return false
	}
	_, err := multiaddr.NewMultiaddr(text)
	return err == nil
}

func sortKnown(book []Known) {
	slices.SortStableFunc(book, func(a, b Known) int {
		if c := b.Seen.Compare(a.Seen); c != 0 {
			return c
		}
		return cmp.Compare(a.Node.String(), b.Node.String())
	})
}
