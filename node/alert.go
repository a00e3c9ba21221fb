package node

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/charter"
	"github.com/dure-net/dure/replication"
)

// alerts gathers what the people of this node should know. Each source says what holds
// now; nothing is remembered, so an alert goes away with its reason.
func alerts(s charter.State, nodes []replication.Node) []api.Alert {
	out := []api.Alert{}
	out = append(out, lacking(s)...)
	out = append(out, strangeVersions(s, nodes)...)
	slices.SortStableFunc(out, func(a, b api.Alert) int {
		return cmp.Or(strings.Compare(b.Level, a.Level), strings.Compare(a.Code, b.Code), strings.Compare(a.Member, b.Member))
	})
	return out
}

// lacking tells of features that acts switched on and this program does not understand.
func lacking(s charter.State) []api.Alert {
	lacks := s.Lacks(protocol.Features())
	if len(lacks) == 0 {
		return nil
	}
	return []api.Alert{{Code: "features", Level: api.AlertWarn, Args: map[string]string{"features": strings.Join(lacks, ", ")}}}
}

// strangeVersions tells of nodes that cannot be talked to because one of the two
// programs is too old.
func strangeVersions(s charter.State, nodes []replication.Node) []api.Alert {
	var out []api.Alert
	for _, k := range nodes {
		if k.Speaks == 0 {
			continue
		}
		code := "node_older"
		if k.Speaks > protocol.Version {
			code = "node_newer"
		}
		member, _ := s.MemberOfNode(k.Key)
		out = append(out, api.Alert{Code: code, Level: api.AlertWarn, Member: member, Node: k.Key.String(),
			Args: map[string]string{"theirs": strconv.FormatUint(k.Speaks, 10), "ours": strconv.Itoa(protocol.Version)}})
	}
	return out
}
