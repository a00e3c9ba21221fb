package api

import "time"

// Bounds of the HTTP interface, each with its reason and what happens beyond it.
const (
	// maxDraftBytes bounds a posted record: a body of protocol.MaxBodyBytes written
	// as indented JSON with escaped Hangul is about four times as long. Beyond: 413.
	maxDraftBytes = 512 << 10

	// maxCommandBytes bounds any other posted JSON; a charter amendment with texts in
	// twelve languages is the largest. Beyond: 413.
	maxCommandBytes = 1 << 20

	// maxImportBytes bounds one imported bundle; it is streamed, so this guards only
	// against an endless request. Beyond: 413.
	maxImportBytes = 64 << 30

	// maxHeaderBytes bounds request headers. Beyond: 431.
	maxHeaderBytes = 16 << 10

	// maxURLBytes bounds a request's path and query. Beyond: 414.
	maxURLBytes = 4 << 10

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

	// eventQueue is how many events wait for one stream's connection. Beyond: the
	// reader of the ledger waits; nothing is dropped.
	eventQueue = 64

	// maxRemembered bounds the answers kept for idempotency keys, and rememberFor
	// their life. Beyond: the least recently used is forgotten.
	maxRemembered = 1024
	rememberFor   = 24 * time.Hour

	// maxKeyBytes bounds an idempotency key. Beyond: 400.
	maxKeyBytes = 200

	// maxAnswerBytes bounds what the client reads of one JSON answer. Beyond:
	// ReasonTooLarge.
	maxAnswerBytes = 64 << 20

	// maxLineBytes bounds one line of a stream as the client reads it.
	maxLineBytes = 1 << 20
)
