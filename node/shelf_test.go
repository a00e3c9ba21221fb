package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/node/access"
	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/restore"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// fileOf is a PDF of so many bytes, as far as its beginning tells.
func fileOf(seed byte, n int) []byte {
	raw := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(raw)
	copy(raw, "%PDF-1.7\n")
	return raw
}

// attaches publishes a record with one file.
func (c *city) attaches(file []byte) api.Receipt {
	c.t.Helper()
	ctx := context.Background()
	up, err := c.client().Upload(ctx, "report.pdf", bytes.NewReader(file))
	if err != nil {
		c.t.Fatal(err)
	}
	var draft map[string]any
	if err := json.Unmarshal([]byte(koreanRequest), &draft); err != nil {
		c.t.Fatal(err)
	}
	draft["attachments"] = []any{map[string]any{"id": up.ID, "media_type": up.MediaType, "bytes": up.Bytes, "title": map[string]any{"ko": "보고서.pdf"}}}
	raw, err := json.Marshal(draft)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := c.client().Publish(ctx, api.Draft{Type: "request", Raw: raw})
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// has reads the file of a record, from wherever it is.
func (c *city) has(number string, want []byte) {
	c.t.Helper()
	f, err := c.client().Attachment(context.Background(), number, 1)
	if err != nil {
		c.t.Fatalf("%s: %s: %v", c.handle, number, err)
	}
	defer f.Close()
	got, err := io.ReadAll(f)
	if err != nil || !bytes.Equal(got, want) {
		c.t.Fatalf("%s: %s: %d bytes of %d, %v", c.handle, number, len(got), len(want), err)
	}
}

// lies is how much of a record's file lies on the disk.
func (c *city) lies(number string) api.AttachmentState {
	c.t.Helper()
	all, err := c.client().Attachments(context.Background(), number)
	if err != nil || len(all) != 1 {
		c.t.Fatalf("%s: %s: %+v, %v", c.handle, number, all, err)
	}
	return all[0].State
}

// Files of others take no more of the disk than the settings say: those not used for
// longest go, and come again when somebody asks. This member's own never go.
func TestFiles_BudgetEvictsOthers(t *testing.T) {
	seoul, montreal := pair(t)
	montreal.halt()
	montreal.keep = "none, 32 MiB"
	montreal.start()
	same(t, seoul, montreal)
	own := fileOf(1, protocol.MaxAttachmentBytes)
	mine := montreal.attaches(own)
	var theirs []api.Receipt
	for i := range 4 { // one more than the budget holds
		theirs = append(theirs, seoul.attaches(fileOf(byte(10+i), protocol.MaxAttachmentBytes)))
	}
	same(t, seoul, montreal)
	for i, r := range theirs {
		if state := montreal.lies(r.Number); state != api.AttachmentAbsent {
			t.Fatalf("%s lies there before anybody asked: %s", r.Number, state)
		}
		montreal.has(r.Number, fileOf(byte(10+i), protocol.MaxAttachmentBytes))
	}
	status, err := montreal.client().Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if f := status.Storage.Files; f.Others > 32<<20 || f.Others < 20<<20 || f.Bytes < f.Others+protocol.MaxAttachmentBytes {
		t.Errorf("on the disk: %+v", f)
	}
	if state := montreal.lies(theirs[0].Number); state != api.AttachmentAbsent {
		t.Errorf("the first one is %s", state)
	}
	if state := montreal.lies(theirs[3].Number); state != api.AttachmentHere {
		t.Errorf("the last one is %s", state)
	}
	montreal.has(theirs[0].Number, fileOf(10, protocol.MaxAttachmentBytes))
	if state := montreal.lies(mine.Number); state != api.AttachmentHere {
		t.Errorf("its own is %s", state)
	}
}

// Where the settings say so, files come before anybody asks; and they are there when their
// member is gone.
func TestFiles_KeptByPolicy(t *testing.T) {
	seoul, montreal := pair(t)
	montreal.halt()
	montreal.keep = "all"
	montreal.start()
	same(t, seoul, montreal)
	file := fileOf(1, 300_000)
	r := seoul.attaches(file)
	eventually(t, "the file comes by itself", func() error {
		all, err := montreal.client().Attachments(context.Background(), r.Number)
		if err == nil && (len(all) != 1 || all[0].State != api.AttachmentHere) {
			err = fmt.Errorf("%+v", all)
		}
		return err
	})
	seoul.halt()
	montreal.has(r.Number, file)
}

// A file that this node has not brought, or that is another than the record says, is
// refused with every fault at once; nothing is published.
func TestFiles_RecordSaysWhatTheFileIs(t *testing.T) {
	seoul, _ := pair(t)
	ctx := context.Background()
	up, err := seoul.client().Upload(ctx, "a.pdf", bytes.NewReader(fileOf(1, 1000)))
	if err != nil {
		t.Fatal(err)
	}
	try := func(change func(map[string]any)) error {
		var draft map[string]any
		_ = json.Unmarshal([]byte(koreanRequest), &draft)
		one := map[string]any{"id": up.ID, "media_type": up.MediaType, "bytes": up.Bytes, "title": map[string]any{"ko": "x"}}
		change(one)
		draft["attachments"] = []any{one}
		raw, _ := json.Marshal(draft)
		_, err := seoul.client().Publish(ctx, api.Draft{Type: "request", Raw: raw})
		return err
	}
	for code, change := range map[string]func(map[string]any){
		"attachments[0].id unknown_file":        func(m map[string]any) { m["id"] = protocol.Sum([]byte("x")).String() },
		"attachments[0].bytes differs":          func(m map[string]any) { m["bytes"] = 1001 },
		"attachments[0].media_type differs":     func(m map[string]any) { m["media_type"] = "image/png" },
		"attachments[0].media_type not_in_list": func(m map[string]any) { m["media_type"] = "text/html" },
	} {
		faults := faultsOf(try(change))
		if len(faults) != 1 || faults[0] != code {
			t.Errorf("%v, want %s", faults, code)
		}
	}
	if err := try(func(map[string]any) {}); err != nil {
		t.Errorf("as it is: %v", err)
	}
}

// A backup takes along what nobody else may have: this member's own files.
func TestFiles_BackupCarriesOwn(t *testing.T) {
	ctx := context.Background()
	seoul, montreal := pair(t)
	own, other := fileOf(1, 300_000), fileOf(2, 200_000)
	mine, theirs := montreal.attaches(own), seoul.attaches(other)
	same(t, seoul, montreal)
	montreal.has(theirs.Number, other)
	var file bytes.Buffer
	var report api.BackupReport
	if err := restore.Checked(ctx, &file, func(w io.Writer) (err error) {
		report, err = montreal.client().Backup(ctx, w, nil)
		return err
	}); err != nil || report.Files != 1 || report.Damaged != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	// One bit of a chunk in the backup, and it is no backup.
	bent := bytes.Clone(file.Bytes())
	bent[bytes.Index(bent, own[70_000:70_100])] ^= 1
	if b, err := restore.Open(bytes.NewReader(bent)); err == nil {
		if _, err = b.Check(ctx, nil); protocol.ReasonOf(err) != protocol.ReasonBadHash {
			t.Errorf("a bent one: %v", err)
		}
	}
	montreal.halt()
	seoul.halt()
	saved, err := os.ReadFile(filepath.Join(montreal.home.Dir(), "node.key"))
	if err == nil {
		err = os.RemoveAll(montreal.home.Dir())
	}
	if err == nil {
		err = os.MkdirAll(montreal.home.Dir(), 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(montreal.home.Dir(), "node.key"), saved, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := restore.Open(&file)
	if err != nil {
		t.Fatal(err)
	}
	restored, err := b.Restore(ctx, restore.Options{Home: montreal.home.Dir()}, nil)
	if err != nil || restored.Files != 1 {
		t.Fatalf("%+v, %v", restored, err)
	}
	montreal.home = restored.Home
	montreal.start()
	montreal.has(mine.Number, own)
	if state := montreal.lies(theirs.Number); state != api.AttachmentAbsent {
		t.Errorf("what another member published is %s", state)
	}
}

func faultsOf(err error) (out []string) {
	for _, f := range record.FaultsOf(err) {
		out = append(out, f.Field+" "+string(f.Code))
	}
	return out
}

// A program with a token does not fill the disk with files that nothing names: it has a
// share, which what it names, and what goes after a day, leaves free again. Nobody else's
// is smaller for it.
func TestFiles_UnnamedOnesHaveABound(t *testing.T) {
	ctx := context.Background()
	seoul, _ := pair(t)
	holder := func(name string) *api.Client {
		t.Helper()
		issued, err := seoul.client().IssueToken(ctx, access.Request{Name: name, Scopes: []string{"write"}})
		if err != nil {
			t.Fatal(err)
		}
		c := api.NewClient("http://"+seoul.api, issued.Secret)
		t.Cleanup(c.Close)
		return c
	}
	site, other := holder("site"), holder("other")
	seed := byte(0)
	bring := func(c *api.Client, bytes int) (api.Upload, error) {
		seed++
		return c.Upload(ctx, "a.pdf", strings.NewReader(string(fileOf(seed, bytes))))
	}
	full := func() bool {
		_, err := bring(site, 1000)
		var e *protocol.Error
		if err != nil && (!errors.As(err, &e) || e.Reason != protocol.ReasonBusy || e.Args["unnamed"] != "24") {
			t.Fatal(err)
		}
		return err != nil
	}
	var last api.Upload
	for range 6 {
		var err error
		if last, err = bring(site, protocol.MaxAttachmentBytes-1000); err != nil {
			t.Fatal(err)
		}
	}
	if !full() {
		t.Fatal("a seventh file was taken")
	}
	for name, c := range map[string]*api.Client{"the owner": seoul.client(), "another program": other} {
		if _, err := bring(c, 1000); err != nil {
			t.Errorf("%s is refused: %v", name, err)
		}
	}
	draft := strings.Replace(koreanRequest, "{", fmt.Sprintf(`{"attachments":[{"id":%q,"media_type":%q,"bytes":%d,"title":{"ko":"보고서.pdf"}}],`, last.ID, last.MediaType, last.Bytes), 1)
	r, err := site.Publish(ctx, api.Draft{Type: "request", Raw: json.RawMessage(draft)})
	if err != nil {
		t.Fatal(err)
	}
	if full() {
		t.Error("a file that a record names is still counted")
	}
	if _, err := bring(site, protocol.MaxAttachmentBytes-1000); err != nil {
		t.Fatal(err)
	}
	if !full() {
		t.Fatal("a seventh file was taken in place of the one that was named")
	}
	seoul.ahead.Store(int64(25 * time.Hour))
	if _, err := seoul.client().Erase(ctx, r.Number, api.Why{}); err != nil { // after which files that nothing names are looked for
		t.Fatal(err)
	}
	eventually(t, "after a day they have gone", func() error {
		if full() {
			return errors.New("its share is still used up")
		}
		return nil
	})
}
