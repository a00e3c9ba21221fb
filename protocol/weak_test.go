package protocol

import (
	"crypto/ed25519"
	"slices"
)

// stdVerify is verification without the refusal of weak keys.
func stdVerify(k PublicKey, msg []byte, sig Signature) bool { return ed25519.Verify(k[:], msg, sig[:]) }

func sortedStandings(lines []Standing) []Standing {
	lines = slices.Clone(lines)
	slices.SortFunc(lines, CompareStandings)
	return lines
}
