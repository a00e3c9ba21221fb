package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/proof"
	"github.com/dure-net/dure/protocol/record"
)

// checkCommand judges a file without a node, so that whoever writes one can do it anywhere.
func (a *app) checkCommand() *cobra.Command {
	c := a.command("check FILE|-", between(1, 1), map[string]bool{}, func(ctx context.Context, arguments []string) error {
		if strings.EqualFold(filepath.Ext(arguments[0]), ".csv") {
			return a.publishTable(ctx, arguments[0], true, false)
		}
		d, err := a.draft(arguments[0])
		if err != nil {
			return err
		}
		a.sayPersonal(d)
		return a.answer(map[string]bool{"valid": true}, func() { a.line("cli.publish.valid", args{"type": a.word("type", d.Type)}) })
	})
	c.Short, c.Long = a.say("help.check_file", nil), a.say("help.check_file.long", nil) // "config check" has a text of its own
	c.Example = "dure check request.json\ndure check offers.csv"
	return c
}

func (a *app) schemaCommand() *cobra.Command {
	c := a.command("schema TYPE", between(1, 1), nil, func(_ context.Context, arguments []string) error {
		kind, ok := protocol.ParseKind(arguments[0])
		schema := record.JSONSchema(kind)
		if !ok || schema == nil {
			return &protocol.Error{Reason: protocol.ReasonUsage, Op: "show schema", Args: map[string]string{"value": arguments[0], "want": strings.Join(record.Types(), ", ")}}
		}
		_, err := a.out.Write(schema)
		return err
	})
	c.Example = "dure schema offer"
	return c
}

// provenAnswer is what `dure verify ID|FILE --json` prints.
type provenAnswer struct {
	proof.Verdict
	Member   string           `json:"member,omitempty"`   // as the node says that made the proof
	Admitted *proof.Admission `json:"admitted,omitempty"` // likewise
}

// verifyEntry checks one entry with nothing but its bytes: those of a file, or those that
// the node gives for a record or an entry. save keeps them in a file.
func (a *app) verifyEntry(ctx context.Context, name, save string) error {
	if strings.EqualFold(filepath.Ext(name), ".zip") {
		return a.verifyArchive(name)
	}
	var p proof.Proof
	raw, err := os.ReadFile(name)
	switch {
	case err == nil:
		if len(raw) > maxProofFile {
			return protocol.Fail(protocol.ReasonTooLarge, "read proof", nil)
		}
		if err := json.Unmarshal(raw, &p); err != nil || p.Header == nil {
			return &complaint{reason: protocol.ReasonMalformed, key: "cli.verify.no_proof", args: args{"file": name}, err: err}
		}
	case errors.Is(err, fs.ErrNotExist):
		if err := a.with(ctx, func(s *session) (err error) {
			p, err = s.Proof(ctx, name)
			return err
		}); err != nil {
			return err
		}
	default:
		return &complaint{reason: protocol.ReasonUsage, key: "cli.usage.cannot_read", args: args{"file": name}, err: err}
	}
	v, err := p.Verify()
	if err != nil {
		return err
	}
	if save != "" {
		raw, err := json.MarshalIndent(p, "", " ")
		if err == nil {
			err = os.WriteFile(save, append(raw, '\n'), 0o644)
		}
		if err != nil {
			return &complaint{reason: protocol.ReasonHomeUnwritable, key: "cli.usage.cannot_write", args: args{"file": save}, err: err}
		}
	}
	return a.answer(provenAnswer{v, p.Member, p.Admitted}, func() { a.sayProven(p, v) })
}

// maxProofFile bounds a proof that is read: 65 headers, a body and a founding act at their
// largest, in base64.
const maxProofFile = 4 << 20

func (a *app) sayProven(p proof.Proof, v proof.Verdict) {
	a.line("cli.proof.holds", args{"id": v.Entry.String(), "kind": a.word("type", v.Kind)})
	by := "cli.proof.signed"
	if v.SignedBy != v.Entry {
		by = "cli.proof.vouched"
	}
	a.line(by, args{"node": v.Node.String(), "by": v.SignedBy.String(), "time": a.book.Time(a.lang, v.Time.Local())})
	a.line("cli.proof.root", args{"root": v.Root.String(), "federation": v.Federation.String()})
	switch {
	case v.Founder != "":
		a.line("cli.proof.founder", args{"member": v.Founder})
	case p.Member != "" && p.Admitted != nil:
		a.line("cli.proof.member", args{"member": p.Member, "number": p.Admitted.Number})
	}
	if v.Content == nil {
		a.line("cli.proof.no_body", nil)
		return
	}
	raw, err := json.MarshalIndent(v.Content, "", "  ")
	if err == nil {
		a.plain(string(raw))
	}
}
