// Package ledger owns the copy of the federation's ledger on this disk: every feed's
// headers and bodies, what is still wanted, what was erased, and the order in which it
// all arrived here. It never decides whether an entry may come in, checks no signature
// on the way in, and knows no network: the caller admits, the ledger keeps.
//
// # What is promised
//
// Commit.Wait returns nil only when the batch is on the disk: one synced Badger
// transaction, and for entries that this node signed the high-water mark after it. A
// batch is visible as a whole or not at all, before and after a crash. Every byte that
// is read is hashed again: what does not match its CID is ReasonDamaged, is listed for
// repair, and is never served. Badger alone does not promise that (one flipped bit in
// its log silently drops the tail, and "not found" is no proof of absence), so nothing
// is taken from Badger on trust: heads, counts and the CID index are recomputed from
// the headers at every start and compared with what was counted before.
//
// # Keys
//
// Numbers are big-endian, so keys sort by feed and then by seq. Feeds carry a local
// number, given in the order in which they were first seen and never used twice.
//
//	f feed:4            inception's hash:32. Outlives damage to the headers: it says whose they were.
//	                    Of a branch also: parent's number:4, from:8, base:8, hashes of the entries at base-1, at from, and of the parent's at from.
//	c feed:4            number of the branch that is the feed's chain; absent where it was never settled.
//	h feed:4 first:8    a run: 1 to 64 headers (run.go), ending in a header that was admitted with a valid signature.
//	b feed:4 seq:8      a body that may be erased, and nothing else under that prefix.
//	g feed:4 seq:8      a governance body: never erased. Bodies of kinds unknown to the program that wrote them lie here too.
//	w feed:4 seq:8      a body that is named by a header and not held: hash of body and entry, size, kind, how it was lost.
//	e feed:4 seq:8      a body that was erased: 0 while its bytes may still lie in a file, 1 after they have gone.
//	l number:8          what one transaction changed, in order, from this local number on, and the entries held after it.
//	r key               a second copy of a run or body that was found damaged and came again.
//	q feed:4 first:8    a run that lost its predecessor to damage, kept until the gap is filled again.
//	x feed:32 seq:8     fork evidence, the first that came for that place.
//	m name              small values of this package (m\x00…) and of the layer above (m.…).
//
// There is no CID index on the disk: random keys cost half of all writing when it was
// measured. It lives in memory (index.go, 16 bytes a slot), is rebuilt at every start
// from the header runs, and so is verified by being built.
//
// # Why runs
//
// A page is stored as it was admitted, one key for up to 64 headers. That keeps the
// rule of endorsed verification on the disk (every stored run ends in a valid signature,
// so any run boundary is a place where a page may end), makes the start fast, and
// spares Badger 63 of 64 keys. Entries published one by one that arrive in one group
// commit are joined the same way, because each of them carries a valid signature.
//
// # Why bodies apart, and wanted bodies as keys
//
// Deleting a key leaves its bytes in Badger's files for as long as nobody compacts
// them; DropPrefix rewrites the files. So a body that may be erased has a prefix of its
// own, which is its whole key. It is looked for, and dropped, under the other prefix too:
// a newer program may know more kinds to be erasable than the one that wrote it. Which bodies are wanted could be derived from the
// headers and the keys of the bodies, but the bodies lie in the same tables as their
// keys, so that scan reads nearly the whole store; a durable key per missing body is
// written in the transaction that brings its header and costs a start nothing.
//
// # Erasure
//
// What counts as erased is told by the layer above (Judge), which knows whose word it is.
// From that moment the body is absent for every reader, backups and pages included, and
// is not stored when it comes. Sweep then drops the bytes, in portions: first a durable
// mark for each body (key e), then DropPrefix, then the mark says that it is done; Open
// finishes what a crash has cut short. It looks at every header that is here, those that
// damage has set aside among them, and drops every copy of a body that there can be. A
// mark outlives the word that made it: only a word that was taken back by somebody
// entitled to it (erasure.Lapsed) makes the body wanted again.
//
// # Why branches are feeds
//
// Where a node signed two histories, the second one is kept under a number of its own,
// with the first as its parent up to the fork. To choose the other branch is then one
// small key in one transaction: no header and no body moves, so nothing can be half
// moved, and no deleted copy of a body that may be erased later stays in Badger's files.
// What is not chosen stays readable, is verified, erased and backed up like the rest, and
// is outside the root, the counts and the order of arrival.
//
// # Damage
//
// A body that is missing or wrong becomes wanted, and the network brings it again. A
// header run that is wrong at the start cuts its feed there: the feed is shorter, the
// ledger root differs, ordinary catch-up fetches the rest, and the runs beyond are kept
// (key q) and joined again when the gap is filled. A header run found wrong later is
// listed by Damaged, and a page that covers it again repairs it in place. What is
// repaired is also written under a key of its own (r), far from the old one: a flipped
// bit in a table can give a damaged value a version that no later write reaches.
//
// None of that is left to Badger, which reads damaged files as if they were whole where
// it can. Before it is given a store, every byte of its files is checked (mend.go): one
// wrong bit is turned back, what can be read of a table or log is written anew, and the
// damaged file is kept beside the store. A store that Badger refuses even so is set aside
// as a whole. Salvage brings back what such files hold, through the caller's door.
//
// # Versions
//
// The store says which version its layout has (schema.go), and Open takes only the
// program's own: a newer one is refused for good, an older one until Migrate has brought
// it here. A migration works on a copy (migrate.go): backed up, changed, read again and
// compared with the backup, which must be the same bytes; then two renames put it in the
// place of the store (exchange.go). Nothing else is a commit point, so no step needs to be
// one: what is cut short is begun anew. A damaged ledger is not migrated, because nobody
// could say then whether the step or the damage lost what is missing. There are two
// versions: 2 has branches, and a store of version 1 is one without any, so the step
// between them changes nothing but the number.
//
// # A full disk
//
// Badger writes through maps of files with holes, and where the disk has no block for a
// hole the process dies of SIGBUS. So no hole is written to: logs have their blocks before
// a transaction is (blocks.go), and every table before Badger copies into it (allot.go),
// because the call that maps it asks the store first (mapping_linux.go). A table that gets
// none, with the reserve's neither, is an error to Badger, which begins it anew later;
// what it was to hold stands in a log meanwhile, and is read from there.
//
// The rest is so that this is rare and short. Nothing is accepted below a floor (space.go),
// which leaves room for what Badger may still write (watch.go); a merge waits before its
// tables while there is little; and a store on a disk below the floor is opened for reading
// alone, allocates nothing, and is opened for writing in the same process when there is room
// (store.go). On systems where a file cannot be given blocks, floor and reserve must do.
package ledger
