package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/node/api"
)

func (a *app) watchCommand() *cobra.Command {
	var since int
	var once bool
	c := a.command("watch", between(0, 0), api.Event{}, func(ctx context.Context, _ []string) error {
		if since < -1 {
			return misuse("usage.bad_since", nil)
		}
		h, err := a.openHome()
		if err != nil {
			return err
		}
		s, err := a.client(h)
		if err != nil {
			return err
		}
		defer func() { _ = s.close() }()
		return a.watch(ctx, s, since, once)
	})
	a.numberFlag(c.Flags(), &since, "since", -1)
	a.switchFlag(c.Flags(), &once, "once")
	return c
}

// watch prints what arrives, one line each; with --json one object a line. since -1 begins with what is new from now.
func (a *app) watch(ctx context.Context, s *session, since int, once bool) error {
	status, err := s.Status(ctx)
	if err != nil {
		return err
	}
	from, newest := uint64(max(since, 0)), status.Ledger.Seq
	if since < 0 {
		from = newest
	}
	if once && from >= newest {
		return nil
	}
	a.note("cli.watch.begin", nil)
	for event, err := range s.Watch(ctx, from) {
		if err != nil {
			return err
		}
		if err := a.answer(event, func() { a.happened(ctx, s, event) }); err != nil {
			return err
		}
		if once && event.Seq >= newest {
			return nil
		}
	}
	return nil // ended by the reader
}

func (a *app) happened(ctx context.Context, s *session, e api.Event) {
	what := a.word("event", string(e.Type))
	cells := []string{a.now().Local().Format("15:04:05"), what}
	if e.Number != "" {
		cells = append(cells, e.Number)
	}
	if e.RecordType != "" {
		cells = append(cells, a.word("type", e.RecordType))
	}
	if e.Member != "" && e.Number == "" {
		cells = append(cells, e.Member)
	}
	if e.Record != "" {
		if r, err := s.Record(ctx, e.Record); err == nil {
			cells = append(cells, cut(a.title(r), titlePlaces))
		}
	}
	a.plain(cells...)
}
