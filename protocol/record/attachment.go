package record

import (
	"reflect"
	"slices"
	"strconv"

	"github.com/dure-net/dure/protocol"
)

// Attachment names a file that goes with a record. The ledger holds its description; ID
// is the CID of the file's protocol.Manifest, which names its chunks.
type Attachment struct {
	ID        protocol.CID `cbor:"id" json:"id"`
	MediaType string       `cbor:"media_type" json:"media_type"`
	Bytes     uint64       `cbor:"bytes" json:"bytes"`
	Title     Text         `cbor:"title" json:"title"`
}

// FilesOf lists the files that go with a record, in its own order. The slice is the
// caller's.
func FilesOf(r Record) []Attachment {
	v := reflect.Indirect(reflect.ValueOf(r))
	if v.Kind() != reflect.Struct {
		return nil
	}
	f := v.FieldByName("Attachments") // one name in every type that has files; a test holds it
	if !f.IsValid() {
		return nil
	}
	files, _ := f.Interface().([]Attachment)
	return slices.Clone(files)
}

// HasFiles reports whether bodies of this kind may name files.
func HasFiles(kind protocol.Kind) bool {
	return slices.ContainsFunc(Fields(kind), func(f Field) bool { return f.Path == "attachments" })
}

// MaxAttachments is how many files a record may name.
const MaxAttachments = maxAttachments

// file takes the id of a file: in JSON the text of its CID, in bodies a link. It names a
// manifest, which is a block; no short number or prefix stands for it.
func (o *object) file(path string, v any) (protocol.CID, bool) {
	if text, ok := v.(string); ok && !o.body {
		id, err := protocol.ParseCID(text)
		if err != nil {
			o.fault(path, FaultBadFormat, text, "format", "attachment_id")
			return id, false
		}
		v = id
	}
	return o.link(path, v, protocol.CodecDagCBOR, "attachment_id")
}

func (o *object) attachments() []Attachment {
	first := map[protocol.CID]string{}
	return each(o, "attachments", may, maxAttachments, func(o *object) Attachment {
		var a Attachment
		if v, ok := o.take("id", must, "attachment id", ""); ok {
			if a.ID, ok = o.file(o.at("id"), v); ok {
				if seen := first[a.ID]; seen != "" {
					o.fault(o.at("id"), FaultDuplicate, a.ID.String(), "first", seen)
				} else {
					first[a.ID] = o.at("id")
				}
			}
		}
		a.MediaType = o.code("media_type", must, MediaTypes)
		if v, ok := o.take("bytes", must, "integer", "1 to 10485760"); ok {
			n, ok := o.integer(o.at("bytes"), v)
			if ok && (n < 1 || n > maxAttachmentBytes) {
				o.fault(o.at("bytes"), FaultOutOfRange, strconv.FormatUint(n, 10), "min", "1", "max", itoa(maxAttachmentBytes))
			}
			a.Bytes = n
		}
		a.Title = o.text("title", must, maxTitle, oneLine)
		return a
	})
}
