package record

import "github.com/dure-net/dure/protocol"

// Collection is an ordered, commented set of records, of experiences above all, with the
// conditions under which they can be carried elsewhere: a development model, a reader for
// a training. It copies nothing: what it names stays its owner's.
type Collection struct {
	Base
	Title              Text         `cbor:"title" json:"title"`
	Summary            Text         `cbor:"summary" json:"summary"`
	Body               Text         `cbor:"body,omitempty" json:"body,omitempty"` // the introduction
	Items              []Item       `cbor:"items" json:"items"`
	TransferConditions []string     `cbor:"transfer_conditions,omitempty" json:"transfer_conditions,omitempty"`
	Conditions         Text         `cbor:"conditions,omitempty" json:"conditions,omitempty"` // the same in words
	Themes             []string     `cbor:"themes" json:"themes"`
	SDGs               []uint64     `cbor:"sdgs,omitempty" json:"sdgs,omitempty"`
	Licence            string       `cbor:"licence" json:"licence"` // of the comments
	Attachments        []Attachment `cbor:"attachments,omitempty" json:"attachments,omitempty"`
}

// Item is one record of a collection and why it stands there.
type Item struct {
	Record             *protocol.RecordID `cbor:"record" json:"record"`
	Comment            Text               `cbor:"comment,omitempty" json:"comment,omitempty"`
	TransferConditions []string           `cbor:"transfer_conditions,omitempty" json:"transfer_conditions,omitempty"`
}

const (
	maxItems       = 60
	maxComment     = 1000
	maxIntro       = 8000
	maxConditioned = 2000
)

func (c *Collection) Kind() protocol.Kind { return protocol.KindCollection }
func (c *Collection) Content() any        { return c }
func (c *Collection) Head() Head          { return headOf(c) }

func (c *Collection) Refs() []protocol.CID {
	var ids []*protocol.CID
	for i := range c.Items {
		ids = append(ids, c.Items[i].Record)
	}
	return links(ids...)
}

func bindCollection(o *object) Record {
	c := &Collection{Base: o.base(protocol.KindCollection)}
	c.Title = o.text("title", must, maxTitle, oneLine)
	c.Summary = o.text("summary", must, maxSummary, lines)
	c.Body = o.text("body", want{doc: "the introduction"}, maxIntro, lines)
	first := map[protocol.CID]string{}
	c.Items = each(o, "items", needs("in the order in which they are to be read"), maxItems, func(o *object) Item {
		i := Item{Record: o.ref("record", must)}
		if i.Record != nil {
			if seen := first[*i.Record]; seen != "" {
				o.fault(o.at("record"), FaultDuplicate, i.Record.String(), "first", seen)
			} else {
				first[*i.Record] = o.at("record")
			}
		}
		i.Comment = o.text("comment", may, maxComment, lines)
		i.TransferConditions = o.codes("transfer_conditions", may, TransferConditions, 0, maxConditions)
		return i
	})
	c.TransferConditions = o.codes("transfer_conditions", may, TransferConditions, 0, maxConditions)
	c.Conditions = o.text("conditions", want{doc: "what it takes to do the same elsewhere"}, maxConditioned, lines)
	c.Themes = o.codes("themes", must, Themes, 1, 5)
	c.SDGs = o.sdgs(5)
	c.Licence = o.code("licence", needs("of the comments; each record keeps its own"), Licences)
	c.Attachments = o.attachments()
	c.Machine = o.machine()
	return c
}
