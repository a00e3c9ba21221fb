package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dure-net/dure/protocol"
)

// Exit codes. They are an interface: append only, never give a code another meaning. Programs treat a code they do
// not know as "failed".
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2   // the command line, a setting or what was given to read is wrong
	exitProblems    = 3   // the command worked and found something: doctor, verify, scrub, import, probe
	exitNotFound    = 4   // nothing under that name, or several
	exitRefused     = 5   // not allowed to this member, invitation or caller
	exitConflict    = 6   // settled otherwise already, or changed meanwhile
	exitNoHome      = 10  // no node here, or not in a federation
	exitLocked      = 11  // another process runs on this home
	exitWords       = 12  // wrong recovery words
	exitNotRunning  = 13  // the node does not run
	exitUnreachable = 14  // no answer from another node in time
	exitDamaged     = 15  // bytes on this disk are not what was written
	exitLater       = 16  // not now: joining, recovering, busy, disk full
	exitMachine     = 17  // port in use, home not writable, wrong clock
	exitVersion     = 18  // the data is of another version of dure: migrate it, or update the program
	exitInterrupted = 130 // ended by an interrupt
)

var exitCodes = []int{
	exitOK, exitFailed, exitUsage, exitProblems, exitNotFound, exitRefused, exitConflict, exitNoHome, exitLocked,
	exitWords, exitNotRunning, exitUnreachable, exitDamaged, exitLater, exitMachine, exitVersion,
	exitInterrupted,
}

// problems is the error of a command that did its work, said what it found, and found something.
type problems struct{}

func (problems) Error() string { return "problems found" }

func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if errors.As(err, &problems{}) {
		return exitProblems
	}
	switch reasonOf(err) {
	case protocol.ReasonUsage, protocol.ReasonConfig, protocol.ReasonInvalid, protocol.ReasonMalformed,
		protocol.ReasonNonCanonical, protocol.ReasonTooLarge, protocol.ReasonInvitationInvalid:
		return exitUsage
	case protocol.ReasonNotFound, protocol.ReasonAmbiguous, protocol.ReasonUnknownMember, protocol.ReasonErased:
		return exitNotFound
	case protocol.ReasonForbidden, protocol.ReasonNotMember, protocol.ReasonNotGoverning, protocol.ReasonNotOwner,
		protocol.ReasonNotElector, protocol.ReasonWrongFederation, protocol.ReasonBadSignature,
		protocol.ReasonInvitationExpired, protocol.ReasonInvitationUsed:
		return exitRefused
	case protocol.ReasonConflict, protocol.ReasonStale, protocol.ReasonKnown, protocol.ReasonHandleTaken,
		protocol.ReasonFederated, protocol.ReasonHomeExists, protocol.ReasonFork, protocol.ReasonSetAside:
		return exitConflict
	case protocol.ReasonNoHome, protocol.ReasonNotFederated:
		return exitNoHome
	case protocol.ReasonHomeLocked:
		return exitLocked
	case protocol.ReasonWrongWords:
		return exitWords
	case protocol.ReasonNotRunning:
		return exitNotRunning
	case protocol.ReasonUnreachable, protocol.ReasonInviterUnreachable:
		return exitUnreachable
	case protocol.ReasonDamaged, protocol.ReasonBadHash, protocol.ReasonBrokenChain:
		return exitDamaged
	case protocol.ReasonRecovering, protocol.ReasonJoining, protocol.ReasonPendingApproval, protocol.ReasonBusy,
		protocol.ReasonReadOnly, protocol.ReasonWanted, protocol.ReasonGap:
		return exitLater
	case protocol.ReasonPortInUse, protocol.ReasonHomeUnwritable, protocol.ReasonWrongClock:
		return exitMachine
	case protocol.ReasonTooOld, protocol.ReasonTooNew:
		return exitVersion
	case protocol.ReasonCanceled:
		return exitInterrupted
	}
	return exitFailed
}

// exitCodesTopic is `dure help exit-codes`.
func (a *app) exitCodesTopic() *cobra.Command {
	c := a.topic("exit-codes")
	c.SetHelpFunc(func(*cobra.Command, []string) {
		a.line("help.exit-codes.intro", nil)
		fmt.Fprintln(a.out)
		t := table{indent: 2}
		for _, code := range exitCodes {
			t.row(strconv.Itoa(code), a.say("exit."+strconv.Itoa(code), nil))
		}
		t.print(a.out)
	})
	return c
}
