package protocol

import "strconv"

// Version is the protocol version that this code writes: in headers and founding acts,
// and in the names of stream protocols, tags and lines. It rises only where a node that
// does not know the new one could not come to the same ledger root.
const Version = 1

// Versions lists the versions that a node of version v speaks with others, newest
// first: its own and the one before it. So each version talks to its two neighbours,
// and a federation is updated one node after the other. The slice is the caller's.
func Versions(v uint64) []uint64 {
	if v <= 1 {
		return []uint64{v}
	}
	return []uint64{v, v - 1}
}

// Stream protocols by version: catch-up and files between members, the one protocol that
// is open to outsiders, and gossipsub under a name that no other network uses. They name no
// federation, because identify shows them to guests. Topics keep their name in every
// version, or two versions would not hear each other.
func ProtocolSync(version uint64) string   { return "/dure/sync/" + strconv.FormatUint(version, 10) }
func ProtocolFiles(version uint64) string  { return "/dure/files/" + strconv.FormatUint(version, 10) }
func ProtocolJoin(version uint64) string   { return "/dure/join/" + strconv.FormatUint(version, 10) }
func ProtocolGossip(version uint64) string { return "/dure/gossip/" + strconv.FormatUint(version, 10) }

// TopicEntries carries whole entries, TopicHealth signed short-lived health messages.
// Their names stand under the federation's id, and are told to nobody but members.
func TopicEntries(f FederationID) string { return "/dure/" + f.String() + "/entries" }
func TopicHealth(f FederationID) string  { return "/dure/" + f.String() + "/health" }

// Features lists the features that this code understands. What changes how blocks are
// judged, without a new version, is a feature: it counts only from the act on that
// switches it on (charter.ChangeFeature), so that all nodes begin with it at the same
// block. Append only. The slice is the caller's.
func Features() []string { return []string{} }
