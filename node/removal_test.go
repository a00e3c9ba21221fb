package node_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/dure-net/dure/node/api"
)

// readiness is what a machine that watches the node is told.
func (c *city) readiness() (code int, why string, err error) {
	resp, err := http.Get("http://" + c.api + "/readyz")
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return 0, "", err
	}
	var problem struct{ Why string }
	return resp.StatusCode, problem.Why, json.Unmarshal(raw, &problem)
}

// A member whose node was off when it was removed hears of it when it comes back, from
// whoever turns it away, and says so where machines and people look; it goes on reading.
// Where it has missed an act before, the others' word is all that it has, and it says that.
func TestRemoved_WhileItWasOff(t *testing.T) {
	for _, c := range []struct {
		name   string
		before []api.Change // decided while it is off too
		why    string
		alert  string
	}{
		{"the act alone was missed", nil, "state.ended.removed", "removed"},
		{"another act was missed too", []api.Change{{Kind: "suspend", Member: "ca-montreal"}}, "state.ended.refused", "removed_said"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := context.Background()
			all := federation(t, "kr-seoul", "ca-montreal")
			seoul, montreal := all[0], all[1]
			same(t, seoul, montreal)
			record := montreal.publish("before the removal")
			same(t, seoul, montreal)
			montreal.halt()
			for _, change := range append(c.before, api.Change{Kind: "remove", Member: "ca-montreal"}) {
				if _, err := seoul.client().Decide(ctx, api.Proposal{Changes: []api.Change{change}}); err != nil {
					t.Fatalf("%s: %v", change.Kind, err)
				}
			}
			act := func() string {
				s, err := seoul.client().Status(ctx)
				if err != nil {
					t.Fatal(err)
				}
				return fmt.Sprint(s.Federation.Act)
			}()
			says := func() error {
				code, why, err := montreal.readiness()
				if err != nil || code != http.StatusServiceUnavailable || why != c.why {
					return fmt.Errorf("/readyz says %d %q, %v", code, why, err)
				}
				s, err := montreal.client().Status(ctx)
				if err != nil {
					return err
				}
				told := slices.IndexFunc(s.Alerts, func(a api.Alert) bool { return a.Code == c.alert })
				if s.Node.State != api.StateEnded || s.Node.Reason != c.why || told < 0 {
					return fmt.Errorf("the status is %s, %s, with the alerts %+v", s.Node.State, s.Node.Reason, s.Alerts)
				}
				if a := s.Alerts[told]; a.Level != api.AlertWarn || a.Member != "ca-montreal" || a.Args["act"] != act {
					return fmt.Errorf("the alert is %+v, of act %s", a, act)
				}
				return nil
			}
			for _, start := range []string{"comes back", "is started again"} {
				montreal.start()
				eventually(t, "Montréal "+start, says)
				if _, err := montreal.client().Record(ctx, record.Number); err != nil {
					t.Errorf("its records are not read any more: %v", err)
				}
				montreal.halt()
			}
		})
	}
}
