package home

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/dure-net/dure/protocol"
)

// Papers are what a member holds beside its keys: who it is, which federation it
// belongs to, and what its root key signed for this node. Each is checked for form
// when saved and when read: a paper that does not read back is ReasonDamaged.

// homeVersion is the layout of this directory. Rises with a layout that an older dure
// would misread; such a home is ReasonTooNew for it.
const homeVersion = 1

type memberPaper struct {
	Version int                  `json:"version"`
	Member  protocol.MemberFacts `json:"member"`
}

// Member is the member whose node this is. Its Root is the public root key; the
// private one is never here.
func (h *Home) Member() (protocol.MemberFacts, error) {
	raw, err := readBounded(h.path(memberFile), maxPaper)
	if err != nil {
		return protocol.MemberFacts{}, h.readError("read member", memberFile, err)
	}
	p, err := decodeMember(raw)
	if err != nil {
		return protocol.MemberFacts{}, h.paperError(memberFile, err)
	}
	return p, nil
}

func decodeMember(raw []byte) (protocol.MemberFacts, error) {
	var version struct {
		Version int `json:"version"`
	}
	if err := decodeLoose(raw, &version); err != nil {
		return protocol.MemberFacts{}, err
	}
	if version.Version > homeVersion {
		return protocol.MemberFacts{}, protocol.Fail(protocol.ReasonTooNew, "read member", fmt.Errorf("home version %d", version.Version))
	}
	var p memberPaper
	if err := decodeJSON(raw, &p); err != nil {
		return protocol.MemberFacts{}, err
	}
	if p.Version != homeVersion {
		return protocol.MemberFacts{}, fmt.Errorf("home version %d", p.Version)
	}
	return p.Member, p.Member.Check("member")
}

// SaveMember replaces the member's facts.
func (h *Home) SaveMember(m protocol.MemberFacts) error {
	if err := m.Check("member"); err != nil {
		return err
	}
	raw, err := encodeJSON(memberPaper{homeVersion, m})
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.write(memberFile, raw, plainMode)
}

// Founding is the founding act of this node's federation, its id and its exact bytes,
// which are the caller's. ReasonNotFederated where the home has none.
func (h *Home) Founding() (protocol.FoundingAct, protocol.FederationID, []byte, error) {
	raw, err := readBounded(h.path(foundingFile), maxPaper)
	if errors.Is(err, fs.ErrNotExist) {
		return protocol.FoundingAct{}, protocol.FederationID{}, nil,
			&protocol.Error{Reason: protocol.ReasonNotFederated, Op: "read founding act", Args: map[string]string{"path": h.dir}}
	}
	if err != nil {
		return protocol.FoundingAct{}, protocol.FederationID{}, nil, h.readError("read founding act", foundingFile, err)
	}
	act, id, err := protocol.DecodeFoundingAct(raw)
	if err != nil {
		return protocol.FoundingAct{}, protocol.FederationID{}, nil, h.paperError(foundingFile, err)
	}
	return act, id, raw, nil
}

// SaveFounding ties the home to the federation whose founding act this is. The same
// act again changes nothing; another is ReasonFederated: a home belongs to one.
func (h *Home) SaveFounding(raw []byte) error {
	_, id, err := protocol.DecodeFoundingAct(raw)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch _, have, _, err := h.Founding(); {
	case err == nil && have == id:
		return nil
	case err == nil:
		return &protocol.Error{Reason: protocol.ReasonFederated, Op: "save founding act",
			Args: map[string]string{"path": h.dir, "ours": have.String(), "theirs": id.String()}}
	case protocol.ReasonOf(err) != protocol.ReasonNotFederated:
		return err
	}
	return h.write(foundingFile, raw, plainMode)
}

// Inception is the first entry of the feed this node writes, or is to write; false
// where there is none yet.
func (h *Home) Inception() (protocol.Entry, bool, error) {
	raw, ok, err := h.readPaper(inceptionFile)
	if !ok || err != nil {
		return protocol.Entry{}, false, err
	}
	e, err := decodeInception(raw)
	if err != nil {
		return protocol.Entry{}, false, h.paperError(inceptionFile, err)
	}
	return e, true, nil
}

func decodeInception(raw []byte) (protocol.Entry, error) {
	e, err := protocol.DecodeEntry(raw)
	if err != nil {
		return protocol.Entry{}, err
	}
	if e.Seq() != 0 {
		return protocol.Entry{}, protocol.Fail(protocol.ReasonMalformed, "read inception", errors.New("not the first entry of a feed"))
	}
	return e, e.VerifyInception(e.Header().Init.Federation)
}

// SaveInception replaces the inception: a node that opens a new feed writes its own.
// It must be this node's: ReasonNotOwner otherwise.
func (h *Home) SaveInception(e protocol.Entry) error {
	if _, err := decodeInception(e.Bytes()); err != nil {
		return err
	}
	if e.Header().Init.Node != h.node.Public() {
		return protocol.Fail(protocol.ReasonNotOwner, "save inception", errors.New("made for another node key"))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.write(inceptionFile, e.Bytes(), plainMode)
}

// Governing is the root key's statement that makes this node the governing one, kept
// until it is published and after; false where there is none.
func (h *Home) Governing() (protocol.Statement, bool, error) {
	raw, ok, err := h.readPaper(governingFile)
	if !ok || err != nil {
		return protocol.Statement{}, false, err
	}
	s, err := decodeGoverning(raw)
	if err != nil {
		return protocol.Statement{}, false, h.paperError(governingFile, err)
	}
	return s, true, nil
}

func decodeGoverning(raw []byte) (protocol.Statement, error) {
	var s protocol.Statement
	if err := protocol.Decode(raw, &s); err != nil {
		return protocol.Statement{}, err
	}
	return s, checkGoverning(s)
}

func checkGoverning(s protocol.Statement) error {
	if s.Purpose != protocol.PurposeGovern {
		return protocol.Fail(protocol.ReasonMalformed, "read governing statement", errors.New("of another purpose"))
	}
	return s.Verify()
}

// SaveGoverning replaces the governing statement.
func (h *Home) SaveGoverning(s protocol.Statement) error {
	if err := checkGoverning(s); err != nil {
		return err
	}
	return h.savePaper(governingFile, &s, plainMode)
}

// ClearGoverning forgets the governing statement; none is as good.
func (h *Home) ClearGoverning() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.remove(governingFile)
}

// Pending is a joining under way: the invitation and, when the member is not admitted
// yet, its signed application.
type Pending struct {
	Invitation  protocol.Invitation   `cbor:"invitation"`
	Application *protocol.Application `cbor:"application,omitempty"` // nil: a further node of a member, or a founder
	Since       int64                 `cbor:"since"`                 // Unix seconds on this clock
}

// Pending is the joining under way; false where there is none.
func (h *Home) Pending() (Pending, bool, error) {
	raw, ok, err := h.readPaper(pendingFile)
	if !ok || err != nil {
		return Pending{}, false, err
	}
	p, err := decodePending(raw)
	if err != nil {
		return Pending{}, false, h.paperError(pendingFile, err)
	}
	return p, true, nil
}

func decodePending(raw []byte) (Pending, error) {
	var p Pending
	if err := protocol.Decode(raw, &p); err != nil {
		return Pending{}, err
	}
	return p, p.check()
}

func (p Pending) check() error {
	// An invitation's form is defined by its line.
	line, err := p.Invitation.Line()
	if err != nil {
		return err
	}
	if _, err := protocol.ParseInvitation(line); err != nil {
		return err
	}
	if p.Since < 0 {
		return protocol.Fail(protocol.ReasonMalformed, "read pending joining", errors.New("negative time"))
	}
	if p.Application != nil {
		return p.Application.Verify(p.Invitation.Federation)
	}
	return nil
}

// SavePending replaces the joining under way. Once there is an application, the
// invitation's seed has done its work and is not written down.
func (h *Home) SavePending(p Pending) error {
	if p.Application != nil {
		p.Invitation.Seed = nil
	}
	if err := p.check(); err != nil {
		return err
	}
	return h.savePaper(pendingFile, &p, secretMode)
}

// ClearPending ends the joining under way; none is as good.
func (h *Home) ClearPending() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.remove(pendingFile)
}

func (h *Home) savePaper(name string, v any, mode fs.FileMode) error {
	raw, err := protocol.Encode(v)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.write(name, raw, mode)
}

func (h *Home) readPaper(name string) ([]byte, bool, error) {
	raw, err := readBounded(h.path(name), maxPaper)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, h.readError("read "+name, name, err)
	}
	return raw, true, nil
}

// paperError is the error for a paper that does not read back: what a newer dure
// wrote, or what nobody wrote.
func (h *Home) paperError(name string, err error) error {
	reason := protocol.ReasonDamaged
	switch protocol.ReasonOf(err) {
	case protocol.ReasonTooNew, protocol.ReasonWrongVersion:
		reason = protocol.ReasonTooNew
	}
	return &protocol.Error{Reason: reason, Op: "read paper", ID: name, Args: map[string]string{"path": h.path(name)}, Err: err}
}
