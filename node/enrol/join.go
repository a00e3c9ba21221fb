package enrol

import (
	"context"
	"log/slog"
	"time"

	"github.com/dure-net/dure/node/home"
	"github.com/dure-net/dure/protocol"
)

// JoinOptions say how a home joins a federation.
type JoinOptions struct {
	Root    protocol.PrivateKey // of the joining member; not kept
	Line    string              // the pasted invitation
	Timeout time.Duration       // for reaching the inviter; 0: DialTime
	Logger  *slog.Logger
	Now     func() time.Time
}

// DialTime is how long a joining node tries the inviter's addresses before it says
// that none of them answers.
const DialTime = 20 * time.Second

// Joined is how a joining stands.
type Joined struct {
	Federation  protocol.FederationID
	Names       protocol.Text
	Fingerprint string // of the root key, to compare by telephone
	Pending     bool   // the electors have not decided yet
}

// Join applies to the federation of an invitation and writes this node's papers. It
// needs the network for a moment; the papers are written before, so that a joining
// that was interrupted is taken up again by calling Join, or by starting the node.
//
// An invitation without a seed is for founders and for further nodes of a member.
func Join(ctx context.Context, h *home.Home, o JoinOptions) (Joined, error) {
	now := clock(o.Now)
	inv, err := protocol.ParseInvitation(o.Line)
	if err != nil {
		return Joined{}, err
	}
	if err := h.CheckRoot(o.Root); err != nil {
		return Joined{}, err
	}
	if _, id, _, err := h.Founding(); err == nil && id != inv.Federation {
		return Joined{}, &protocol.Error{Reason: protocol.ReasonFederated, Op: "join", Args: map[string]string{"path": h.Dir()}}
	}
	if inv.Expires > 0 && inv.Expires < now().Unix() {
		return Joined{}, &protocol.Error{Reason: protocol.ReasonInvitationExpired, Op: "join",
			Args: map[string]string{"expired": time.Unix(inv.Expires, 0).UTC().Format(time.DateOnly)}}
	}
	me, err := h.Member()
	if err != nil {
		return Joined{}, err
	}
	release, err := h.Lock() // a running node would not know of papers that change under it
	if err != nil {
		return Joined{}, err
	}
	defer release()
	pending := home.Pending{Invitation: inv, Since: now().Unix()}
	if len(inv.Seed) > 0 {
		a, err := protocol.Application{Federation: inv.Federation, Member: me}.Sign(o.Root, inv.Key())
		if err != nil {
			return Joined{}, err
		}
		pending.Application = &a
	}
	if err := Papers(h, inv.Federation, o.Root, now); err != nil {
		return Joined{}, err
	}

	out := Joined{Federation: inv.Federation, Names: inv.Name, Fingerprint: me.Root.Fingerprint()}
	door, err := callOut(h, inv.Federation, o, inv.Node)
	if err != nil {
		return out, err
	}
	answer, err := door.knock(ctx, h, inv, pending.Application)
	door.leave()
	if err != nil {
		return out, err
	}
	if err := h.SavePending(pending); err != nil {
		return out, err
	}
	if answer.Designation > 0 {
		// Another node answers for the member: which one does is for its root key to say anew.
		if err := h.ClearGoverning(); err != nil {
			return out, err
		}
	}
	if len(answer.Founding) > 0 {
		f, id, err := protocol.DecodeFoundingAct(answer.Founding)
		if err != nil {
			return out, err
		}
		if id != inv.Federation {
			return out, &protocol.Error{Reason: protocol.ReasonWrongFederation, Op: "join",
				Args: map[string]string{"ours": inv.Federation.String(), "theirs": id.String()}}
		}
		if err := h.SaveFounding(answer.Founding); err != nil {
			return out, err
		}
		out.Names = f.Names
	}
	out.Pending = answer.State == protocol.JoinPending
	return out, nil
}
