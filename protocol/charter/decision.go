package charter

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/dure-net/dure/protocol"
)

// By says who decides: the electors that the rules name, or the assembly of all full
// members. The words travel. Append only.
type By string

const (
	ByElectors By = "electors"
	ByAssembly By = "assembly"
)

func (b By) valid() bool { return b == ByElectors || b == ByAssembly }

// Decision is a tabled change, the body of a KindDecision entry. The CID of that body
// is the decision's id and, once a certificate makes it an act, the act's id.
type Decision struct {
	Number  uint64          `cbor:"n" json:"n"`                         // of the act it wants to be
	Prev    protocol.ActID  `cbor:"prev" json:"prev"`                   // the act before; the federation's id for number 1
	Cert    protocol.BodyID `cbor:"cert,omitzero" json:"cert,omitzero"` // the certificate of Prev that it builds on; absent for number 1
	By      By              `cbor:"by" json:"by"`
	Title   protocol.Text   `cbor:"title" json:"title"`
	Reason  protocol.Text   `cbor:"reason,omitempty" json:"reason,omitempty"`
	Changes []Change        `cbor:"changes,omitempty" json:"changes,omitempty"` // none: a resolution in words, or the assembly accepting the line so far
}

func (d Decision) check() error {
	switch {
	case d.Number == 0 || d.Prev.IsZero() || (d.Number == 1) != d.Cert.IsZero():
		return malformed("cert", "a decision names the act before it and, from number 2, that act's certificate")
	case !d.By.valid():
		return malformed("by", "want electors or assembly")
	case len(d.Title) == 0:
		return malformed("title", "missing")
	case len(d.Changes) > protocol.MaxSet:
		return &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "check decision", Field: "changes",
			Err: fmt.Errorf("%d changes, the limit is %d", len(d.Changes), protocol.MaxSet)}
	}
	if err := checkText(d.Title, "title", MaxDecisionText); err != nil {
		return err
	}
	if err := checkText(d.Reason, "reason", MaxReason); err != nil {
		return err
	}
	for i, c := range d.Changes {
		if err := c.check(fmt.Sprintf("changes[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

// Body writes the body block of a governance entry and its id. Governance bodies
// cannot be erased and so need no salt: with none, the same content has one id
// wherever it is written, and nodes that gather the same certificate publish one block.
func Body(content any) ([]byte, protocol.BodyID, error) {
	raw, err := protocol.EncodeBody(protocol.Salt{}, content)
	if err != nil {
		return nil, protocol.BodyID{}, err
	}
	return raw, protocol.Sum(raw), nil
}

// DecodeDecision, DecodeAnswer, DecodeCertificate and DecodeRound read bodies. They
// look at the form alone, and are strict: unlike a record, a governance body with a
// field that this node does not know is refused (ReasonTooNew), because half of a
// decision must not be judged as if it were the whole.
func DecodeDecision(body []byte) (Decision, error) { return open(body, Decision.check) }

func open[T any](body []byte, check func(T) error) (T, error) {
	var zero T
	var form struct {
		Data T             `cbor:"data"`
		Salt protocol.Salt `cbor:"salt"`
	}
	if len(body) > protocol.MaxBodyBytes {
		return zero, protocol.Fail(protocol.ReasonTooLarge, "open governance body", nil)
	}
	if err := protocol.Decode(body, &form); err != nil {
		return zero, err
	}
	again, err := protocol.Encode(&form)
	if err != nil {
		return zero, err
	}
	if !bytes.Equal(again, body) {
		return zero, protocol.Fail(protocol.ReasonTooNew, "open governance body", errors.New("it says more than this node understands"))
	}
	if err := check(form.Data); err != nil {
		return zero, err
	}
	return form.Data, nil
}

func malformed(field, why string) error {
	return &protocol.Error{Reason: protocol.ReasonMalformed, Op: "check governance body", Field: field, Err: errors.New(why)}
}

const dayForm = "2006-01-02"

func isDay(text string) bool {
	t, err := time.Parse(dayForm, text)
	return err == nil && t.Format(dayForm) == text
}

// daysBefore is the day n days before day, which must be one.
func daysBefore(day string, n uint64) string {
	t, err := time.Parse(dayForm, day)
	if err != nil {
		panic("dure: internal error: a day was not checked")
	}
	return t.AddDate(0, 0, -int(n)).Format(dayForm)
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80]
	}
	return s
}
