package api

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
)

// MaxVersions bounds the versions of a record that are listed: the newest. Beyond: More is set.
const MaxVersions = 100

// RecordVersions is the history of one record.
type RecordVersions struct {
	Record string          `json:"record" doc:"CID of the record"`
	Number string          `json:"number,omitempty"`
	Items  []RecordVersion `json:"items" doc:"in the order of arrival on this node"`
	More   bool            `json:"more,omitempty" doc:"there are older ones; the newest are told"`
}

// RecordVersion is one entry in the history of a record.
type RecordVersion struct {
	Version int               `json:"version" doc:"its place in the history on this node, from 1"`
	Entry   string            `json:"entry" doc:"CID of its signed header"`
	Role    string            `json:"role" enum:"current,superseded,rival,withdrawal,erasure,set_aside" doc:"current: it is what the record says. superseded: another one builds on it. rival: it was written at the same time as another one, which counts in its place. set_aside: it does not count"`
	Type    string            `json:"type"`
	Member  string            `json:"member" doc:"handle of its author"`
	Names   map[string]string `json:"names,omitempty" doc:"that member's names by language"`
	Node    string            `json:"node,omitempty" doc:"public key of the machine that signed it"`
	Self    bool              `json:"self,omitempty" doc:"that was this node"`
	Time    time.Time         `json:"time,omitzero" doc:"when its author says it was written"`
	Seq     uint64            `json:"seq" doc:"local sequence on this node"`
	Builds  string            `json:"builds,omitempty" doc:"CID of the version that it was made from"`
	State   string            `json:"state,omitempty" enum:"published,erased,wanted,invalid" doc:"of its content; absent where it has none of its own"`
	Lang    string            `json:"lang,omitempty"`
	Title   map[string]string `json:"title,omitempty"`
	Content map[string]any    `json:"content,omitempty" doc:"the record's fields as this version says them; to bring it back, post them to revise-record"`
}

// Again reports whether the version can be brought back: it does not count, and can be read.
func (v RecordVersion) Again() bool {
	return v.Content != nil && (v.Role == "superseded" || v.Role == "rival")
}

// Draft is the revision that brings the version back, made from what the record says now.
func (v RecordVersion) Draft(ref, current string) (Draft, error) {
	raw, err := json.Marshal(PlainContent(v.Content))
	if err != nil {
		return Draft{}, protocol.Fail(protocol.ReasonInternal, "bring back version", err)
	}
	return Draft{Type: v.Type, Raw: raw, Of: ref, Version: current}, nil
}

// Current is the CID of the version that counts; "" where it is not listed.
func (v RecordVersions) Current() string {
	for _, one := range v.Items {
		if one.Role == "current" {
			return one.Entry
		}
	}
	return ""
}

func (s *server) versions() {
	type named = oneID
	defer s.idIs("as for get-record", "/records/{id}/versions")
	route(s, get(access.Read, "list-versions", "/records/{id}/versions", "All versions of a record, with their authors and what counts, also those written at the same time as another"),
		func(ctx context.Context, in *named) (*answer[RecordVersions], error) {
			v, err := s.backend.Versions(ctx, in.ID)
			return &answer[RecordVersions]{v}, err
		})
}

// Versions implements Reader.
func (c *Client) Versions(ctx context.Context, ref string) (v RecordVersions, err error) {
	return v, c.get(ctx, "/records/"+url.PathEscape(ref)+"/versions", &v)
}
