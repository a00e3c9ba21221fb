package api

import (
	"net/http"

	"github.com/dure-net/dure/protocol"
)

// StatusOf is the HTTP status of each reason, for programs and pages alike. Reasons not listed are conditions of
// this machine or faults of dure, which a caller cannot mend: 500.
func StatusOf(r protocol.Reason) int {
	switch r {
	case protocol.ReasonMalformed, protocol.ReasonNonCanonical, protocol.ReasonWrongVersion, protocol.ReasonUsage,
		protocol.ReasonInvitationInvalid, protocol.ReasonWrongWords:
		return http.StatusBadRequest
	case protocol.ReasonBadSignature, protocol.ReasonBadHash, protocol.ReasonBrokenChain, protocol.ReasonInvalid,
		protocol.ReasonWrongFederation:
		return http.StatusUnprocessableEntity
	case protocol.ReasonTooLarge:
		return http.StatusRequestEntityTooLarge
	case protocol.ReasonForbidden, protocol.ReasonNotMember, protocol.ReasonNotGoverning, protocol.ReasonNotOwner,
		protocol.ReasonNotElector:
		return http.StatusForbidden
	case protocol.ReasonNotFound, protocol.ReasonUnknownMember:
		return http.StatusNotFound
	case protocol.ReasonErased, protocol.ReasonInvitationExpired:
		return http.StatusGone
	case protocol.ReasonConflict, protocol.ReasonAmbiguous, protocol.ReasonStale, protocol.ReasonKnown, protocol.ReasonGap,
		protocol.ReasonFork, protocol.ReasonSetAside, protocol.ReasonInvitationUsed, protocol.ReasonHandleTaken,
		protocol.ReasonPendingApproval, protocol.ReasonWrongClock, protocol.ReasonNotFederated, protocol.ReasonFederated,
		protocol.ReasonHomeExists, protocol.ReasonHomeLocked, protocol.ReasonTooOld:
		return http.StatusConflict
	case protocol.ReasonWanted, protocol.ReasonRecovering, protocol.ReasonJoining, protocol.ReasonBusy,
		protocol.ReasonCanceled:
		return http.StatusServiceUnavailable
	case protocol.ReasonUnreachable, protocol.ReasonInviterUnreachable, protocol.ReasonNotRunning:
		return http.StatusBadGateway
	case protocol.ReasonReadOnly:
		return http.StatusInsufficientStorage
	case protocol.ReasonTooNew:
		return http.StatusNotImplemented
	}
	return http.StatusInternalServerError
}

// Retryable reports whether the same request may succeed later with nothing changed by
// the caller.
func Retryable(r protocol.Reason) bool {
	switch r {
	case protocol.ReasonWanted, protocol.ReasonRecovering, protocol.ReasonJoining, protocol.ReasonBusy,
		protocol.ReasonCanceled, protocol.ReasonUnreachable, protocol.ReasonInviterUnreachable,
		protocol.ReasonNotRunning, protocol.ReasonReadOnly, protocol.ReasonGap:
		return true
	}
	return false
}
