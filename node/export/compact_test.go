package export

import (
	"bytes"
	"testing"
)

// A title that ends a script ended that of the page into which somebody pasted the record.
func TestCompact_EndsNoScript(t *testing.T) {
	raw, err := compact(map[string]any{"title": "</script><script>alert(1)</script> 두레"})
	if err != nil || bytes.ContainsAny(raw, "<>") || !bytes.Contains(raw, []byte("두레")) {
		t.Errorf("%s, %v", raw, err)
	}
}
