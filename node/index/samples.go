package index

import (
	"errors"
	"strconv"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// sample is an entry that stood for a local number when the index read it. They are kept
// at growing distances, and the last one, and compared at every start: local numbers of
// another ledger, or of one that was restored, stand for other entries.
type sample struct {
	local uint64
	id    digest
}

func (s sample) text() string {
	return strconv.FormatUint(s.local, 10) + " " + cidOf(s.id).String()
}

func parseSamples(text string) (samples []sample, err error) {
	for line := range strings.Lines(text) {
		number, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		local, nerr := strconv.ParseUint(number, 10, 64)
		cid, ierr := protocol.ParseCID(id)
		if err := errors.Join(nerr, ierr); err != nil {
			return nil, err
		}
		samples = append(samples, sample{local, cid.Digest()})
	}
	return samples, nil
}

// keepSample replaces the last sample, or adds one where it lies far enough behind.
func keepSample(samples []sample, it Item) []sample {
	now := sample{it.Seq, it.Entry.ID().Digest()}
	if n := len(samples); n > 1 && samples[n-1].local < samples[n-2].local+samples[n-2].local/2 {
		samples = samples[:n-1]
	}
	return append(samples, now)
}
