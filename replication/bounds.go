package replication

import (
	"time"

	"github.com/dure-net/dure/protocol"
)

// Bounds lists the limits of this package, one node's own. The slice is the caller's.
func Bounds() []protocol.Bound {
	const bytes, seconds = "bytes", "s"
	b := protocol.NewBound
	return []protocol.Bound{
		// What one member may write here. Delayed, never refused.
		b("entriesRate", int64(entriesRate), "entries/s", "of one member, in the long run: more than an office writes in a day", "later, in order; the member is named"),
		b("entriesBurst", int64(entriesBurst), "entries", "of one member at once, while it is in touch: ten imports of 5,000", "as above"),
		b("entriesSaved", int64(entriesSaved), "entries", "that an absence saves up at the rate: a backlog comes at the speed of the line", "as above"),
		b("bytesRate", int64(bytesRate), "bytes/s", "as entries; sixteen of the largest a second", "as above"),
		b("bytesBurst", int64(bytesBurst), bytes, "as entries", "as above"),
		b("bytesSaved", int64(bytesSaved), bytes, "as entries", "as above"),
		b("feedsRate", int64(feedsRate*3600), "feeds/h", "of one member: each costs every node memory", "as above"),
		b("feedsBurst", int64(feedsBurst), "feeds", "one for each node, and for each restore of one", "as above"),
		b("feedsSaved", int64(feedsSaved), "feeds", "as entries", "as above"),
		b("heardRate", int64(heardRate), "messages/s", "of one member by gossip, each verified and flushed alone: twice what a node announces", "ignored; the entries come by catch-up"),
		b("heardBurst", int64(heardBurst), "messages", "eight times what a node announces", "as above"),
		b("awayAfter", int64(awayAfter/time.Second), seconds, "not heard of for so long, a member was away", "its allowance is saved up"),
		b("backlogEnds", int64(backlogEnds/time.Second), seconds, "in touch for so long with nothing to fetch, a member has no backlog", "what was saved up beyond a burst ends"),
		b("quotaDebt", int64(quotaDebt/time.Second), seconds, "an allowance is overdrawn by at most what it grows in this time", ""),
		b("floodEnds", int64(floodEnds/time.Second), seconds, "within its allowance for so long, a member is not named any more", ""),
		b("maxHeldFeeds", maxHeldFeeds, "feeds", "remembered as beyond an allowance", "asked for again in vain"),

		// What one node may ask and send.
		b("asksRate", asksRate, "questions/s", "of one node; a walk through 100,000 feeds takes some four hundred", "the answer waits"),
		b("asksBurst", asksBurst, "questions", "of one node", "the answer waits"),
		b("streamsAtOnce", streamsAtOnce, "answers", "of pages or bodies under way to one node", "the next one waits"),
		b("toldRate", toldRate, "messages/s", "health messages of one node passed on: twice what a busy one says", "ignored; the next one says all"),
		b("toldBurst", toldBurst, "messages", "health messages of one node", "as above"),
		b("strangeRate", strangeRate, "messages/s", "from one node, of feeds not known here", "ignored, unverified; catch-up brings them"),
		b("strangeBurst", strangeBurst, "messages", "from one node, of feeds not known here", "as above"),
		b("offenceEnds", int64(offenceEnds/time.Second), seconds, "a node that passed on what it cannot have checked is named so long", ""),
		b("waitingEntries", waitingEntries, "entries", "wait for a predecessor or an admission: some hundred that overtook one another", "the oldest of whoever sent most leaves; catch-up brings it"),
		b("waitingFeed", waitingFeed, "entries", "of one feed, one page", "the newest is not kept"),
		b("waitingSender", waitingSender, "entries", "from one node, a quarter of the room", "its own oldest leaves"),
		b("waitingAge", int64(waitingAge/time.Second), seconds, "catch-up has brought it long before", "dropped"),

		// Catch-up: when.
		b("roundTime", int64(roundTime/time.Millisecond), "ms", "an idle network heals by this timer alone", ""),
		b("roundPerPeer", int64(roundPerPeer/time.Millisecond), "ms", "for each node known, so that all together ask some twenty times a second", ""),
		b("poke", int64(poke/time.Millisecond), "ms", "between two exchanges with one node that events ask for", "later"),
		b("barrenMost", barrenMost, "exchanges", "in a row that differed and brought nothing", "events wait for barrenPoke"),
		b("barrenPoke", int64(barrenPoke/time.Millisecond), "ms", "a node whose claims lead to nothing", ""),
		b("strayTime", int64(strayTime/time.Second), seconds, "between exchanges with a node that failed three times", ""),
		b("longPlaces", longPlaces, "exchanges", "that last, memory", "the idlest gives way to who waits"),
		b("quickPlaces", quickPlaces, "exchanges", "more in their first moments: nobody can hold these", "waits its turn, a few seconds"),
		b("quickTime", int64(quickTime/time.Second), seconds, "an exchange with nothing to fetch takes milliseconds", "it counts as one that lasts"),
		b("claimIdle", int64(claimIdle/time.Second), seconds, "a session keeps the feeds it fetches for itself so long without bringing anything", "others fetch them too"),
		b("claimTime", int64(claimTime/time.Second), seconds, "and so long where others are four times as quick", "others fetch them too"),
		b("claimSlow", int64(claimSlow/time.Second), seconds, "and so long at all: on a slow line all are slow", "others fetch them too"),
		b("claimShares", claimShares, "sessions", "among which missing feeds are divided: one does not fill a long line that loses packets", "the others wait for a part"),

		// Catch-up: how much.
		b("firstRun", firstRun, "entries", "of a feed whose owner is not known yet", "the rest at the next exchange"),
		b("portionFirst", portionFirst, "entries", "that one exchange asks for: what others write meanwhile does not wait for a backlog", "the rest at the next exchange"),
		b("portionLeast", portionLeast, "entries", "over a slow line", ""),
		b("portionMost", portionMost, "entries", "over a quick line", ""),
		b("maxDiffering", maxDiffering, "lines and ranges", "of one exchange, memory of some 5 MB", "the rest at the next exchange"),
		b("maxWasted", maxWasted, "frames", "in a row with nothing new", "stream reset"),
		b("pagesUnderWay", pagesUnderWay, "pages", "of one session on their way to the disk", "reading pauses"),
		b("intakeBytes", intakeBytes, bytes, "of all sessions on their way to the disk", "sessions wait for room"),
		b("singleRuns", singleRuns, "runs", "written here or gossiped, on their way to the disk; with those of sessions and imports below what the committer queues", "the next one waits, the node goes on"),
		b("intakePages", intakePages, "pages", "of all sessions, below what the committer queues", "sessions wait for room"),
		b("readAhead", readAhead, "pages", "read from the disk while one is written to a stream", "reading waits"),
		b("aheadStreams", aheadStreams, "streams", "that read ahead", "the others read one page at a time"),
		b("relayedPageBytes", relayedPageBytes, bytes, "of bodies in a frame over a relay, which may cut after 128 KiB", "the next page"),
		b("bytesAhead", bytesAhead, bytes, "of frames read ahead of the door by one session", "reading waits"),
		b("branchAgain", int64(branchAgain/time.Second), seconds, "between two questions to one node for a branch of a forked feed", ""),
		b("branchAsks", branchAsks, "questions", "for branches in one exchange; those of one fork stay together", "the next exchange"),
		b("branchBytes", branchBytes, bytes, "of one answer with a branch", "with the next question"),
		b("maxFirsts", maxFirsts, "branches", "of one fork that are asked for", "kept by those that saw them"),
		b("maxProofs", maxProofs, "proofs", "of forks that wait until this node can write", "proven again when the branches are seen again"),
		b("maxProvers", maxProvers, "entries", "listed that prove one fork: one is enough", "not listed"),
		b("maxAside", maxAside, "entries", "fetched of one branch of a fork while nothing is chosen", "after the choice"),
		b("maxAskBytes", maxAskBytes, bytes, "of a question: 256 runs take some 25 KB", "stream reset"),
		b("repairs", repairs, "ranges", "of damaged entries asked for in one exchange", "the next exchange"),
		b("frameTime", int64(frameTime/time.Second), seconds, "for one frame: 1 MiB at 256 kbit/s takes half a minute", "stream reset"),
		b("idleTime", int64(idleTime/time.Second), seconds, "a silent partner", "stream reset"),

		// Files of records.
		b("filesAtOnce", filesAtOnce, "files", "fetched at a time: they leave the line to entries too", "they wait"),
		b("maxFetches", maxFetches, "files", "that wait to be fetched", "`busy`; asked for again"),
		b("chunkTime", int64(chunkTime/time.Second), seconds, "for one chunk: 64 KiB at 20 kbit/s", "another node is asked"),
		b("slowAfter", int64(slowAfter/time.Second), seconds, "a node that brings less than slowRate so long is left for others", "it has another turn after all others, those that connected meanwhile too"),
		b("slowRate", slowRate, "bytes/s", "of a file, of one node", "as above"),
		b("maxFileAskBytes", maxFileAskBytes, bytes, "of a question for a file: sixteen places take some 80", "stream reset"),

		// Joining and bundles.
		b("askTime", int64(askTime/time.Second), seconds, "to read an outsider's request", "stream reset"),
		b("joinTime", int64(joinTime/time.Second), seconds, "for the whole answer", "stream reset"),
		b("knownBytes", knownBytes, bytes, "of addresses in a welcome: it fits a frame", "some are left out"),
		b("importUnderWay", importUnderWay, "pages", "of a bundle on their way to the disk", "reading pauses"),
		b("importHeld", importHeld, bytes, "of a bundle held back until what they need has come", "refused, `too_large`"),

		// What this node says.
		b("announceRate", announceRate, "entries/s", "by gossip, as people write", "catch-up carries the rest"),
		b("announceBurst", announceBurst, "entries", "by gossip at once", "catch-up carries the rest"),
		b("healthTime", int64(healthTime/time.Second), seconds, "between health messages at most", ""),
		b("healthAfter", int64(healthAfter/time.Millisecond), "ms", "after a change that gossip did not carry", ""),
		b("healthAge", int64(healthAge/time.Second), seconds, "a node's last message stands so long against older ones: a clock set back is believed again", ""),
	}
}
