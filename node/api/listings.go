package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/protocol"
)

// Adjustment moves an own offer or request through its life: published, paused, closed.
// What is empty stays as it is.
type Adjustment struct {
	State      string `json:"state,omitempty" enum:"published,paused,closed"`
	ClosedAs   string `json:"closed_as,omitempty" enum:"withdrawn,fulfilled,superseded" doc:"with closed: what became of it"`
	ValidUntil string `json:"valid_until,omitempty" format:"date" doc:"new last day"`
}

func (s *server) listings() {
	type adjusting struct {
		Keyed
		ID   string `path:"id" maxLength:"120"`
		Body Adjustment
	}
	op := post(access.Write, "adjust-listing", "/records/{id}/state", "Pause, resume, close or prolong an own offer or request", http.StatusCreated)
	op.Description = "Publishes a new version that differs in nothing else. A closed listing stays closed: publish a new one that `continues` it."
	routeAs(s, op, func(ctx context.Context, in *adjusting) (*created, error) {
		raw, err := json.Marshal(in.Body)
		if err != nil {
			return nil, protocol.Fail(protocol.ReasonMalformed, "adjust listing", err)
		}
		return s.write(ctx, in.Keyed, "adjust "+in.ID, raw, func([]byte) (Receipt, error) {
			return s.backend.Adjust(ctx, in.ID, in.Body)
		})
	})
}

// Adjust implements Publisher, with the promise of Publish.
func (c *Client) Adjust(ctx context.Context, ref string, a Adjustment) (Receipt, error) {
	body, err := json.Marshal(a)
	if err != nil {
		return Receipt{}, protocol.Fail(protocol.ReasonMalformed, "adjust listing", err)
	}
	return c.write(ctx, "/records/"+url.PathEscape(ref)+"/state", body)
}
