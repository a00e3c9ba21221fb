// Package media owns what a file's bytes are: which of the types that a record may name,
// and whether they tell where a picture was taken. It looks at beginnings and lists of
// contents alone: it never unpacks, decodes or changes a file, and never trusts its name
// beyond telling a table from other text.
package media

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"path"
	"strings"
	"unicode/utf16"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

// headBytes is how much of a file tells what it is; http.DetectContentType looks at no more.
const headBytes = 512

// textBytes is how much of a text is looked at for bytes that no text has.
const textBytes = 64 << 10

// maxPixels bounds a picture, whose pixels a reader's browser holds in memory: 16,000 by
// 16,000, four times those of the largest cameras. Beyond: it is refused.
const maxPixels = 256 << 20

// kinds are the types that a record may name: how such a file is called, and whether a
// page may show it in its place.
var kinds = map[string]struct {
	extension string
	picture   bool
}{
	"application/pdf": {extension: ".pdf"},
	"image/png":       {".png", true},
	"image/jpeg":      {".jpg", true},
	"image/webp":      {".webp", true},
	"text/plain":      {extension: ".txt"},
	"text/csv":        {extension: ".csv"},
	"application/vnd.oasis.opendocument.text":                                   {extension: ".odt"},
	"application/vnd.oasis.opendocument.spreadsheet":                            {extension: ".ods"},
	"application/vnd.oasis.opendocument.presentation":                           {extension: ".odp"},
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document":   {extension: ".docx"},
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":         {extension: ".xlsx"},
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": {extension: ".pptx"},
	"application/hwp+zip": {extension: ".hwpx"},
}

// Extension is how names of files of a type end; "" for one that no record may name.
func Extension(mediaType string) string { return kinds[mediaType].extension }

// IsPicture reports whether a page may show files of this type in their place.
func IsPicture(mediaType string) bool { return kinds[mediaType].picture }

// Extensions lists how names of files end that may go with a record, in the order of the
// code list. The slice is the caller's.
func Extensions() []string {
	var out []string
	for _, code := range record.Codes(record.MediaTypes) {
		out = append(out, Extension(code))
	}
	return out
}

func refused(what string) error {
	return &protocol.Error{Reason: protocol.ReasonInvalid, Op: "look at file", Field: "media_type", Args: map[string]string{"refused": what}}
}

// TypeOf is the type of a file of so many bytes: one of record.MediaTypes. name tells a
// table from other text and is not believed otherwise. Anything else is ReasonInvalid with
// Field "media_type" and in Args "refused" what it seems to be.
func TypeOf(r io.ReaderAt, size int64, name string) (string, error) {
	head := make([]byte, min(size, textBytes))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return "", protocol.Fail(protocol.ReasonInternal, "look at file", err)
	}
	switch seems := Seems(head); seems {
	case "application/zip":
		return packed(r, size)
	case "image/png", "image/jpeg", "image/webp":
		w, h := dimensions(r, size, seems)
		if w == 0 || h == 0 {
			return "", refused("image")
		}
		if w*h > maxPixels {
			return "", &protocol.Error{Reason: protocol.ReasonTooLarge, Op: "look at file", Field: "media_type"}
		}
		return seems, nil
	case "application/pdf":
		return seems, nil
	case "text/plain":
		if strings.EqualFold(path.Ext(name), ".csv") {
			return "text/csv", nil
		}
		return seems, nil
	default:
		return "", refused(seems)
	}
}

// Seems is what the beginning of a file looks like: "application/zip" for all that is
// packed, "text/plain" for text that no program takes for its own, and otherwise what
// browsers would take it for.
func Seems(head []byte) string {
	seems, _, _ := strings.Cut(http.DetectContentType(head[:min(len(head), headBytes)]), ";")
	if seems != "text/plain" {
		return seems
	}
	text := plainText(head)
	if text == nil {
		return "application/octet-stream"
	}
	text = bytes.TrimLeft(text, " \t\r\n\f\ufeff")
	switch {
	case bytes.HasPrefix(text, []byte("<?xml")) && bytes.Contains(bytes.ToLower(text), []byte("<svg")), hasPrefixFold(text, "<svg"):
		return "image/svg+xml"
	case bytes.HasPrefix(text, []byte("<")): // pages and drawings, whatever they begin with
		return "text/html"
	case bytes.HasPrefix(text, []byte("#!")):
		return "text/x-script"
	case bytes.HasPrefix(text, []byte("{\\rtf")):
		return "text/rtf"
	}
	return seems
}

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && strings.EqualFold(string(b[:len(prefix)]), prefix)
}

// plainText is the text without a byte order mark, as bytes of which ASCII can be read; nil
// where it holds what no text has.
func plainText(head []byte) []byte {
	order := binary.ByteOrder(nil)
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	}
	if order != nil { // as spreadsheets save it
		units := make([]uint16, 0, len(head)/2)
		for i := 2; i+1 < len(head); i += 2 {
			units = append(units, order.Uint16(head[i:]))
		}
		head = []byte(string(utf16.Decode(units)))
	}
	head = bytes.TrimPrefix(head, []byte("\ufeff"))
	for _, b := range head {
		if b < 0x20 && b != '\t' && b != '\n' && b != '\r' && b != '\f' && b != 0x1b {
			return nil
		}
	}
	return append([]byte{}, head...)
}

// packed is the type of a packed document, told by the list of what is in it. Nothing is
// unpacked: the one part that is read is stored as it is.
func packed(r io.ReaderAt, size int64) (string, error) {
	list, err := zip.NewReader(r, size)
	if err != nil {
		return "", refused("application/zip")
	}
	parts := map[string]bool{}
	for _, f := range list.File {
		name := strings.ToLower(f.Name)
		if strings.HasSuffix(name, "vbaproject.bin") || strings.HasPrefix(name, "basic/") || strings.HasPrefix(name, "scripts/") {
			return "", refused("macros")
		}
		parts[name] = true
	}
	if len(list.File) > 0 && list.File[0].Name == "mimetype" && list.File[0].Method == zip.Store {
		f, err := list.File[0].OpenRaw()
		if err == nil {
			said, _ := io.ReadAll(io.LimitReader(f, 128))
			if code := strings.TrimSpace(string(said)); record.Has(record.MediaTypes, code) && isPacked(code) {
				return code, nil
			}
		}
		return "", refused("application/zip")
	}
	if parts["[content_types].xml"] {
		for part, code := range map[string]string{
			"word/document.xml":    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
			"xl/workbook.xml":      "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
			"ppt/presentation.xml": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
		} {
			if parts[part] {
				return code, nil
			}
		}
	}
	return "", refused("application/zip")
}

// isPacked reports whether files of this type are packed ones.
func isPacked(mediaType string) bool {
	return strings.HasPrefix(mediaType, "application/vnd.") || mediaType == "application/hwp+zip"
}

// Fits reports whether the beginning of a file is that of the type which a record says it
// has. The lists of packed documents stand at their ends and are not looked at: nothing
// that Fits lets through is shown in a page but pictures.
func Fits(head []byte, mediaType string) bool {
	seems := Seems(head)
	switch {
	case seems == mediaType:
		return Extension(mediaType) != ""
	case mediaType == "text/csv":
		return seems == "text/plain"
	case seems == "application/zip":
		return isPacked(mediaType)
	}
	return false
}
