// Package api is what local programs may ask of one member's node: the HTTP interface
// under /api/v1, its JSON types, and the Go client that speaks it. It never reads or
// writes the ledger itself and never talks to other nodes.
//
// # To add an endpoint
//
// Declare it with get or post, whose first argument is the scope that a caller needs
// (access.Open, Read, Write, Govern, Keep), and register it with route, or with raw where
// it answers with bytes or a stream:
//
//	route(s, get(access.Read, "list-messages", "/messages", "Messages for this member"), func(ctx context.Context, in *asking) (*answer[Messages], error) { … })
//
// That is all for access: the scope stands in the document, 401 and 403 say which is
// needed, and one that is forgotten lets in nobody but the keeper. That is all for entity
// tags too: every JSON GET gets a weak one, and 304 for who holds it. What has versions
// answers versioned, by routeAs, instead of answer, with the CID of the present version: its tag is
// strong, and a change that embeds Matched can be bound to it (If-Match, 412). A write of an
// entry embeds Keyed and goes through server.write: idempotency keys, 201 and Location.
//
// A GET that is asked by crowds, and whose answer follows from the ledger, the day, the
// address, the language and the caller's scopes alone, is declared with lasting: its answer
// is given again until one of these changes. What also depends on anything else (who is
// connected, whose token it is) is not.
package api

import (
	"context"
	"io"
	"iter"

	"github.com/dure-net/dure/protocol/proof"
)

// Backend is a node as seen by programs. node.Node implements it, running or opened
// without network; Client implements it over HTTP.
//
// All methods are safe for concurrent use and return errors that carry a
// *protocol.Error; content with faults is ReasonInvalid with record.Faults in its
// chain. Returned values are the caller's.
type Backend interface {
	Reader
	Searcher
	Saver
	Matcher
	Publisher
	Remarker
	Correspondent
	Exchanger
	Filer
	Governor
	Keeper
	Warden
}

// Reader answers questions. Nothing it does changes the ledger.
type Reader interface {
	// Status is a snapshot; it does not block on the network.
	Status(ctx context.Context) (Status, error)

	// Records lists records, newest arrival first unless q.Sort says otherwise. An empty
	// page has no NextCursor. A cursor of another query is ReasonUsage with Field "cursor",
	// as is a value that no record can have, with the name of its filter.
	Records(ctx context.Context, q RecordQuery) (RecordPage, error)

	// Facets counts the records that a query selects; its order, limit and cursor are passed
	// over.
	Facets(ctx context.Context, q RecordQuery) (Facets, error)

	// Record finds one record by CID, by an unambiguous CID prefix of at least
	// MinPrefix characters or by short number ("kr-seoul-41").
	// Absent is ReasonNotFound, several is ReasonAmbiguous. A record whose body is
	// wanted, erased or invalid is returned without an error and says so in State.
	Record(ctx context.Context, ref string) (Record, error)

	// Block is the exact bytes of a header or body, re-hashed on the way out.
	// Absent is ReasonNotFound, on its way ReasonWanted, erased ReasonErased.
	Block(ctx context.Context, cid string) (Block, error)

	// Proof is an entry with what proves it to anybody who has nothing but these bytes. It is
	// named by its CID, or as a record in Record: then it is the current version. Absent is
	// ReasonNotFound.
	Proof(ctx context.Context, ref string) (proof.Proof, error)

	// Erasure tells by whose word a record's content is gone, if it is, and which nodes have
	// said that the bytes lie on their disks no more. Named as in Record.
	Erasure(ctx context.Context, ref string) (Erasure, error)

	// Versions lists all versions of a record, and what of it was withdrawn or erased, in the
	// order of arrival; the newest MaxVersions where there are more. Named as in Record; what
	// is for chosen members, and what is said in agreements, is ReasonNotFound.
	Versions(ctx context.Context, ref string) (RecordVersions, error)

	// Watch yields every event with a local sequence greater than since, in order
	// and without gaps, then goes on as events happen until ctx ends. A since beyond
	// the newest sequence (a node restored from a backup) yields one event of type
	// EventReset whose Seq is the newest sequence, and goes on from there. The last
	// pair may carry an error; after it the sequence ends. Ending ctx is no error.
	Watch(ctx context.Context, since uint64) iter.Seq2[Event, error]

	// Members lists all members that the charter names, by handle.
	Members(ctx context.Context) ([]Member, error)

	// Forks lists the nodes that signed two histories, by member.
	Forks(ctx context.Context) ([]Fork, error)

	// Fork finds one by the CID of its chain, by a part of that of at least MinPrefix
	// characters, or by its member's handle. Absent is ReasonNotFound, several is
	// ReasonAmbiguous.
	Fork(ctx context.Context, id string) (Fork, error)
}

// Publisher writes records of this member. What it acknowledges is durable: it
// survives the loss of power right after the call returned.
type Publisher interface {
	// Publish writes a new record, or a revision where d.Of is set. With d.Dry it tells
	// what it would refuse, or warn of, and writes nothing.
	Publish(ctx context.Context, d Draft) (Receipt, error)

	// AwaitHeld waits until so many other nodes have told that they hold an entry that this
	// node wrote, or until ctx ends, which is no error. It tells which do.
	AwaitHeld(ctx context.Context, r Receipt, nodes int) (Held, error)

	// Withdraw withdraws a record of this member. reason is text by language and may be empty.
	Withdraw(ctx context.Context, ref string, reason map[string]string) (Receipt, error)

	// Adjust pauses, resumes, closes or prolongs an offer or request of this member by a
	// new version. One that is closed, or would stay as it is, is ReasonConflict.
	Adjust(ctx context.Context, ref string, a Adjustment) (Receipt, error)

	// Erase erases the content of a record of this member for good, with all its versions;
	// or, where ref is the whole CID of one, of a remark of this member.
	// When it returns, the word is durable and this node's copy is gone, or will be as soon
	// as its disk allows. A record that is erased already is ReasonErased.
	Erase(ctx context.Context, ref string, why Why) (Receipt, error)
}

// Governor takes part in the act line.
type Governor interface {
	Decisions(ctx context.Context) (Decisions, error)

	// Decision finds one decision by its id, whatever became of it. Absent is ReasonNotFound.
	Decision(ctx context.Context, id string) (Fate, error)

	// Decide tables a decision and, unless p.NoAnswer, answers it with yes where this
	// node is the governing node of an elector.
	Decide(ctx context.Context, p Proposal) (Decision, error)

	// Answer answers for act number a.Number with one decision or with none of them.
	Answer(ctx context.Context, a AnswerRequest) (Decision, error)

	// Invite makes a pasteable line. The line contains a secret that works once.
	Invite(ctx context.Context, r InviteRequest) (Invitation, error)

	// Chains lists chains of entries as far as they stand here: what a cut of a node, or
	// a removal, would leave standing. An unknown member is ReasonNotFound.
	Chains(ctx context.Context, q ChainQuery) ([]Chain, error)

	// Say publishes a statement of a member's root key; saying it again changes nothing.
	// A key that is no member's is ReasonNotMember, a designation that does not rise and a
	// designation of an ended node are ReasonConflict, as is the end of the very node that
	// is asked: nobody would hear of it there.
	Say(ctx context.Context, s Statement) (Said, error)
}

// Keeper looks after the copy on this disk. progress may be nil, is called from one
// goroutine at a time, and must not block.
type Keeper interface {
	// Verify re-hashes the whole ledger. A running node asks the others for what it found
	// damaged, and waits a while for it. Damage is told in the report, not as an error.
	Verify(ctx context.Context, progress func(Progress)) (VerifyReport, error)

	// Scrub takes the pass under way, which the running node also makes by itself and
	// slowly, to its end at full speed; again begins it anew. Ending ctx keeps the place:
	// the next one goes on from there. Damage is told in the report, not as an error.
	Scrub(ctx context.Context, again bool, progress func(Progress)) (ScrubReport, error)

	// Export writes a bundle (CARv1) of the whole ledger. After an error the bytes
	// written so far are not a whole bundle.
	Export(ctx context.Context, w io.Writer, progress func(Progress)) (ExportReport, error)

	// ExportRecords writes records in a form that other programs read, ordered by the chains
	// they were written to, so that equal ledgers write equal bytes for one day. Nothing of it is
	// held in memory. Unknown formats, types and days are ReasonUsage.
	ExportRecords(ctx context.Context, w io.Writer, q ExportQuery, progress func(Progress)) (ExportReport, error)

	// Import admits the entries of a bundle. What was admitted before an error stays.
	Import(ctx context.Context, r io.Reader, progress func(Progress)) (ImportReport, error)

	// Backup writes a backup of this node's store, to be restored into a stopped home.
	Backup(ctx context.Context, w io.Writer, progress func(Progress)) (BackupReport, error)
}
