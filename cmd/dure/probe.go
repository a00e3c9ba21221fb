package main

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// probed is what `dure probe --json` prints.
type probed struct {
	Healthy bool   `json:"healthy"` // the process answers
	Ready   bool   `json:"ready"`   // and the node does its work
	API     string `json:"api"`
}

// probeTime bounds a probe: container engines give up after a few seconds themselves.
const probeTime = 3 * time.Second

// probeCommand is the health check of a container: it asks the running node and changes nothing, creates nothing and
// opens no store.
func (a *app) probeCommand() *cobra.Command {
	return a.command("probe", between(0, 0), probed{}, func(ctx context.Context, _ []string) error {
		_, run, err := a.running()
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, probeTime)
		defer cancel()
		out := probed{API: run.API, Healthy: answers(ctx, run.API+"/healthz")}
		out.Ready = out.Healthy && answers(ctx, run.API+"/readyz")
		if err := a.answer(out, func() {
			switch {
			case out.Ready:
				a.line("cli.probe.ready", nil)
			case out.Healthy:
				a.line("cli.probe.not_ready", nil)
			default:
				a.line("cli.probe.silent", args{"api": run.API})
			}
		}); err != nil {
			return err
		}
		if !out.Ready {
			return problems{}
		}
		return nil
	})
}

func answers(ctx context.Context, url string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	// Its own transport, without proxy: the node is on this machine.
	transport := &http.Transport{Proxy: nil}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	return resp.StatusCode == http.StatusOK
}
