package api_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dure-net/dure/node/api"
)

func TestLimits_AreServed(t *testing.T) {
	want := []api.Limit{{Scope: "mesh", Name: "maxGuests", Value: 32, Unit: "outsiders", Why: "joining", Beyond: "refused"}, {Scope: "api", Name: "rememberFor", Value: 24, Unit: "h"}}
	w := newWorld(t, func(c *api.Config) { c.Limits = want })
	got, err := w.client().Limits(context.Background())
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}
