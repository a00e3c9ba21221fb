// Command generated lists the offers of a node with a client that oapi-codegen made from
// the document that the node serves. TestGenerated_ClientListsOffers generates, builds and
// runs it; nothing of it is a part of dure.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/oapi-codegen/runtime/types"

	"generated/client"
)

func main() {
	if err := list(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func list(node, token string) error {
	bearer := func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
	c, err := client.NewClientWithResponses(node, client.WithRequestEditorFn(bearer))
	if err != nil {
		return err
	}
	offers, limit := []client.ListRecordsParamsType{client.ListRecordsParamsTypeOffer}, int64(1)
	day := types.Date{Time: time.Date(2027, 2, 26, 0, 0, 0, 0, time.UTC)}
	params := client.ListRecordsParams{Type: &offers, Limit: &limit, AsOf: &day}
	for {
		answer, err := c.ListRecordsWithResponse(context.Background(), &params)
		if err != nil {
			return err
		}
		if answer.JSON200 == nil {
			return fmt.Errorf("%s: %s", answer.Status(), answer.Body)
		}
		for _, r := range answer.JSON200.Items {
			fmt.Println(r.Id, r.Type, *r.Number, *r.Standing)
		}
		next := answer.JSON200.NextCursor
		if next == "" {
			return nil
		}
		params.Cursor = &next
	}
}
