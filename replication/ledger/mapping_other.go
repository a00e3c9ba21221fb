//go:build !linux

package ledger

// mappings is who is asked before a file is mapped for writing: nobody on these systems,
// where a file cannot be given blocks beforehand, or has them as soon as it has a length.
var mappings mapping

type mapping struct{}

func (mapping) before(string, func(string, int64) error) (end func(), ok bool) {
	return func() {}, false
}
