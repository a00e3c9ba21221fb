package charter

import "github.com/dure-net/dure/protocol"

// Tell takes a decision and its certificate that no entry here carries, as bodies, and
// reports whether the act holds; otherwise nothing of it is kept. A node that is not let in
// any more gets the entries of the others no more, and the proof that its member was
// removed is in one of them. A certificate is judged only on what it names, so it is worth
// the same wherever it was found; what is not here of that, an act in between say, leaves
// it unproven.
func (f *Folder) Tell(decision, certificate []byte) bool {
	act, id := protocol.Sum(decision), protocol.Sum(certificate)
	d, err := DecodeDecision(decision)
	if err != nil {
		return false
	}
	c, err := DecodeCertificate(certificate)
	if err != nil || c.Decision != act {
		return false
	}
	_, decided := f.court.decisions[act]
	_, certified := f.court.certs[id]
	f.court.decisions[act], f.court.certs[id] = d, c
	clear(f.court.lacking)
	if _, j := f.court.certificate(id); j == valid {
		f.state = nil
		return true
	}
	if !decided {
		delete(f.court.decisions, act)
	}
	if !certified {
		delete(f.court.certs, id)
	}
	clear(f.court.lacking)
	return false
}
