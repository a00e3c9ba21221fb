package charter

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/dure-net/dure/protocol"
)

// InvitationStatus and ApplicationStatus are codes that travel in answers to
// programs. Append only.
type (
	InvitationStatus  string
	ApplicationStatus string
)

const (
	InvitationOpen    InvitationStatus = "open"
	InvitationApplied InvitationStatus = "applied" // somebody applied with it
	InvitationUsed    InvitationStatus = "used"    // an act admitted a member with it
	InvitationExpired InvitationStatus = "expired"

	ApplicationPending  ApplicationStatus = "pending"
	ApplicationAdmitted ApplicationStatus = "admitted"
	ApplicationUsed     ApplicationStatus = "invitation_used"    // another root key has used the invitation
	ApplicationUnknown  ApplicationStatus = "invitation_unknown" // no standing member is known to have made it
	ApplicationTaken    ApplicationStatus = "handle_taken"
)

// Invitation is a member's invitation.
type Invitation struct {
	protocol.Invited
	Entry  protocol.EntryID
	By     string // handle of the inviter
	Status InvitationStatus
	UsedBy string // status used: the handle admitted; applied: the handle applied for
}

// Application is an application to join.
type Application struct {
	protocol.Application
	Entry       protocol.EntryID
	Fingerprint string // of the new root key, to compare by telephone
	InvitedBy   string // handle; empty if the invitation is unknown
	Status      ApplicationStatus
}

// joining is invitations and applications, judged as far as no day is needed.
type joining struct {
	invitations  []Invitation
	applications []Application
}

// Invitations lists the invitations that members have made, in order of entry id.
// asOf is Unix seconds. One counts while its entry stands in a feed of a member; of
// two entries for one key the lower id counts.
func (s State) Invitations(asOf int64) []Invitation {
	out := slices.Clone(s.v.joining.invitations)
	for i := range out {
		if out[i].Status == InvitationOpen && asOf > out[i].Expires {
			out[i].Status = InvitationExpired
		}
	}
	return out
}

// Invitation finds one by the public half of its seed. Absent: false.
func (s State) Invitation(key protocol.PublicKey, asOf int64) (Invitation, bool) {
	for _, i := range s.Invitations(asOf) {
		if i.Key == key {
			return i, true
		}
	}
	return Invitation{}, false
}

// Applications lists applications in order of handle and root key, each root key once
// for an invitation. That an applicant came in time is for the inviter's node to see,
// which takes applications only then.
//
// An invitation works once. An act that names it settles who used it. Until then, the
// first application in the inviter's own feed counts, because one writer's order has
// one answer everywhere; where there is none, the first in order of feed, position.
func (s State) Applications() []Application { return slices.Clone(s.v.joining.applications) }

func (f *Folder) joining(v *view) joining {
	s := State{v}
	var out joining
	invited := map[protocol.PublicKey]int{}
	feeds := map[protocol.PublicKey]protocol.FeedID{}
	for _, id := range slices.SortedFunc(maps.Keys(f.invitations), compareCID) {
		i := f.invitations[id]
		if _, twice := invited[i.invited.Key]; twice || !s.stands(i.carrier) {
			continue
		}
		in, _ := v.inceptions.get(i.feed)
		by := s.Limit(i.feed, in.root, in.node).Member
		invited[i.invited.Key] = len(out.invitations)
		feeds[i.invited.Key] = i.feed
		out.invitations = append(out.invitations, Invitation{Invited: i.invited, Entry: id, By: by, Status: InvitationOpen})
	}
	for key, handle := range v.line.used {
		if n, ok := invited[key]; ok {
			out.invitations[n].Status, out.invitations[n].UsedBy = InvitationUsed, handle
		}
	}

	var queue []applying
	for _, a := range f.applications {
		if s.stands(a.carrier) {
			queue = append(queue, a)
		}
	}
	slices.SortFunc(queue, func(a, b applying) int {
		inviter := func(x applying) int {
			if feed, ok := feeds[x.application.Invitation]; ok && x.feed == feed {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(inviter(a), inviter(b)), compareCID(a.feed, b.feed), cmp.Compare(a.seq, b.seq), compareCID(a.entry, b.entry))
	})
	type pair struct{ invitation, root protocol.PublicKey }
	seen, first := map[pair]bool{}, map[protocol.PublicKey]protocol.PublicKey{}
	for _, a := range queue {
		app := a.application
		key := pair{app.Invitation, app.Member.Root}
		if seen[key] {
			continue
		}
		seen[key] = true
		if _, taken := first[app.Invitation]; !taken {
			first[app.Invitation] = app.Member.Root
		}
		show := Application{Application: app, Entry: a.entry, Fingerprint: app.Member.Root.Fingerprint(), Status: ApplicationPending}
		n, known := invited[app.Invitation]
		if known {
			show.InvitedBy = out.invitations[n].By
		}
		admitted, isMember := v.line.roots[app.Member.Root]
		_, handleTaken := v.line.members[app.Member.Handle]
		usedBy, used := v.line.used[app.Invitation]
		switch {
		case isMember:
			show.Status = ApplicationAdmitted
		case used && usedBy != admitted, first[app.Invitation] != app.Member.Root:
			show.Status = ApplicationUsed
		case !known:
			show.Status = ApplicationUnknown
		case handleTaken:
			show.Status = ApplicationTaken
		}
		if known && out.invitations[n].Status == InvitationOpen {
			out.invitations[n].Status, out.invitations[n].UsedBy = InvitationApplied, app.Member.Handle
		}
		out.applications = append(out.applications, show)
	}
	slices.SortFunc(out.applications, func(a, b Application) int {
		return cmp.Or(strings.Compare(a.Member.Handle, b.Member.Handle), compareRoots(a, b), compareCID(a.Entry, b.Entry))
	})
	return out
}

func compareRoots(a, b Application) int {
	return strings.Compare(string(a.Member.Root[:]), string(b.Member.Root[:]))
}
