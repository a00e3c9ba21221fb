package api

import (
	"time"

	"github.com/dure-net/dure/protocol"
)

// Bounds of the HTTP interface, each with its reason and what happens beyond it.
const (
	// maxDraftBytes bounds a posted record: a body of protocol.MaxBodyBytes written
	// as indented JSON with escaped Hangul is about four times as long. Beyond: 413.
	maxDraftBytes = 512 << 10

	// maxCommandBytes bounds any other posted JSON; a charter amendment with texts in
	// twelve languages is the largest. Beyond: 413.
	maxCommandBytes = 1 << 20

	// maxJSONDepth bounds the nesting of posted JSON; the deepest command has seven
	// levels. Beyond: 400.
	maxJSONDepth = 64

	// maxImportBytes bounds one imported bundle; it is streamed, so this guards only
	// against an endless request. Beyond: 413.
	maxImportBytes = 64 << 30

	// maxHeaderBytes bounds request headers. Beyond: 431.
	maxHeaderBytes = 16 << 10

	// maxURLBytes bounds a request's path and query. Beyond: 414.
	maxURLBytes = 4 << 10

	dialTimeout   = 3 * time.Second   // for the client to reach a node on this machine
	headerTimeout = 5 * time.Second   // to send request headers
	bodyTimeout   = 10 * time.Second  // to send a JSON body, and between two reads of a bundle
	writeTimeout  = 30 * time.Second  // to take one answer, or one write of a stream; a reader that stalls longer is cut and resumes
	idleTimeout   = 120 * time.Second // of a kept-alive connection
	shutdownGrace = 5 * time.Second   // for answers under way when the node stops

	// heartbeat is the longest silence of a stream, so that both sides notice a dead
	// connection.
	heartbeat = 15 * time.Second

	// maxStreams bounds streams open at once. Beyond: 503 busy.
	maxStreams = 64

	// slowReader is how long one write of a stream may wait for its reader. Beyond: once the reader takes it, the
	// stream ends, and its last message names the sequence to go on after; a reader that takes nothing
	// for writeTimeout is cut without a word.
	slowReader = 10 * time.Second

	// eventQueue is how many events wait for one stream's connection. Beyond: the
	// reader of the ledger waits; nothing is dropped.
	eventQueue = 64

	// maxRemembered bounds the answers kept for idempotency keys, and rememberFor
	// their life. Beyond: the least recently used is forgotten.
	maxRemembered = 1024
	rememberFor   = 24 * time.Hour

	// keptFor is how long the answer to a list or a search is given again while nothing in the
	// ledger changes: long enough for a crowd, and short enough that nobody notices what is
	// no change of the ledger, as a file that a disk lost and got back. maxKeptBytes bounds
	// all of them (beyond: the one not asked for longest is forgotten), maxKeptAnswer one
	// (beyond: it is made anew each time).
	keptFor       = time.Second
	maxKeptBytes  = 16 << 20
	maxKeptAnswer = 1 << 20

	// maxKeyBytes bounds an idempotency key. Beyond: 400.
	maxKeyBytes = 200

	// maxAnswerBytes bounds what the client reads of one JSON answer. Beyond:
	// ReasonTooLarge.
	maxAnswerBytes = 64 << 20

	// Callers without a token, where a node is public: a page with its pictures and a map
	// asks some twenty times at once, a program that reads everything a few times a second.
	// publicRate is for all of them together: half of what a small machine answers. Beyond: 429.
	visitorRate  = 5 // requests a second from one address
	visitorBurst = 40
	publicRate   = 100
	publicBurst  = 200

	// maxPublicJudged bounds the requests without a token that have all listings judged at once,
	// which takes a whole processor each; judgedAgain is when to ask again. Beyond: 429.
	maxPublicJudged = 1
	judgedAgain     = 2 * time.Second

	// MaxUnnamedBytes and MaxUnnamedFiles bound the files that the holder of one token has put
	// here and no record names yet, each on its way counted as the largest. Beyond: 429.
	// UnnamedFor is how long a file waits for a record to name it: files are brought before
	// the record is written. Beyond: it goes, within six hours.
	MaxUnnamedBytes = 64 << 20
	MaxUnnamedFiles = 256
	UnnamedFor      = 24 * time.Hour

	// unnamedAgain is when a holder of a token whose share is used up is told to try again.
	unnamedAgain = time.Hour

	// maxVisitors bounds the addresses that are told apart. Beyond: the one not seen
	// for longest begins anew.
	maxVisitors = 4096

	// preferWait is how long a write waits for other nodes when Prefer names only how many,
	// and maxPreferWait the longest: the answer must come within writeTimeout.
	preferWait    = 10 * time.Second
	maxPreferWait = 25 * time.Second

	// certificateAge is how old the certificate in use may be before its files are looked at
	// again, which a renewal changes.
	certificateAge = 10 * time.Second

	// maxSocketPath is the longest path of a socket that every system takes: 104 bytes on
	// macOS with the NUL, 108 on Linux. Beyond: there is no socket.
	maxSocketPath = 103

	// maxLineBytes bounds one line of a stream as the client reads it.
	maxLineBytes = 1 << 20
)

// Limit is one bound of this node, as GET /api/v1/limits lists it.
type Limit struct {
	Scope  string `json:"scope" enum:"federation,sealed,replication,ledger,mesh,index,private,searches,api" doc:"federation: the same on all nodes; the others are this node's own"`
	Name   string `json:"name"`
	Value  int64  `json:"value"`
	Unit   string `json:"unit,omitempty"`
	Why    string `json:"why,omitempty" doc:"for developers, in English"`
	Beyond string `json:"beyond,omitempty" doc:"what happens beyond it, in English"`
}

// Bounds lists the limits of this package. The slice is the caller's.
func Bounds() []protocol.Bound {
	const bytes, seconds = "bytes", "s"
	b := protocol.NewBound
	return []protocol.Bound{
		b("maxDraftBytes", maxDraftBytes, bytes, "a posted record: the largest body as indented JSON", "413 `too_large`"),
		b("maxCommandBytes", maxCommandBytes, bytes, "any other posted JSON", "413 `too_large`"),
		b("maxJSONDepth", maxJSONDepth, "levels", "the deepest command has seven", "400 `usage`"),
		b("maxImportBytes", maxImportBytes, bytes, "a bundle; it is streamed", "413 `too_large`"),
		b("maxHeaderBytes", maxHeaderBytes, bytes, "of a request's headers", "431"),
		b("maxURLBytes", maxURLBytes, bytes, "of a request's path and query", "414 `too_large`"),
		b("dialTimeout", int64(dialTimeout/time.Second), seconds, "for the client to reach the node", "`not_running`"),
		b("headerTimeout", int64(headerTimeout/time.Second), seconds, "to send the headers", "connection closed"),
		b("bodyTimeout", int64(bodyTimeout/time.Second), seconds, "to send a JSON body, and between two reads of a bundle", "408 `busy`"),
		b("writeTimeout", int64(writeTimeout/time.Second), seconds, "to take an answer, or one write of a stream", "connection closed; a stream resumes"),
		b("idleTimeout", int64(idleTimeout/time.Second), seconds, "of a kept connection", "connection closed"),
		b("shutdownGrace", int64(shutdownGrace/time.Second), seconds, "for answers under way when the node stops", "connection closed"),
		b("heartbeat", int64(heartbeat/time.Second), seconds, "of silence of a stream", "a comment line"),
		b("maxStreams", maxStreams, "streams", "open at once", "503 `busy`"),
		b("slowReader", int64(slowReader/time.Second), seconds, "that one write of a stream waits for its reader", "a last message with the sequence to go on after"),
		b("eventQueue", eventQueue, "events", "waiting for one stream's connection", "reading waits; nothing is dropped"),
		b("maxRemembered", maxRemembered, "answers", "kept for idempotency keys", "the least recently used is forgotten"),
		b("rememberFor", int64(rememberFor/time.Hour), "h", "such an answer is kept", "forgotten"),
		b("keptFor", int64(keptFor/time.Second), seconds, "the answer to a list or a search is given again while nothing in the ledger changes", "made anew"),
		b("maxKeptBytes", maxKeptBytes, bytes, "of such answers together", "the one not asked for longest is forgotten"),
		b("maxKeptAnswer", maxKeptAnswer, bytes, "of one such answer", "made anew each time"),
		b("maxKeyBytes", maxKeyBytes, bytes, "of an idempotency key", "400 `usage`"),
		b("visitorRate", visitorRate, "requests/s", "without a token from one address of a public node", "429 `busy`"),
		b("visitorBurst", visitorBurst, "requests", "at once from one address: a page with its pictures and a map", "429 `busy`"),
		b("publicRate", publicRate, "requests/s", "without a token from all addresses together", "429 `busy`"),
		b("publicBurst", publicBurst, "requests", "at once from all of them", "429 `busy`"),
		b("maxPublicJudged", maxPublicJudged, "requests", "without a token that judge all listings at once", "429 `busy`"),
		b("judgedAgain", int64(judgedAgain/time.Second), seconds, "until such a caller asks again", "as long as another one is answered, 429 `busy`"),
		b("MaxUnnamedBytes", MaxUnnamedBytes, bytes, "of files that the holder of a token has brought and no record names yet, each on its way counted as the largest", "429 `busy`"),
		b("MaxVersions", MaxVersions, "versions", "of a record that its history lists: the newest", "`more` is set"),
		b("MaxUnnamedFiles", MaxUnnamedFiles, "files", "of that kind", "429 `busy`"),
		b("UnnamedFor", int64(UnnamedFor/time.Hour), "h", "that a file waits for a record to name it", "it goes, within six hours"),
		b("unnamedAgain", int64(unnamedAgain/time.Minute), "minutes", "until the holder of a token whose share is used up tries again", "as long as nothing was named, 429 `busy`"),
		b("maxVisitors", maxVisitors, "addresses", "told apart on a public node", "the one not seen for longest begins anew"),
		b("preferWait", int64(preferWait/time.Second), seconds, "to wait for other nodes to hold an entry, where Prefer names only how many", "202 and how many do"),
		b("maxPreferWait", int64(maxPreferWait/time.Second), seconds, "that Prefer may ask to wait", "as long as that"),
		b("certificateAge", int64(certificateAge/time.Second), seconds, "until the files of the certificate in use are looked at again", "a renewed one is taken"),
		b("maxSocketPath", maxSocketPath, bytes, "of the path of the owner's socket: what every system takes", "no socket; the address and the token"),
		b("maxAnswerBytes", maxAnswerBytes, bytes, "that the client reads of one answer", "`too_large`"),
		b("maxLineBytes", maxLineBytes, bytes, "of one line of a stream as the client reads it", "`too_large`"),
	}
}
