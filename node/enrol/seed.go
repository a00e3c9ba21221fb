package enrol

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
	"github.com/dure-net/dure/replication"
	"github.com/dure-net/dure/replication/ledger"
)

// Seed prepares a whole federation on one machine: for demonstrations and rehearsals.
// Everybody's root key is at hand, which is exactly what a real federation never has.
type Seed struct {
	Names, Charter, Notice protocol.Text
	Rules                  protocol.Rules
	Offices                []protocol.Term
	Salt                   protocol.Salt
	Members                []SeedMember
	Now                    func() time.Time // nil: time.Now
	Random                 io.Reader        // nil: crypto/rand
}

// SeedMember is one founder. Facts.Root is set from Root.
type SeedMember struct {
	Facts      protocol.MemberFacts
	Root, Node protocol.PrivateKey
	Home       string       // the directory to prepare; empty: the member runs nowhere here
	Config     home.Config  // of that home
	Records    []SeedRecord // without a home: what the member has published, in order
}

// SeedRecord is a record as programs post it. A value "ref:NAME" inside it stands for
// the record of the same member that has that Ref.
type SeedRecord struct {
	Ref string
	Raw json.RawMessage
}

// Write makes the founding act, prepares the homes, ready to be started, and writes
// the feeds of the members without one to bundle, as Export does.
func (s Seed) Write(ctx context.Context, bundle io.Writer) (protocol.FederationID, error) {
	now := clock(s.Now)
	f := protocol.FoundingAct{Names: s.Names, Charter: s.Charter, Notice: s.Notice, Rules: s.Rules, Offices: s.Offices, Salt: s.Salt}
	for i := range s.Members {
		m := &s.Members[i]
		m.Facts.Root = m.Root.Public()
		f.Founders = append(f.Founders, m.Facts)
	}
	raw, id, err := foundingAct(f)
	if err != nil {
		return id, err
	}
	dir, err := os.MkdirTemp("", "dure-seed")
	if err != nil {
		return id, protocol.Fail(protocol.ReasonHomeUnwritable, "prepare federation", err)
	}
	defer os.RemoveAll(dir)
	led, err := ledger.Open(ledger.Config{Dir: filepath.Join(dir, "ledger"), Federation: id, Now: now})
	if err != nil {
		return id, err
	}
	defer led.Close()
	f, _, err = protocol.DecodeFoundingAct(raw)
	if err != nil {
		return id, err
	}
	r, err := replication.New(replication.Config{Ledger: led, Founding: f, Papers: raw, Federation: id, Key: s.Members[0].Node,
		Now: now, Random: s.Random, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return id, err
	}
	for _, m := range s.Members {
		if m.Home != "" {
			err = m.prepare(raw, id, now)
		} else {
			err = m.write(ctx, r, id, now, s.Random)
		}
		if err != nil {
			return id, fmt.Errorf("%s: %w", m.Facts.Handle, err)
		}
	}
	_, err = r.Bundles().Export(ctx, bundle, nil)
	return id, errors.Join(err, led.Close())
}

// prepare makes the home of a founder.
func (m SeedMember) prepare(founding []byte, id protocol.FederationID, now func() time.Time) error {
	h, err := home.CreateWithKey(m.Home, m.Facts, m.Node, home.Options{Now: now})
	if err != nil {
		return err
	}
	if err := h.SaveConfig(m.Config); err != nil {
		return err
	}
	return settle(h, founding, id, m.Root, now)
}

// write signs the feed of a member that runs nowhere here, and admits it like any other.
func (m SeedMember) write(ctx context.Context, r *replication.Replica, id protocol.FederationID, now func() time.Time, rnd io.Reader) error {
	inception, err := Inception(id, m.Root, m.Node, now())
	if err != nil {
		return err
	}
	page := protocol.Page{Entries: []protocol.Entry{inception}, Bodies: [][]byte{nil}}
	ids := map[string]protocol.RecordID{}
	for i, rec := range m.Records {
		parsed, err := record.ParseAny(rec.Raw, func(name string) (protocol.RecordID, bool) {
			id, ok := ids[name]
			return id, ok
		})
		if err != nil {
			return fmt.Errorf("%s: %w", rec.Ref, err)
		}
		salt, err := newSalt(rnd)
		if err != nil {
			return err
		}
		body, err := record.Encode(salt, parsed)
		if err != nil {
			return err
		}
		prev := page.Entries[len(page.Entries)-1]
		e, err := protocol.Seal(id, protocol.Header{Feed: inception.ID(), Seq: prev.Seq() + 1, Prev: prev.ID(), Act: protocol.ActRef{ID: id},
			Time: max(now().UnixMilli(), prev.Header().Time), Kind: parsed.Kind(), Number: uint64(i + 1), Body: protocol.Sum(body), Size: uint64(len(body))}, m.Node)
		if err != nil {
			return err
		}
		ids[rec.Ref] = e.ID()
		page.Entries, page.Bodies = append(page.Entries, e), append(page.Bodies, body)
	}
	for len(page.Entries) > 0 {
		n := min(len(page.Entries), protocol.MaxPage)
		if _, err := r.Admit(ctx, protocol.Page{Entries: page.Entries[:n], Bodies: page.Bodies[:n]}, replication.ViaImport); err != nil {
			return err
		}
		page.Entries, page.Bodies = page.Entries[n:], page.Bodies[n:]
	}
	return nil
}
