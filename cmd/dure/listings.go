package main

import (
	"context"
	"encoding/json"
	"maps"
	"time"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// pauseCommand, resumeCommand, closeCommand and extendCommand move an own offer or
// request through its life without writing it again.
func (a *app) pauseCommand() *cobra.Command {
	return a.adjustCommand("pause ID", "cli.adjust.paused", api.Adjustment{State: "paused"})
}

func (a *app) resumeCommand() *cobra.Command {
	return a.adjustCommand("resume ID", "cli.adjust.resumed", api.Adjustment{State: "published"})
}

func (a *app) adjustCommand(use, done string, adjustment api.Adjustment) *cobra.Command {
	return a.command(use, between(1, 1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		return a.adjust(ctx, arguments[0], done, adjustment)
	})
}

func (a *app) closeCommand() *cobra.Command {
	as := "fulfilled"
	c := a.command("close ID", between(1, 1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		if !record.Has(record.Closings, as) {
			return misuse("usage.bad_value", args{"flag": "--as", "value": as, "command": "dure close"})
		}
		return a.adjust(ctx, arguments[0], "cli.adjust.closed", api.Adjustment{State: "closed", ClosedAs: as})
	})
	c.Example = "dure close kr-seoul-41 --as fulfilled"
	a.textFlag(c.Flags(), &as, "as", "fulfilled|withdrawn|superseded", as)
	return c
}

func (a *app) extendCommand() *cobra.Command {
	c := a.command("extend ID DAY", between(2, 2), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		// Said here, so that it reads the same whether the node runs or not.
		if _, err := time.Parse(time.DateOnly, arguments[1]); err != nil {
			return misuse("usage.bad_day", args{"value": arguments[1]})
		}
		return a.adjust(ctx, arguments[0], "cli.adjust.extended", api.Adjustment{ValidUntil: arguments[1]})
	})
	c.Example = "dure extend kr-seoul-41 2027-06-30"
	return c
}

func (a *app) adjust(ctx context.Context, ref, done string, adjustment api.Adjustment) error {
	return a.with(ctx, func(s *session) error {
		receipt, err := s.Adjust(ctx, ref, adjustment)
		if err != nil {
			return err
		}
		return a.receipt(s, receipt, done)
	})
}

// reopenCommand publishes a closed listing as a new one that continues it: what is closed stays closed.
func (a *app) reopenCommand() *cobra.Command {
	var until, from string
	c := a.command("reopen ID", between(1, 1), api.Receipt{}, func(ctx context.Context, arguments []string) error {
		for _, day := range []string{until, from} {
			if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
				return misuse("usage.bad_day", args{"value": day})
			}
		}
		return a.with(ctx, func(s *session) error {
			r, err := s.Record(ctx, arguments[0])
			if err != nil {
				return err
			}
			content := maps.Clone(r.Content)
			if state, _ := content["state"].(string); r.Type != "offer" && r.Type != "request" || state != "closed" {
				return misuse("usage.reopen", nil)
			}
			for _, name := range []string{"state", "closed_as"} {
				delete(content, name)
			}
			content["continues"] = r.ID
			if window, ok := content["window"].(map[string]any); ok {
				window = maps.Clone(window)
				if from != "" {
					window["from"] = from
				}
				if to, _ := window["to"].(string); until > to {
					window["to"] = until
				}
				content["window"] = window
			}
			if until != "" {
				content["valid_until"] = until
				delete(content, "standing")
			}
			raw, err := json.Marshal(content)
			if err != nil {
				return protocol.Fail(protocol.ReasonInternal, "reopen listing", err)
			}
			receipt, err := s.Publish(ctx, api.Draft{Type: r.Type, Raw: raw})
			if err != nil {
				return err
			}
			return a.receipt(s, receipt, "cli.reopen.done")
		})
	})
	c.Example = "dure reopen kr-seoul-41 --valid-until 2027-12-31"
	a.textFlag(c.Flags(), &until, "valid-until", "DAY", "")
	a.textFlag(c.Flags(), &from, "from", "DAY", "")
	return c
}
