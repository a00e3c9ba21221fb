// Package match owns which offers and requests fit each other, how well, and why. It is
// a pure function of listings, their owners' countries and a day: same inputs, same
// list, in the same order, on every node. It never reads a clock, a ledger or a word of
// free text, stores nothing and writes no sentence: reasons are codes with facts, which
// the layers above put into a reader's language.
//
// # Filters
//
// A pair is an offer and a request of one kind by different members. Each of these
// removes it, and is told as the reason why not. Amounts are what agreements leave:
//
//	closed      one of them is paused or closed
//	expired     one of them is no longer valid on the day
//	committed   agreements leave nothing of one of them
//	mode        the modes are neither equal nor one of the near pairs (nearModes)
//	goods       material of another category
//	delivery    one side comes or ships and the other one does not
//	place       a space in another country and more than 100 km away
//	window      the time windows share fewer days than the larger minimum, or none
//	minimum     what is there, or wanted, is below the other side's minimum
//	reach       one side is not meant for the other one's member, country or continent
//	topic       fewer than 12 points for the topic
//
// # Points
//
// Whole numbers, each rounded down. The weights come from trying them on the sample
// records; a first set (topic 30, time 20, language 15, quantity 15) put every pair
// between 73 and 98 and gave 48 to a pair without any common topic.
//
//	topic 45     where both name goods or skills: the same 30 (skills of one ISCO-08 minor
//	             group 20, of one sub-major group 12) and themes 15 × common / all;
//	             otherwise themes 45 × common / all. Two different themes of one group
//	             count as half a common one.
//	time 15      common days × 15 / days of the shorter window
//	language 12  a common working language 12; none, but interpretation is offered 6
//	quantity 10  what can be had × 10 / what is wanted
//	terms 8      what is expected in return fits 4; costs on which both agree, up to 4
//	place 5      remote or shipped, or one country 5; one continent 3; else 1
//	goals 3      a common sustainable development goal
//	solidarity 2 who asks took part in fewer completed exchanges of the last 24 months
//	             than the median of members
//	-10          near modes instead of the same one
//
// Without a common language and interpretation nothing but a gift of goods is worth
// more than 59: it is possible, and somebody has to translate.
package match
