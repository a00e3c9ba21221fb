package node

import (
	"context"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication"
)

// Fetches asks every connected node for a file, as a node does that was told its name.
func (n *Node) Fetches(ctx context.Context, entry protocol.EntryID, file protocol.CID, bytes uint64) error {
	return n.replica.Files().Fetch(ctx, replication.WantedFile{Entry: entry, File: file, Bytes: bytes})
}

// HoldLists has lists stay as they are, as they do while the disk takes nothing.
func (n *Node) HoldLists() {
	n.stopFollowing()
	n.following.Wait()
}
