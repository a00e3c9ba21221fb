package record

import (
	"slices"
	"strings"
	"testing"

	"github.com/dure-net/dure/protocol"
)

// A header outlives its body, and the id of a file is a hash of it: whoever holds the
// file could tell what was erased. So no header may name one.
func TestFilesOf_NotAmongReferences(t *testing.T) {
	for kind := range full {
		r, err := Parse(kind, []byte(fill(full[kind])))
		if err != nil {
			t.Fatal(err)
		}
		files := FilesOf(r)
		if HasFiles(kind) != (len(files) == 1 && files[0].ID == file) {
			t.Errorf("%v names the files %v", kind, files)
		}
		if slices.Contains(r.Refs(), file) {
			t.Errorf("%v has a file among its references", kind)
		}
	}
}

// A number that a person typed is looked up among records only where a record is meant.
func TestFilesOf_NeverResolved(t *testing.T) {
	raw := []byte(`{"type":"project","lang":"en","title":{"en":"T"},"summary":{"en":"S"},"status":"active","themes":["care"],` +
		`"attachments":[{"id":"kr-seoul-1","media_type":"image/png","bytes":1,"title":{"en":"x"}}]}`)
	_, err := ParseWith(protocol.KindProject, raw, func(string) (protocol.RecordID, bool) { return one, true })
	if got := said(FaultsOf(err)); !strings.Contains(got, "attachments[0].id bad_format") {
		t.Errorf("got %q", got)
	}
}
