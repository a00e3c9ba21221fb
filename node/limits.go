package node

import (
	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/exchange"
	"github.com/dure-net/dure/node/index"
	"github.com/dure-net/dure/node/private"
	"github.com/dure-net/dure/node/searches"
	"github.com/dure-net/dure/protocol"
	agreed "github.com/dure-net/dure/protocol/record/exchange"
	"github.com/dure-net/dure/protocol/record/remark"
	"github.com/dure-net/dure/protocol/sealed"
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
		{"federation", remark.Bounds()},
		{"federation", agreed.Bounds()},
		{"sealed", sealed.Bounds()},
		{"replication", replication.Bounds()},
		{"ledger", ledger.Bounds()},
		{"mesh", mesh.Bounds()},
		{"index", index.Bounds()},
		{"index", exchange.Bounds()},
		{"private", private.Bounds()},
		{"api", api.Bounds()},
		{"api", access.Bounds()},
		{"searches", searches.Bounds()},
	} {
		for _, b := range part.bounds {
			out = append(out, api.Limit{Scope: part.scope, Name: b.Name, Value: b.Value, Unit: b.Unit, Why: b.Why, Beyond: b.Beyond})
		}
	}
	return out
}
