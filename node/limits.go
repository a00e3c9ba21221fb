package node

import (
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication"
	"github.com/dure-net/dure/replication/ledger"
	"github.com/dure-net/dure/replication/mesh"
)

// Limits lists every bound of a node: those of the federation first. The slice is the
// caller's.
func Limits() []api.Limit {
	var out []api.Limit
	for _, part := range []struct {
		scope  string
		bounds []protocol.Bound
	}{
		{"federation", protocol.Bounds()},
		{"replication", replication.Bounds()},
		{"ledger", ledger.Bounds()},
		{"mesh", mesh.Bounds()},
		{"api", api.Bounds()},
	} {
		for _, b := range part.bounds {
			out = append(out, api.Limit{Scope: part.scope, Name: b.Name, Value: b.Value, Unit: b.Unit, Why: b.Why, Beyond: b.Beyond})
		}
	}
	return out
}
