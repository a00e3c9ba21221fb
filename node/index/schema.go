package index

// schemaVersion rises with every change of what lies in the file or of how it is
// computed. A file of another version is built anew; nothing is migrated.
const schemaVersion = 7

// schema is what the file holds. A record's number in it, everywhere, is the local number
// of its first entry, which is also its place in lists.
//
//	feed      one line per feed that was heard of, with how far it stands.
//	entry     every entry that is a record, is about one, or names other entries. "aside"
//	          is set while another branch of a fork is its feed's chain. "time" is claimed, and
//	          only kept with a number. Content is never here.
//	ref       which entries name an entry in their header's refs, by keyOf.
//	erased    entries whose bodies acts have erased.
//	record    what follows of a record that counts. "terms" are the lines of tag that it has,
//	          "words" and "spot" say whether it has lines there, "closes" is its last day.
//	due       records of which that is still to be computed.
//	term      values of facets, with how many records that count have each. Facet 0 is all.
//	tag       which records have a value, but for facet 0: a list is a walk along one of these, or
//	          along record, newest first.
//	words     the words of what is said now, and of standing translations of it, as package
//	          token cuts them. Texts are not here.
//	          Its "tags" repeat the record's terms: SQLite meets words and values in one walk,
//	          many times faster than it looks a value up for each record that has the words.
//	          Its parts are merged when nothing waits (tidy.go), not when a record comes.
//	spot      where things are, in degrees.
//	matter    members, agreements and decisions, see matters.go. "by" is the entry that brought
//	          it about, "sum" tells whether another one says the same.
//	matter_tag, matter_words  as tag and words, for matters.
//	owed      agreements that are still to be folded, by any of their proposals.
//	meta      schema, and how far the ledger was followed.
const schema = `
CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
CREATE TABLE feed(no INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, member TEXT NOT NULL, count INTEGER NOT NULL, number INTEGER NOT NULL, node INTEGER NOT NULL);
CREATE INDEX feed_member ON feed(member);
CREATE TABLE entry(local INTEGER PRIMARY KEY, key INTEGER NOT NULL, id BLOB NOT NULL, feed INTEGER NOT NULL, seq INTEGER NOT NULL,
  kind INTEGER NOT NULL, number INTEGER NOT NULL, time INTEGER NOT NULL, aside INTEGER NOT NULL, ofkey INTEGER, of BLOB, refs BLOB);
CREATE INDEX entry_key ON entry(key);
CREATE INDEX entry_place ON entry(feed, seq);
CREATE INDEX entry_of ON entry(ofkey) WHERE ofkey IS NOT NULL;
CREATE INDEX entry_number ON entry(feed, number) WHERE number > 0;
CREATE INDEX entry_kind ON entry(kind) WHERE kind >= 60;
CREATE TABLE ref(key INTEGER NOT NULL, local INTEGER NOT NULL, PRIMARY KEY(key, local)) WITHOUT ROWID;
CREATE TABLE erased(key INTEGER NOT NULL, id BLOB NOT NULL);
CREATE INDEX erased_key ON erased(key);
CREATE TABLE record(local INTEGER PRIMARY KEY, cur INTEGER NOT NULL, withdrawal INTEGER NOT NULL, revisions INTEGER NOT NULL,
  rivals INTEGER NOT NULL, erased INTEGER NOT NULL, terms BLOB, words INTEGER NOT NULL, closes INTEGER NOT NULL, spot INTEGER NOT NULL);
CREATE INDEX record_closes ON record(closes, local) WHERE closes > 0;
CREATE TABLE due(local INTEGER PRIMARY KEY);
CREATE TABLE term(id INTEGER PRIMARY KEY, facet INTEGER NOT NULL, value TEXT NOT NULL, n INTEGER NOT NULL, UNIQUE(facet, value));
CREATE TABLE tag(term INTEGER NOT NULL, local INTEGER NOT NULL, PRIMARY KEY(term, local)) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(title, body, tags, content='', contentless_delete=1, tokenize='ascii');
INSERT INTO words(words, rank) VALUES ('rank', 'bm25(5.0, 1.0, 0.0)');
INSERT INTO words(words, rank) VALUES ('hashsize', 8388608);
INSERT INTO words(words, rank) VALUES ('automerge', 0);
INSERT INTO words(words, rank) VALUES ('crisismerge', 500);
CREATE TABLE matter(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, closes INTEGER NOT NULL,
  bykey INTEGER NOT NULL, by BLOB, sum BLOB NOT NULL, UNIQUE(kind, name));
CREATE INDEX matter_at ON matter(at, kind, name);
CREATE TABLE matter_tag(facet INTEGER NOT NULL, value TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY(facet, value, id)) WITHOUT ROWID;
CREATE INDEX matter_tags ON matter_tag(id);
CREATE VIRTUAL TABLE matter_words USING fts5(title, body, content='', contentless_delete=1, tokenize='ascii');
INSERT INTO matter_words(matter_words, rank) VALUES ('rank', 'bm25(5.0, 1.0)');
CREATE TABLE owed(id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE VIRTUAL TABLE spot USING rtree(local, lat0, lat1, lon0, lon1);
`

// Names in meta.
const (
	metaVersion = "version" // schemaVersion
	metaApplied = "applied" // the last change taken in, as a local number
	metaSamples = "samples" // which entries stood for some local numbers, see samples.go
	metaDay     = "day"     // on which agreements were folded last
	metaShed    = "shed"    // words are still to be taken out of the search index, see shed.go
	metaOrigin  = "origin"  // what the ledger is, as the follower was told
)
