package replication

import "github.com/dure-net/dure/replication/mesh"

// What a Replica can be asked is parted by who asks. Each part is a view of the same
// replica: it costs nothing to take, and is safe for concurrent use as the replica is.

// Acts is the part of a Replica that takes part in the act line.
type Acts struct{ replica *Replica }

// Bundles is the part that writes and reads bundles.
type Bundles struct{ replica *Replica }

// Others is what is known of other nodes.
type Others struct{ replica *Replica }

// Feeds says whose the feeds are, and how far they stand.
type Feeds struct{ replica *Replica }

// Custody is the part that looks after this node's own copy: what is damaged, forked,
// forgotten, and how it comes back.
type Custody struct{ replica *Replica }

// Files is the part that brings files of records from other nodes.
type Files struct{ replica *Replica }

func (r *Replica) Files() Files     { return Files{r} }
func (r *Replica) Acts() Acts       { return Acts{r} }
func (r *Replica) Bundles() Bundles { return Bundles{r} }
func (r *Replica) Others() Others   { return Others{r} }
func (r *Replica) Feeds() Feeds     { return Feeds{r} }
func (r *Replica) Custody() Custody { return Custody{r} }

// handler is the part that other nodes reach.
type handler struct{ replica *Replica }

var _ mesh.Handler = handler{}

// Handler decides what other nodes' bytes mean.
func (r *Replica) Handler() mesh.Handler { return handler{r} }
