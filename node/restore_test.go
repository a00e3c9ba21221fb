package node_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dure-net/dure/node"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/backup"
	"github.com/dure-net/dure/node/restore"
	"github.com/dure-net/dure/protocol"
)

// The disk is gone but for the key file: with a backup of before and node.key the node
// comes back, goes on in a new chain, and its old chain has everything that was in it.
func TestNode_RestoredGoesOnInANewChain(t *testing.T) {
	ctx := context.Background()
	seoul, montreal := pair(t)
	montreal.publish("before the backup")
	same(t, seoul, montreal)
	file := filepath.Join(t.TempDir(), "dure.backup")
	if _, err := backup.Write(ctx, file, backup.Seal{}, func(w io.Writer) error {
		return restore.Checked(ctx, w, func(w io.Writer) error { _, err := montreal.client().Backup(ctx, w, nil); return err })
	}); err != nil {
		t.Fatal(err)
	}
	after := montreal.publish("after the backup")
	same(t, seoul, montreal)
	key := montreal.home.Node().Public().String()
	chains := func(c *city) (out []api.Chain) {
		t.Helper()
		all, err := c.client().Chains(ctx, api.ChainQuery{Member: "ca-montreal"})
		if err != nil {
			t.Fatal(err)
		}
		for _, ch := range all {
			if ch.Node == key {
				out = append(out, ch)
			}
		}
		return out
	}
	before := chains(seoul)
	if len(before) != 1 {
		t.Fatalf("%+v", before)
	}
	montreal.halt()
	saved, err := os.ReadFile(filepath.Join(montreal.home.Dir(), "node.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(montreal.home.Dir()); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(montreal.home.Dir(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(montreal.home.Dir(), "node.key"), saved, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := restore.Open(f)
	if err != nil {
		t.Fatal(err)
	}
	if needed, err := b.NeedsRoot(montreal.home.Dir()); err != nil || needed {
		t.Fatalf("the words are asked for: %t %v", needed, err)
	}
	restored, err := b.Restore(ctx, restore.Options{Home: montreal.home.Dir()}, nil)
	if err != nil || !restored.Made {
		t.Fatalf("%+v %v", restored, err)
	}
	montreal.home = restored.Home
	montreal.start()
	same(t, seoul, montreal)
	if _, err := montreal.client().Record(ctx, after.Number); err != nil {
		t.Fatalf("what came after the backup: %v", err)
	}
	mine := montreal.publish("after the restore")
	if mine.Number == after.Number {
		t.Fatalf("the number %s was given twice", mine.Number)
	}
	same(t, seoul, montreal)
	now := chains(seoul)
	if len(now) != 2 {
		t.Fatalf("%+v", now)
	}
	for _, c := range now {
		if c.Feed == before[0].Feed && (c.Entries < before[0].Entries || !c.Open) {
			t.Errorf("the old chain is %+v and was %+v", c, before[0])
		}
	}
	for _, c := range []*city{seoul, montreal} {
		if report, err := c.client().Verify(ctx, nil); err != nil || !report.OK || report.Wanted > 0 {
			t.Errorf("%s: %+v, %v", c.handle, report, err)
		}
	}
}

// A backup that is not whole is noticed while it is written, and a writer's own error is told as it is.
func TestChecked_NoticesWhatIsNotWhole(t *testing.T) {
	ctx := context.Background()
	err := restore.Checked(ctx, io.Discard, func(w io.Writer) error {
		for range 1000 {
			if _, err := io.WriteString(w, "this is no backup"); err != nil {
				return err
			}
		}
		return nil
	})
	if r := protocol.ReasonOf(err); err == nil || r == protocol.ReasonNone {
		t.Fatalf("%v", err)
	}
	if err := restore.Checked(ctx, io.Discard, func(io.Writer) error { return nil }); protocol.ReasonOf(err) != protocol.ReasonDamaged {
		t.Fatalf("an empty one: %v", err)
	}
	broken := errors.New("the network is gone")
	if err := restore.Checked(ctx, io.Discard, func(w io.Writer) error { _, _ = io.WriteString(w, "x"); return broken }); !errors.Is(err, broken) {
		t.Fatalf("%v", err)
	}
}

// The running node makes a dated, encrypted backup by itself, and keeps the last ones.
func TestNode_BacksUpByItself(t *testing.T) {
	ctx := context.Background()
	seoul, _ := pair(t)
	seoul.halt()
	n, err := node.Open(ctx, seoul.home, node.Options{Settings: map[string]string{"storage.floor_bytes": "33554432", "backup.dir": "copies", "backup.keep": "2",
		"backup.recipients": "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"}})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if want := filepath.Join(seoul.home.Dir(), "copies"); n.BackupDir() != want {
		t.Fatalf("backups lie in %s", n.BackupDir())
	}
	if err := os.MkdirAll(n.BackupDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, old := range []string{"20200101T000000Z", "20210101T000000Z"} {
		if err := os.WriteFile(filepath.Join(n.BackupDir(), "dure-kr-seoul-"+old+".backup"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.BackUpDated(ctx); err != nil {
		t.Fatal(err)
	}
	list, err := backup.List(n.BackupDir(), "kr-seoul")
	if err != nil || len(list) != 2 || !strings.HasSuffix(list[1].Name, ".backup.age") || list[1].Size == 0 || !strings.Contains(list[0].Name, "2021") {
		t.Fatalf("%+v %v", list, err)
	}
	status, err := n.Status(ctx)
	if err != nil || status.Backups.Last == nil || !status.Backups.Encrypted || status.Backups.Keep != 2 || status.Backups.Failed != "" {
		t.Fatalf("%+v %v", status.Backups, err)
	}
}
