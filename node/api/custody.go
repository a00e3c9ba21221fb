package api

import "time"

// Progress is how far a long task is. Total is 0 where unknown.
type Progress struct {
	Step  string `json:"step" doc:"stable code of what is being done: verify, scrub, repair, export, import or backup"`
	Done  uint64 `json:"done"`
	Total uint64 `json:"total"`
	Unit  string `json:"unit" doc:"entries or bytes"`
}

// Counting is what reports a count of entries as progress of a step; nil where nobody asks.
func Counting(step string, progress func(Progress)) func(done, total int64) {
	if progress == nil {
		return nil
	}
	return func(done, total int64) {
		progress(Progress{Step: step, Done: uint64(max(done, 0)), Total: uint64(max(total, 0)), Unit: "entries"})
	}
}

// VerifyReport is what a walk through the ledger found.
type VerifyReport struct {
	OK      bool     `json:"ok"`
	Entries uint64   `json:"entries"`
	Bodies  uint64   `json:"bodies"`
	Feeds   uint64   `json:"feeds"`
	Bytes   uint64   `json:"bytes"`
	Wanted  uint64   `json:"wanted"`
	Root    string   `json:"root"`
	Damage  []Damage `json:"damage" doc:"at most 100; damaged says how many"`
	Damaged uint64   `json:"damaged"`

	Files     uint64 `json:"files" doc:"of records, that lie here whole"`
	FileBytes uint64 `json:"file_bytes"`

	// Repaired counts what other nodes brought again before the answer was given.
	Repaired uint64 `json:"repaired"`
}

// ScrubReport is what a pass of the scrub through the whole ledger found, the part of it
// included that ran in the background before it was asked for.
type ScrubReport struct {
	OK        bool      `json:"ok"`
	Begun     time.Time `json:"begun"`
	Ended     time.Time `json:"ended"`
	Entries   uint64    `json:"entries"`
	Bodies    uint64    `json:"bodies"`
	Bytes     uint64    `json:"bytes"`
	Wanted    uint64    `json:"wanted"`
	Damage    []Damage  `json:"damage" doc:"at most 100; damaged says how many"`
	Damaged   uint64    `json:"damaged"`
	Files     uint64    `json:"files" doc:"of records, that lie here whole"`
	FileBytes uint64    `json:"file_bytes"`

	Repaired uint64 `json:"repaired" doc:"brought again by other nodes before the answer was given"`
}

// Damage is one thing that is not as it was written.
type Damage struct {
	ID     string `json:"id" doc:"CID, or the name of a store key"`
	Code   string `json:"code" doc:"stable code of a reason, as bad_hash"`
	Member string `json:"member,omitempty"`
	Detail string `json:"detail,omitempty"`

	Repaired bool `json:"repaired,omitempty" doc:"another node brought it again"`
}

// ExportQuery says in which form records are exported, and which.
type ExportQuery struct {
	Format string   // of package export: ndjson, csv, jsonld, geojson
	AsOf   string   // day on which validity is judged, YYYY-MM-DD; empty: today, UTC
	Lang   string   // of texts in forms that hold one language; empty: each record's own
	Types  []string // none means all
	Member string   // handle; empty means all
	Record string   // one record or agreement alone: short number, CID or prefix; empty means all
}

// ExportReport is what a bundle, or an export of records, holds.
type ExportReport struct {
	Format  string `json:"format,omitempty" doc:"absent for a bundle"`
	AsOf    string `json:"as_of,omitempty" doc:"day on which validity was judged"`
	Records uint64 `json:"records,omitempty" doc:"of an export of records: how many are in it"`
	LeftOut uint64 `json:"left_out,omitempty" doc:"records for which the form has no place: those without coordinates on a map"`
	Moved   bool   `json:"moved,omitempty" doc:"the ledger changed while it was written: root says how it was at the beginning"`

	Root    string `json:"root"`
	Entries uint64 `json:"entries"`
	Bodies  uint64 `json:"bodies"`
	Feeds   uint64 `json:"feeds"`
	Bytes   uint64 `json:"bytes"`
}

// ImportReport is what a bundle brought.
type ImportReport struct {
	Root    string            `json:"root" doc:"of this ledger, afterwards"`
	Read    uint64            `json:"read" doc:"entries in the bundle"`
	New     uint64            `json:"new" doc:"entries that were not held before"`
	Bodies  uint64            `json:"bodies" doc:"bodies that were not held before"`
	Refused map[string]uint64 `json:"refused,omitempty" doc:"entries refused, by stable code"`
	Bytes   uint64            `json:"bytes"`
}

// BackupReport is what a backup holds.
type BackupReport struct {
	Federation string    `json:"federation" doc:"CID of the founding act"`
	Handle     string    `json:"handle,omitempty" doc:"of the member whose node made it"`
	At         time.Time `json:"at" doc:"when it was made, by that node's clock"`
	Root       string    `json:"root" doc:"of what it holds, whether it stands or not: a node's own ledger root may differ"`
	Entries    uint64    `json:"entries"`
	Bodies     uint64    `json:"bodies"`
	Feeds      uint64    `json:"feeds"`
	Files      uint64    `json:"files" doc:"of this member's records; those of others are fetched again"`
	Bytes      uint64    `json:"bytes" doc:"before encryption"`
	Damaged    uint64    `json:"damaged" doc:"chains of entries whose rest could not be read on the disk and is not in it"`
}

// Scrub is how far the walk through the whole ledger is that a running node makes all
// the time, slowly, to find damage on its disk.
type Scrub struct {
	Begun     *time.Time `json:"begun,omitempty" doc:"of the pass under way"`
	Checked   uint64     `json:"checked" doc:"entries read in it"`
	Total     uint64     `json:"total" doc:"entries held"`
	Found     uint64     `json:"found" doc:"damaged things found in it, repaired since or not"`
	LastEnded *time.Time `json:"last_ended,omitempty" doc:"when the last whole pass ended"`
	LastFound uint64     `json:"last_found" doc:"damaged things found in that one"`
}

// Recovery is how far a recovering node is. It may have forgotten entries that it signed,
// so it catches up with a majority of the members it can see before it writes on, in a
// new chain of entries. Approvals and answers wait until then.
type Recovery struct {
	Others   int  `json:"others" doc:"further members, as far as this node knows"`
	Seen     int  `json:"seen" doc:"members of whom a node is connected"`
	CaughtUp int  `json:"caught_up" doc:"of them, those from whom nothing is left to fetch"`
	Needed   int  `json:"needed" doc:"so many of them it waits for; 0 while it sees nobody"`
	Fetching bool `json:"fetching" doc:"something known to be missing is on its way"`
}

// Backups tells of the last backup of this node.
type Backups struct {
	Dir       string     `json:"dir,omitempty" doc:"where the node writes one every day; empty: it does not"`
	Keep      uint64     `json:"keep,omitempty" doc:"so many are kept there"`
	Last      *time.Time `json:"last" doc:"when the last one was made, by a person or by the node; null where none is known"`
	File      string     `json:"file,omitempty"`
	Entries   uint64     `json:"entries,omitempty"`
	Bytes     uint64     `json:"bytes,omitempty"`
	Encrypted bool       `json:"encrypted,omitempty"`
	Failed    string     `json:"failed,omitempty" doc:"stable code of a reason, while the daily backup cannot be made"`
}
