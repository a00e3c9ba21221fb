// Package restore owns what a backup holds beside the ledger: it reads one, checks it
// whole without a home or a network, and makes of it a home that can be started. What the
// file lies in, and how it is encrypted, is backup's.
package restore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/enrol"
	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/replication/ledger"
)

// Papers is what a backup takes along of a home, in the same order every time.
func Papers(h *home.Home, founding []byte) ([]ledger.Paper, error) {
	kept, err := h.Kept()
	if err != nil {
		return nil, err
	}
	papers := []ledger.Paper{{Name: ledger.PaperFounding, Data: founding}}
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		papers = append(papers, ledger.Paper{Name: name, Data: kept[name]})
	}
	return papers, nil
}

// Report is a count of the ledger as the API tells it.
func Report(c ledger.Copied) api.BackupReport {
	return api.BackupReport{Root: c.Root.String(), Entries: c.Entries, Bodies: c.Bodies, Feeds: c.Feeds, Bytes: c.Bytes, Files: c.Files, Damaged: c.Damaged}
}

// File is a backup that is being read. It is for one goroutine; one of Check and
// Restore reads it to its end.
type File struct {
	b     *ledger.BackupFile
	kept  map[string][]byte
	facts protocol.MemberFacts // zero: it does not say of which member it is
	names protocol.Text
}

// Open reads the beginning of a backup that is not encrypted (any more).
func Open(r io.Reader) (*File, error) {
	b, err := ledger.OpenBackup(r)
	if err != nil {
		return nil, err
	}
	f := &File{b: b, kept: map[string][]byte{}}
	for _, p := range b.Papers {
		f.kept[p.Name] = p.Data
	}
	f.facts, _ = home.KeptMember(f.kept)
	if b.Founding != nil {
		act, id, err := protocol.DecodeFoundingAct(b.Founding)
		if err != nil {
			return nil, err
		}
		if id != b.Federation {
			return nil, protocol.Fail(protocol.ReasonDamaged, "read backup", errors.New("the founding act is another one"))
		}
		f.names = act.Names
	}
	return f, nil
}

// Names are the names of the federation; empty where the backup does not have them.
func (f *File) Names() protocol.Text { return f.names }

// Member is the member whose node made the backup; false where it does not say.
func (f *File) Member() (protocol.MemberFacts, bool) { return f.facts, f.facts.Handle != "" }

// Check reads the backup to its end and checks every hash, chain and signature in it.
// It needs neither a home nor a network.
func (f *File) Check(ctx context.Context, progress func(api.Progress)) (api.BackupReport, error) {
	copied, err := f.b.Check(ctx, api.Counting("check", progress))
	return f.report(copied), err
}

func (f *File) report(c ledger.Copied) api.BackupReport {
	out := Report(c)
	out.Federation, out.Handle, out.At = f.b.Federation.String(), f.facts.Handle, f.b.At.UTC()
	return out
}

// Options say how a backup is restored.
type Options struct {
	Home string              // the directory: a stopped home, or one to be made
	Root protocol.PrivateKey // of the member, for a home whose node key is not the backup's; zero: not at hand; not kept

	// SetAside moves a ledger that is there away, under the name that the answer has. It is
	// never deleted. Otherwise a home with a ledger is refused: ReasonHomeExists.
	SetAside bool

	Now    func() time.Time
	Random io.Reader
}

// Result is what a restore made.
type Result struct {
	api.BackupReport
	Home     *home.Home
	Made     bool   // the home was made; it has a token of its own, and a fresh node key where none lay there
	SetAside string // where the ledger is that was there before; empty: there was none
}

// NeedsRoot reports whether restoring into dir needs the member's root key: the node
// there is, or will be, another one than the backup's, and nothing of it is signed yet.
func (f *File) NeedsRoot(dir string) (bool, error) {
	h, err := home.Open(dir, home.Options{})
	if protocol.ReasonOf(err) == protocol.ReasonNoHome {
		return !f.keyLies(dir), nil
	}
	if err != nil {
		return false, err
	}
	_, ok, err := h.Inception()
	return !ok && !f.signed(h.Node().Public()), err
}

// Restore fills an empty ledger from the backup, in a stopped home or in one that is
// made of the backup first. The ledger comes to its place when it is whole: until then
// nothing is replaced. The node opens a new chain of entries afterwards: what it signed
// after the backup may be known elsewhere, and joins the old chain when it is found.
func (f *File) Restore(ctx context.Context, o Options, progress func(api.Progress)) (out Result, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	opts := home.Options{Now: o.Now, Random: o.Random}
	h, err := home.Open(o.Home, opts)
	aside := ""
	switch out.Made = protocol.ReasonOf(err) == protocol.ReasonNoHome; {
	case out.Made:
		if !o.Root.IsZero() && o.Root.Public() != f.facts.Root {
			return out, &protocol.Error{Reason: protocol.ReasonWrongWords, Op: "restore", Field: home.WordsOther}
		}
	case err != nil:
		return out, err
	default:
		release, err := h.Lock()
		if err != nil {
			return out, err
		}
		defer release()
		if aside, err = f.fits(h, o); err != nil {
			return out, err
		}
	}
	if out.Home, err = home.Recreate(o.Home, f.kept, f.b.Founding, opts); err != nil {
		return out, err
	}
	if out.Made {
		release, err := out.Home.Lock()
		if err != nil {
			return out, err
		}
		defer release()
	}
	if _, ok, err := out.Home.Inception(); err != nil || !ok {
		if err == nil {
			err = out.Home.CheckRoot(o.Root)
		}
		if err == nil {
			err = enrol.Papers(out.Home, f.b.Federation, o.Root, o.Now)
		}
		if err != nil {
			return out, err
		}
	}
	// Whole and checked before anything is moved.
	made, err := home.RestoringDir(out.Home)
	if err != nil {
		return out, err
	}
	if f.b.TakeFile, err = takeFiles(ctx, out.Home.AttachmentsDir(), filepath.Dir(made)); err != nil {
		return out, err
	}
	copied, err := f.b.Restore(ctx, ledger.Config{Dir: made, Federation: f.b.Federation}, api.Counting("restore", progress))
	if err != nil {
		return out, err
	}
	out.BackupReport = f.report(copied)
	out.SetAside = aside
	return out, home.ReplaceLedger(out.Home, aside)
}

// fits looks whether the backup may be restored into a home that is there, and under
// which name its ledger is set aside; "" where it has none.
func (f *File) fits(h *home.Home, o Options) (aside string, err error) {
	switch _, id, _, err := h.Founding(); {
	case err == nil && id != f.b.Federation:
		return "", &protocol.Error{Reason: protocol.ReasonWrongFederation, Op: "restore",
			Args: map[string]string{"theirs": f.b.Federation.String(), "ours": id.String()}}
	case err != nil && protocol.ReasonOf(err) != protocol.ReasonNotFederated:
		return "", err
	}
	place := h.LedgerDir()
	switch names, err := os.ReadDir(place); {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(names) == 0:
		return "", nil
	case err != nil:
		return "", protocol.Fail(protocol.ReasonHomeUnwritable, "restore ledger", err)
	case !o.SetAside:
		return "", &protocol.Error{Reason: protocol.ReasonHomeExists, Op: "restore ledger", ID: place, Args: map[string]string{"path": place}}
	}
	return place + "-until-" + o.Now().UTC().Format("20060102T150405Z"), nil
}

// signed reports whether the backup has what the root key signed for this node key.
func (f *File) signed(node protocol.PublicKey) bool { return home.KeptNode(f.kept) == node }

// keyLies reports whether the node key of the backup lies in a directory that is no home
// yet: somebody has put it there.
func (f *File) keyLies(dir string) bool {
	key, ok := home.KeyIn(dir)
	return ok && f.signed(key)
}
