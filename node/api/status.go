package api

import "time"

// NodeState is the condition of a node. Append only; the strings are an interface.
type NodeState string

const (
	StateReady      NodeState = "ready"
	StateJoining    NodeState = "joining"    // waits to be let in, or fetches the ledger for the first time
	StateRecovering NodeState = "recovering" // its store is behind what it signed; publishing waits
	StateReadOnly   NodeState = "read_only"  // no space left for writing
	StateEnded      NodeState = "ended"      // what it writes counts nowhere: it was cut, or its member removed
)

// Status is a snapshot of one node.
type Status struct {
	Federation Federation         `json:"federation"`
	Member     Self               `json:"member"`
	Node       Node               `json:"node"`
	Ledger     Ledger             `json:"ledger"`
	Members    []MemberStatus     `json:"members"`
	Storage    Storage            `json:"storage"`
	Traffic    map[string]Traffic `json:"traffic,omitempty" doc:"bytes by protocol since start"`
	Catchup    Catchup            `json:"catchup"`
	Alerts     []Alert            `json:"alerts" doc:"what somebody should know or do, most urgent first"`
	Scrub      Scrub              `json:"scrub"`
	Index      Indexing           `json:"index"`
	Backups    Backups            `json:"backups"`
	Recovery   *Recovery          `json:"recovery,omitempty" doc:"while the node recovers: how far it is"`
}

// Indexing is how far lists and search are with what the ledger holds.
type Indexing struct {
	Applied  uint64 `json:"applied" doc:"lists show what came up to this local sequence"`
	Newest   uint64 `json:"newest" doc:"the newest local sequence"`
	Due      uint64 `json:"due" doc:"records whose words and filters are still to be computed"`
	Building bool   `json:"building,omitempty" doc:"the index is being built from the beginning; until then lists are not whole"`
}

// Alert is something that the people of this node should know, said by a code whose
// sentence is alert.<code> in the catalogue. It lasts as long as what it tells of.
type Alert struct {
	Code   string            `json:"code" doc:"stable code"`
	Level  string            `json:"level" enum:"warn,note" doc:"warn where somebody has to do something"`
	Member string            `json:"member,omitempty" doc:"handle of the member it is about"`
	Node   string            `json:"node,omitempty" doc:"public key of the node it is about"`
	Args   map[string]string `json:"args,omitempty" doc:"values of the sentence"`
}

// Levels of an alert.
const (
	AlertWarn = "warn"
	AlertNote = "note"
)

// Federation says which network this is.
type Federation struct {
	ID       string            `json:"id" doc:"CID of the founding act"`
	Name     string            `json:"name" doc:"name in one language, for programs that show one line"`
	Names    map[string]string `json:"names" doc:"name by language tag"`
	Act      uint64            `json:"act" doc:"number of the last act; 0 is the founding act"`
	Features []string          `json:"features" doc:"features that acts have switched on"`
	Notice   map[string]string `json:"notice,omitempty" doc:"text by language to show wherever records show, as: made up for demonstration"`
}

// Self is the member that runs this node.
type Self struct {
	Handle string            `json:"handle"`
	Names  map[string]string `json:"names"`
	Status string            `json:"status" doc:"member, applied, suspended, removed or unknown"`
}

// Node is this node.
type Node struct {
	ID        string    `json:"id" doc:"public key of the node"`
	State     NodeState `json:"state" enum:"ready,joining,recovering,read_only,ended"`
	Reason    string    `json:"reason,omitempty" doc:"stable code of why the node is not ready"`
	Since     time.Time `json:"since" doc:"when the state became what it is, at the latest when the node started"`
	Version   string    `json:"version"`
	Protocol  int       `json:"protocol"`
	Started   time.Time `json:"started"`
	API       string    `json:"api,omitempty" doc:"address of this interface"`
	Addresses []string  `json:"addresses,omitempty" doc:"where other nodes reach this one"`
	Listen    []string  `json:"listen,omitempty" doc:"where the running node listens for other nodes"`
}

// Ledger is the copy on this disk. Two nodes hold the same when roots are equal and
// neither wants a body.
type Ledger struct {
	Root    string     `json:"root"`
	Entries uint64     `json:"entries"`
	Feeds   uint64     `json:"feeds"`
	Bytes   uint64     `json:"bytes" doc:"bytes of all headers and bodies held"`
	Wanted  uint64     `json:"wanted" doc:"bodies known of and not held yet"`
	Damaged uint64     `json:"damaged" doc:"runs of entries and bodies found damaged on this disk and not repaired yet"`
	Seq     uint64     `json:"seq" doc:"newest local sequence; resume a stream after it"`
	Newest  *time.Time `json:"newest,omitempty" doc:"when the newest record arrived here"`
}

// MemberStatus is how one member's nodes are seen from here.
type MemberStatus struct {
	Handle string            `json:"handle"`
	Names  map[string]string `json:"names"`
	Status string            `json:"status" doc:"member, applied, suspended or removed"`
	Nodes  []NodeStatus      `json:"nodes"`
}

// NodeStatus is how one node is seen from here. Unknown is null, never zero.
type NodeStatus struct {
	ID        string     `json:"id"`
	Self      bool       `json:"self,omitempty"`
	Connected bool       `json:"connected"`
	Relayed   bool       `json:"relayed,omitempty" doc:"reached through another node"`
	Transport string     `json:"transport,omitempty" doc:"quic or tcp"`
	Behind    *uint64    `json:"behind" doc:"entries held here that the node lacks; null where unknown"`
	Ahead     *uint64    `json:"ahead,omitempty" doc:"entries the node holds that are not held here yet"`
	LastSeen  *time.Time `json:"last_seen"`
	State     NodeState  `json:"state,omitempty" doc:"as it said last; empty where it has said nothing"`

	// ClockAhead is what the travel of its message took, and how far its clock is off.
	ClockAhead *int64   `json:"clock_ahead_seconds,omitempty" doc:"how far its clock was ahead of this node's, when it spoke last; absent where unknown"`
	Version    string   `json:"version,omitempty"`
	Addresses  []string `json:"addresses,omitempty" doc:"where it was reached last, each with the name by which it is called"`
	Protocol   *uint64  `json:"protocol,omitempty" doc:"newest protocol version the node speaks, where this node speaks none of its versions"`
}

// Storage is the disk, in bytes.
type Storage struct {
	FreeBytes  uint64 `json:"free_bytes"`
	UsedBytes  uint64 `json:"used_bytes"`
	FloorBytes uint64 `json:"floor_bytes"` // free space below which nothing new is accepted

	Files Files `json:"files" doc:"files of records on this disk; not part of used_bytes"`

	Mended *Mended `json:"mended,omitempty" doc:"what was found damaged among the ledger's files when the node started"`
}

// Files are files of records on this disk.
type Files struct {
	Keep     string `json:"keep" enum:"none,own,matching,all" doc:"which are fetched before somebody asks for them"`
	Files    uint64 `json:"files"`
	Parts    uint64 `json:"parts,omitempty" doc:"of them, not whole: on their way, or found damaged"`
	Bytes    uint64 `json:"bytes"`
	Others   uint64 `json:"others" doc:"bytes of files that other members published; beyond budget, those not used for longest go"`
	Budget   uint64 `json:"budget"`
	Fetching uint64 `json:"fetching,omitempty"`
}

// Mended is what was found damaged when the node started, and put in order.
type Mended struct {
	Files uint64 `json:"files" doc:"damaged files"`
	Lost  uint64 `json:"lost" doc:"parts of them that could not be read any more, and are fetched from other nodes"`
	Whole bool   `json:"whole" doc:"the ledger could not be opened even so: it was set aside and is built anew"`
	Aside string `json:"aside" doc:"directory in which the damaged files are kept"`
}

// Traffic is bytes since the node started.
type Traffic struct {
	In  uint64 `json:"in"`
	Out uint64 `json:"out"`
}

// Catchup is how far this node is with fetching what it lacks.
type Catchup struct {
	Running bool   `json:"running"`
	Fetched uint64 `json:"fetched" doc:"entries fetched in this run"`
	Known   uint64 `json:"known" doc:"entries known to be missing when the run began"`
}
