//go:build linux

package ordeal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dure-net/dure/node/api"
)

// One bit of a stopped node's files is wrong, in its ledger, its index or its files of
// records. Alone, it answers right or says that something is not there; with one other
// node, all is as it was. DURE_FLIPS makes more of them, on one store that gets older.
func TestFlip_NoWrongAnswerAndNothingMissingInSilence(t *testing.T) {
	flips := times(t, "DURE_FLIPS", 6)
	f := found(t, layout{members: 2})
	f.start()
	v := &flipped{t: t, m: f.members[0], other: f.members[1], outcomes: map[string]int{}}
	seed := rand.Uint64()
	v.rng = rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	f.settle(20*time.Second, 2)
	for n := range 4 {
		v.publish(v.m, n, v.upload(v.m, n))
		v.publish(v.other, 100+n, v.upload(v.other, 100+n))
	}
	for n := range 25 {
		v.publish(v.m, 10+n, nil)
		v.publish(v.other, 110+n, nil)
	}
	var slowest time.Duration
	for n := range flips {
		f.settle(30*time.Second, uint64(len(v.truth)))
		if n == 0 { // who is asked for a file keeps it
			v.awaitWhole(v.m, 60*time.Second)
			v.awaitWhole(v.other, 60*time.Second)
		}
		v.other.stop()
		if n%3 == 2 {
			v.m.kill()
		} else {
			v.m.stop()
		}
		what := v.flip()
		v.m.spawn()
		told := v.look(fmt.Sprintf("seed %d, flip %d, %s, alone", seed, n, what))
		v.other.spawn()
		v.other.awaitReady(30 * time.Second)
		began := time.Now()
		v.m.awaitReady(30 * time.Second)
		f.settle(60*time.Second, uint64(len(v.truth)))
		v.awaitWhole(v.m, 60*time.Second)
		if took := time.Since(began); told != "" {
			slowest = max(slowest, took)
		}
		what = fmt.Sprintf("seed %d, flip %d, %s", seed, n, what)
		if again := v.look(what + ", repaired"); again != "" {
			t.Errorf("%s: it still says: %s", what, again)
		}
		v.verify(what)
		if n%5 == 4 {
			v.publish(v.m, 1000+n, nil)
		}
		if n%25 == 24 {
			t.Logf("%d flips: %v", n+1, v.outcomes)
		}
	}
	t.Logf("%d flips, 0 wrong answers, 0 missing in silence, all repaired (%v at the slowest, the other node's start included): %v", flips, slowest, v.outcomes)
}

// flipped is a node whose disk is unreliable, and what it is to answer.
type flipped struct {
	t        *testing.T
	m, other *member
	rng      *rand.Rand
	truth    map[string]truth // by record
	outcomes map[string]int
}

type truth struct {
	number  string
	content map[string]any
	file    []byte // nil: it has none
}

// upload brings a file to a node, and returns it with how a record names it.
func (v *flipped) upload(m *member, n int) []byte {
	raw := make([]byte, 3_000+n*1_777)
	_, _ = rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)}).Read(raw)
	copy(raw, "%PDF-1.7\n")
	var up api.Upload
	if err := m.ask(context.Background(), http.MethodPost, "/api/v1/attachments?name=plan.pdf", raw, http.StatusCreated, &up); err != nil {
		v.t.Fatal(err)
	}
	name, err := json.Marshal([]map[string]any{{"id": up.ID, "media_type": up.MediaType, "bytes": up.Bytes, "title": map[string]string{"ko": "계획서"}}})
	if err != nil {
		v.t.Fatal(err)
	}
	return append(append(name, 0), raw...)
}

// publish publishes a record, with a file where there is one, and notes what was acknowledged.
func (v *flipped) publish(m *member, n int, file []byte) {
	v.t.Helper()
	raw := request(n)
	name, bytesOf, ok := bytes.Cut(file, []byte{0})
	if ok {
		raw = append(raw[:len(raw)-1], fmt.Sprintf(`,"attachments":%s}`, name)...)
	}
	r, err := m.publish(raw)
	if err != nil {
		v.t.Fatalf("%s does not publish: %v\n%s", m.handle, err, m.lastWords())
	}
	got, err := m.record(r.Record)
	if err != nil || got.State != api.RecordPublished {
		v.t.Fatalf("%+v %v", got, err)
	}
	var sent map[string]any
	if err := json.Unmarshal(raw, &sent); err != nil {
		v.t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Content["title"], sent["title"]) {
		v.t.Fatalf("sent %v, got %v", sent["title"], got.Content["title"])
	}
	if v.truth == nil {
		v.truth = map[string]truth{}
	}
	v.truth[r.Record] = truth{number: r.Number, content: got.Content, file: bytesOf}
}

// flip flips one bit in one of the files that the node keeps by itself, half of them in
// the ledger, in larger ones more often; now and then where nothing is written yet.
func (v *flipped) flip() string {
	type written struct {
		path string
		size int // of what is written
	}
	var files []written
	for len(files) == 0 {
		dir := []string{"ledger", "ledger", "index", "attachments"}[v.rng.IntN(4)]
		err := filepath.WalkDir(filepath.Join(v.m.home, dir), func(path string, d fs.DirEntry, err error) error {
			switch {
			case os.IsNotExist(err):
				return nil
			case err != nil:
				return err
			case d.IsDir() && strings.HasPrefix(d.Name(), "damaged-"): // taken already
				return filepath.SkipDir
			case d.IsDir():
				return nil
			}
			b, err := os.ReadFile(path)
			end := len(bytes.TrimRight(b, "\x00"))
			if v.rng.IntN(16) == 0 {
				end = len(b)
			}
			if end > 0 {
				files = append(files, written{path, end})
			}
			return err
		})
		if err != nil {
			v.t.Fatal(err)
		}
	}
	f := files[v.rng.IntN(len(files))]
	if other := files[v.rng.IntN(len(files))]; other.size > f.size {
		f = other
	}
	file, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if err != nil {
		v.t.Fatal(err)
	}
	defer file.Close()
	at, bit := int64(v.rng.IntN(f.size)), byte(1)<<v.rng.IntN(8)
	var b [1]byte
	if _, err := file.ReadAt(b[:], at); err != nil {
		v.t.Fatal(err)
	}
	b[0] ^= bit
	if _, err := file.WriteAt(b[:], at); err != nil {
		v.t.Fatal(err)
	}
	name, err := filepath.Rel(v.m.home, f.path)
	if err != nil {
		v.t.Fatal(err)
	}
	kind := strings.SplitN(name, string(filepath.Separator), 2)[0] + " " + filepath.Ext(name)
	if filepath.Ext(name) == "" || len(filepath.Ext(name)) > 8 {
		if kind = strings.SplitN(name, string(filepath.Separator), 2)[0] + " " + filepath.Base(name); len(kind) > 30 {
			kind = strings.Fields(kind)[0] + " file"
		}
	}
	v.outcomes[kind]++
	return fmt.Sprintf("%s byte %d of %d, bit %#x", name, at, f.size, bit)
}

// look asks for everything in every way, and returns what the node says is not there.
func (v *flipped) look(what string) (told string) {
	v.t.Helper()
	s := v.awaitAnswer()
	all, err := v.m.records()
	if err != nil {
		v.t.Fatalf("%s: %v\n%s", what, err, v.m.lastWords())
	}
	if s, err = v.m.status(); err != nil {
		v.t.Fatalf("%s: %v", what, err)
	}
	lost := s.Node.State == api.StateRecovering || s.Ledger.Damaged > 0 || s.Ledger.Wanted > 0 || s.Index.Building
	says := func(text string, args ...any) {
		if told == "" {
			told = fmt.Sprintf(text, args...)
		}
	}
	judge := func(how, id string, want truth, r api.Record, err error) {
		switch refused, is := err.(refusal); {
		case err == nil && r.ID != id, err == nil && r.Number != want.number:
			v.t.Fatalf("%s: %s, %s: %s is %+v", what, how, id, want.number, r)
		case err == nil && r.State == api.RecordPublished && reflect.DeepEqual(r.Content, want.content):
		case err == nil && r.State == api.RecordWanted && r.Content == nil:
			says("%s of %s is wanted", how, want.number)
		case is && refused.status >= 400 && lost:
			says("%s of %s: %v", how, want.number, err)
		default:
			v.t.Fatalf("%s: %s, %s: state %s, %v; the node says %+v, index %+v\ngot  %v\nwant %v\n%s", what, how, want.number, r.State, err, s.Ledger, s.Index, r.Content, want.content, v.m.lastWords())
		}
	}
	for id, want := range v.truth {
		switch r, ok := all[id]; {
		case ok:
			judge("list", id, want, r, nil)
		case lost:
			says("%s is not in the list", want.number)
		default:
			v.t.Fatalf("%s: %s is missing from the list in silence; %+v, index %+v\n%s", what, want.number, s.Ledger, s.Index, v.m.lastWords())
		}
		r, err := v.m.record(id)
		judge("by id", id, want, r, err)
		r, err = v.m.record(want.number)
		judge("by number", id, want, r, err)
		if want.file == nil {
			continue
		}
		switch b, err := v.m.file(id, time.Second); {
		case err != nil:
			says("file of %s: %v", want.number, err)
		case !bytes.Equal(b, want.file):
			v.t.Fatalf("%s: the file of %s is another one", what, want.number)
		}
	}
	if len(all) > len(v.truth) {
		v.t.Fatalf("%s: %d records, there are %d", what, len(all), len(v.truth))
	}
	var counted api.Facets
	err = v.m.ask(context.Background(), http.MethodGet, "/api/v1/facets?type=request", nil, http.StatusOK, &counted)
	if err != nil || counted.Total != len(v.truth) && !lost {
		v.t.Fatalf("%s: %d records are counted, there are %d: %v", what, counted.Total, len(v.truth), err)
	}
	return told
}

// awaitAnswer waits until the node answers, whatever its state.
func (v *flipped) awaitAnswer() api.Status {
	v.t.Helper()
	for {
		s, err := v.m.status()
		if err == nil {
			return s
		}
		select {
		case <-v.m.ended:
			v.t.Fatalf("%s ended by itself:\n%s", v.m.handle, v.m.lastWords())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Since(v.m.spawned) > patience {
			v.t.Fatalf("%s does not answer: %v\n%s", v.m.handle, err, v.m.lastWords())
		}
	}
}

// awaitWhole waits until every file of every record is at a node.
func (v *flipped) awaitWhole(at *member, within time.Duration) {
	v.t.Helper()
	within = bar(within, patience)
	began := time.Now()
	for id, want := range v.truth {
		if want.file == nil {
			continue
		}
		for {
			b, err := at.file(id, 20*time.Second)
			if err == nil && bytes.Equal(b, want.file) {
				break
			}
			if err == nil || time.Since(began) > within {
				v.t.Fatalf("the file of %s: %d of %d bytes, %v\n%s", want.number, len(b), len(want.file), err, at.lastWords())
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// verify runs dure verify, twice: what nobody had asked for is found and brought again by
// the first.
func (v *flipped) verify(what string) {
	v.t.Helper()
	for try := range 2 {
		cmd := exec.Command(binary(v.t), "verify", "--home", v.m.home, "--json")
		cmd.Env = plainEnvironment()
		out, _ := cmd.Output() // its exit code is in the answer
		var r api.VerifyReport
		if err := json.Unmarshal(out, &r); err != nil {
			v.t.Fatalf("%s: verify answered %q: %v", what, out, err)
		}
		if r.OK && r.Damaged == 0 && r.Wanted == 0 {
			return
		}
		if try == 1 || r.Repaired != r.Damaged {
			v.t.Fatalf("%s: verify, time %d: %+v", what, try, r)
		}
		v.outcomes["found by verify"]++
	}
}

// file reads the first file of a record; an error where it breaks off.
func (m *member) file(id string, within time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.api+"/api/v1/records/"+url.PathEscape(id)+"/attachments/1", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+m.token)
	resp, err := m.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = refusal{resp.StatusCode, string(raw)}
	}
	return raw, err
}
