package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

func (a *app) proposeCommand() *cobra.Command {
	var e edits
	var own string
	var show, dry bool
	c := a.command("propose ID|FILE|-", between(1, 1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		name := arguments[0]
		if _, err := os.Stat(name); name == "-" || err == nil {
			raw, err := a.readInput(name)
			if err != nil {
				return err
			}
			if _, err := record.ParseWith(protocol.KindProposal, raw, func(name string) (protocol.RecordID, bool) { return protocol.Sum([]byte(name)), true }); err != nil {
				return err // every fault, before anything is opened
			}
			return a.act(ctx, "", api.Deed{Deed: "propose", Proposal: raw, Dry: dry})
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		edit, err := e.read()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		err = a.with(ctx, func(s *session) error {
			draft, err := s.DraftProposal(ctx, name, own)
			if err != nil {
				return err
			}
			raw, err = changed(draft, edit)
			return err
		})
		if err != nil {
			return err
		}
		if show {
			a.plain(string(raw))
			return nil
		}
		return a.act(ctx, "", api.Deed{Deed: "propose", Proposal: raw, Dry: dry})
	})
	c.Example = "dure propose kr-seoul-41\ndure propose kr-seoul-41 --own sn-dakar-7 --quantity 8 --respond-by 2027-02-28\ndure propose kr-seoul-41 --print > proposal.json\ndure propose proposal.json"
	a.textFlag(c.Flags(), &own, "own", "ID", "")
	a.editFlags(c, &e)
	a.switchFlag(c.Flags(), &show, "print")
	a.switchFlag(c.Flags(), &dry, "dry-run")
	return c
}

// changed puts what was typed into a drafted proposal. A clause that is not there is left for the node to refuse.
func changed(draft map[string]any, e *api.TermsEdit) (json.RawMessage, error) {
	clauses, _ := draft["clauses"].([]any)
	for _, one := range clauses {
		c, _ := one.(map[string]any)
		no, _ := c["no"].(float64)
		if e.Clause != 0 && uint64(no) != e.Clause {
			continue
		}
		if q, ok := c["quantity"].(map[string]any); ok && e.Quantity != "" { // of a loan, what comes back as well
			q["value"] = e.Quantity
		}
		if m, ok := c["amount"].(map[string]any); ok && e.Quantity != "" {
			m["value"] = e.Quantity
		}
		if e.Due != "" && (e.Clause != 0 || c["action"] != "return_custody") {
			delete(c, "window")
			c["due"] = e.Due
		}
	}
	if e.RespondBy != "" {
		draft["respond_by"] = e.RespondBy
	}
	if len(e.Terms) > 0 {
		draft["terms"] = e.Terms
	}
	return json.Marshal(draft)
}
