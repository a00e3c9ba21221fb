package api_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/protocol"
)

var updateProblems = flag.Bool("update-problems", false, "write PROBLEMS.md")

// PROBLEMS.md has every code that a problem can have, as the program has it.
// go test ./node/api -run Problems -update-problems writes it.
func TestProblems_Table(t *testing.T) {
	book, err := theBook()
	if err != nil {
		t.Fatal(err)
	}
	text := "# Codes of problems\n\n" +
		"Every error of the local interface is a problem document (RFC 9457, `application/problem+json`). Branch on `code`, which is one of these and\n" +
		"keeps its meaning; new ones may be added, so treat one that you do not know by its `status`. `retryable` says that the same request may succeed\n" +
		"later with nothing changed. `title` and `hint` are for people and follow Accept-Language (ko, en, fr, es); here they stand in English, as they\n" +
		"are without particulars. `errors` lists every fault of what was sent, `args` has the values of the sentence, `request_id` stands in the node's\n" +
		"log too. Where the interface itself refuses a request, before the node is asked, the status can differ from the one here: 401 `forbidden` (no\n" +
		"token), 412 `conflict` (If-Match), 415 and 422 `usage`, 421 `forbidden` (Host), 422 `conflict` (Idempotency-Key), 429 `busy`.\n\n" +
		"| code | status | retryable | title | hint |\n| --- | --- | --- | --- | --- |\n"
	for _, r := range protocol.Reasons() {
		if r == protocol.ReasonNone {
			continue
		}
		title, hint := book.Reason("en", r, nil)
		again := ""
		if api.Retryable(r) {
			again = "yes"
		}
		text += fmt.Sprintf("| `%s` | %d | %s | %s | %s |\n", r, api.StatusOf(r), again, title, hint)
	}
	text += "\nThis file is written by `go test ./node/api -run Problems -update-problems`.\n"
	if *updateProblems {
		if err := os.WriteFile("PROBLEMS.md", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if raw, err := os.ReadFile("PROBLEMS.md"); err != nil || string(raw) != text {
		t.Errorf("PROBLEMS.md is not what the program has; run with -update-problems and read the difference (%v)", err)
	}
}
