package archive

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/proof"
)

// Report is what an archive proves.
type Report struct {
	Federation string   `json:"federation"`
	Entries    []Proven `json:"entries"`
	Files      []Kept   `json:"files"`
	Missing    []string `json:"missing,omitempty" doc:"ids of files that the newest version names and the archive does not have"`
}

// Proven is an entry whose bytes prove who signed it.
type Proven struct {
	Entry    string `json:"entry"`
	Kind     string `json:"kind"`
	Time     string `json:"time" doc:"as its author claims, RFC 3339"`
	Root     string `json:"root" doc:"the member's key"`
	Node     string `json:"node"`
	SignedBy string `json:"signed_by"`
	Founder  string `json:"founder,omitempty"`
	Body     bool   `json:"body" doc:"its content is in the archive"`
}

// Kept is a file that an entry of the archive names.
type Kept struct {
	Name  string `json:"name"`
	ID    string `json:"id"`
	Bytes uint64 `json:"bytes"`
}

func bad(id string, err error) error {
	return &protocol.Error{Reason: protocol.ReasonMalformed, Op: "read archive", ID: id, Err: err}
}

// Verify reads an archive and checks all of it: that every file has the hash that the list
// says, and none is beside the list; that every entry is signed for this federation and
// its content is the one signed; that every file is one which an entry names; that no byte is besides. It believes
// nothing else: the page and the data are a reading of what is proven. What is changed is
// ReasonBadHash or ReasonBadSignature with the name of the file in ID.
func Verify(r io.ReaderAt, size int64) (out Report, err error) {
	if size > maxWhole {
		return out, protocol.Fail(protocol.ReasonTooLarge, "read archive", nil)
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return out, bad("", err)
	}
	if len(z.File) > maxMembers {
		return out, protocol.Fail(protocol.ReasonTooLarge, "read archive", nil)
	}
	if err := whole(r, size, z); err != nil {
		return out, err
	}
	members := map[string][]byte{}
	left := int64(maxWhole)
	for _, f := range z.File {
		if path.Clean(f.Name) != f.Name || strings.HasPrefix(f.Name, "/") || strings.HasPrefix(f.Name, "..") || strings.Contains(f.Name, "\\") || members[f.Name] != nil {
			return out, bad(f.Name, errors.New("a name that no archive has"))
		}
		raw, err := read(f, left)
		if err != nil {
			return out, err
		}
		left -= int64(len(raw))
		members[f.Name] = raw
	}
	if err := checkSums(members); err != nil {
		return out, err
	}
	named, last := map[string]bool{}, map[string]bool{}
	for _, name := range sorted(members, dirProofs) {
		var p proof.Proof
		if err := json.Unmarshal(members[name], &p); err != nil {
			return out, bad(name, err)
		}
		v, err := p.Verify()
		if err != nil {
			return out, &protocol.Error{Reason: protocol.ReasonOf(err), Op: "read archive", ID: name, Err: err}
		}
		if out.Federation == "" {
			out.Federation = v.Federation.String()
		}
		if out.Federation != v.Federation.String() {
			return out, &protocol.Error{Reason: protocol.ReasonWrongFederation, Op: "read archive", ID: name, Args: map[string]string{"theirs": v.Federation.String(), "ours": out.Federation}}
		}
		if v.Content != nil {
			if kind, ok := protocol.ParseKind(v.Kind); ok && kind.IsRecord() { // a version takes the place of the one before
				last = map[string]bool{}
			}
			for _, id := range filesIn(v.Content) {
				named[id], last[id] = true, true
			}
		}
		out.Entries = append(out.Entries, Proven{v.Entry.String(), v.Kind, v.Time.Format("2006-01-02T15:04:05Z07:00"), v.Root.String(), v.Node.String(), v.SignedBy.String(), v.Founder, v.Content != nil})
	}
	if len(out.Entries) == 0 {
		return out, bad("", errors.New("it proves nothing: no archive of dure"))
	}
	for _, name := range sorted(members, dirFiles) {
		var c protocol.Chunker
		_, _ = c.Write(members[name])
		m, _, id, err := c.End()
		if err != nil || !named[id.String()] {
			return out, &protocol.Error{Reason: protocol.ReasonBadHash, Op: "read archive", ID: name, Err: errors.Join(err, errors.New("no entry names this file"))}
		}
		delete(last, id.String())
		out.Files = append(out.Files, Kept{strings.TrimPrefix(name, dirFiles), id.String(), m.Bytes})
	}
	for id := range last {
		out.Missing = append(out.Missing, id)
	}
	slices.Sort(out.Missing)
	return out, nil
}

func read(f *zip.File, left int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, bad(f.Name, err)
	}
	defer r.Close()
	most := min(left, maxMember)
	raw, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, &protocol.Error{Reason: protocol.ReasonBadHash, Op: "read archive", ID: f.Name, Err: err}
	}
	if int64(len(raw)) > most {
		return nil, &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "read archive", ID: f.Name}
	}
	if raw == nil {
		raw = []byte{}
	}
	return raw, nil
}

// checkSums holds every file against the list of hashes, and the list against the files;
// blocks also have their hash as their name.
func checkSums(members map[string][]byte) error {
	listed := map[string]bool{NameSums: true}
	for _, line := range strings.Split(strings.TrimSuffix(string(members[NameSums]), "\n"), "\n") {
		sum, name, ok := strings.Cut(line, "  ")
		content, there := members[name]
		if !ok || !there {
			return bad(NameSums, fmt.Errorf("it lists %q, which is not there", name))
		}
		if is := sha256.Sum256(content); hex.EncodeToString(is[:]) != sum || strings.HasPrefix(name, dirBlocks) && name != dirBlocks+sum {
			return &protocol.Error{Reason: protocol.ReasonBadHash, Op: "read archive", ID: name}
		}
		listed[name] = true
	}
	for name := range members {
		if !listed[name] {
			return bad(name, errors.New("a file that the list of hashes does not have"))
		}
	}
	return nil
}

func sorted(members map[string][]byte, dir string) (out []string) {
	for name := range members {
		if strings.HasPrefix(name, dir) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// filesIn are the ids of the files that a body names.
func filesIn(content map[string]any) (out []string) {
	list, _ := content["attachments"].([]any)
	for _, one := range list {
		if m, ok := one.(map[string]any); ok {
			if id, ok := m["id"].(protocol.CID); ok {
				out = append(out, id.String())
			}
		}
	}
	return out
}
