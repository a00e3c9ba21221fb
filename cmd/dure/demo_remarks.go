package main

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/sample"
	"github.com/dure-net/dure/protocol"
)

// remark has the members that run say what the sample has them say about records of others that run, each at its own
// node.
func (d *demo) remark(ctx context.Context) error {
	said := map[string]string{} // CIDs of remarks, by their refs
	for _, r := range sample.Remarks() {
		i := slices.IndexFunc(d.cities, func(c *city) bool { return c.Handle == r.Member })
		about := d.ids[r.About]
		if i < 0 || about == "" || r.Answers != "" && said[r.Answers] == "" {
			continue
		}
		for said[r.Ref] == "" {
			receipt, err := d.say(ctx, d.cities[i], r, about, said[r.Answers])
			switch protocol.ReasonOf(err) {
			case protocol.ReasonNone:
				said[r.Ref] = receipt.ID
				continue
			case protocol.ReasonJoining, protocol.ReasonBusy, protocol.ReasonNotFound, protocol.ReasonWanted: // it is on its way there
			default:
				return err
			}
			if err := pause(ctx, err); err != nil {
				return d.stuck(err)
			}
		}
	}
	return nil
}

// say writes one remark. A translation is of the version that its writer reads.
func (d *demo) say(ctx context.Context, c *city, r sample.Remark, about, answers string) (api.Receipt, error) {
	raw := json.RawMessage(r.JSON)
	if r.Type == protocol.KindTranslation.String() {
		rec, err := c.api.Record(ctx, about)
		if err != nil {
			return api.Receipt{}, err
		}
		var body map[string]any
		if err := json.Unmarshal(raw, &body); err != nil {
			return api.Receipt{}, protocol.Fail(protocol.ReasonInternal, "write remark", err)
		}
		body["version"] = rec.Entry
		if raw, err = json.Marshal(body); err != nil {
			return api.Receipt{}, protocol.Fail(protocol.ReasonInternal, "write remark", err)
		}
	}
	return c.api.Remark(ctx, api.RemarkDraft{Ref: about, Type: r.Type, Raw: raw, To: answers})
}
