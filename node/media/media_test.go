package media

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"strings"
	"testing"

	"github.com/dure-net/dure/protocol"
	"github.com/dure-net/dure/protocol/record"
)

func packedOf(t testing.TB, parts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, p := range parts {
		name, content, _ := strings.Cut(p, "=")
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = f.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t testing.TB, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegOf(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 30, 20)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// exif is a TIFF with a position in it.
func exif(order binary.AppendByteOrder, mark string, lat, lon [3]uint32, refs string) []byte {
	b := order.AppendUint16([]byte(mark), 42)
	b = order.AppendUint32(b, 8)
	field := func(tag, typ uint16, count, value uint32) {
		b = order.AppendUint16(b, tag)
		b = order.AppendUint16(b, typ)
		b = order.AppendUint32(b, count)
		b = order.AppendUint32(b, value)
	}
	b = order.AppendUint16(b, 1)
	field(tagGPS, 4, 1, 8+2+12+4)
	b = order.AppendUint32(b, 0)
	b = order.AppendUint16(b, 4)
	at := uint32(len(b) + 4*12 + 4)
	letter := func(tag uint16, c byte) {
		field(tag, 2, 2, 0)
		b[len(b)-4] = c
	}
	letter(tagLatRef, refs[0])
	field(tagLat, typeRational, 3, at)
	letter(tagLonRef, refs[1])
	field(tagLon, typeRational, 3, at+24)
	b = order.AppendUint32(b, 0)
	for _, d := range [][3]uint32{lat, lon} {
		for _, n := range d {
			b = order.AppendUint32(order.AppendUint32(b, n), 1)
		}
	}
	return b
}

// withSegment puts a segment behind a JPEG's first marker.
func withSegment(jpg, content []byte) []byte {
	seg := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(content)+2))
	return append(append(append(bytes.Clone(jpg[:2]), seg...), content...), jpg[2:]...)
}

// withChunk puts a chunk behind a PNG's first one.
func withChunk(img []byte, name string, content []byte) []byte {
	c := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	c = append(append(c, name...), content...)
	c = append(c, 0, 0, 0, 0) // nobody here looks at the checksum
	return append(append(bytes.Clone(img[:33]), c...), img[33:]...)
}

func webpOf(chunks ...string) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WEBP")
	for _, c := range chunks {
		name, content := c[:4], c[4:]
		b = append(b, name...)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(content)))
		b = append(b, content...)
		if len(content)%2 == 1 {
			b = append(b, 0)
		}
	}
	return b
}

const vp8x = "VP8X\x00\x00\x00\x00\x1d\x00\x00\x13\x00\x00"

var docx = []string{"[Content_Types].xml=<Types/>", "word/document.xml=<w/>"}

func TestTypeOf(t *testing.T) {
	utf16 := []byte{0xff, 0xfe, 'a', 0, ',', 0, 'b', 0, '\n', 0}
	html16 := []byte{0xff, 0xfe, '<', 0, 'p', 0, '>', 0}
	wide := pngOf(t, 3, 3)
	binary.BigEndian.PutUint32(wide[16:], 1<<31)
	const odt = "application/vnd.oasis.opendocument.text"
	for _, c := range []struct {
		what, name string
		file       []byte
		want       string // "!" and what it seems to be where it is refused
	}{
		{"a PDF", "보고서.pdf", []byte("%PDF-1.7\n"), "application/pdf"},
		{"a PDF called a picture", "a.png", []byte("%PDF-1.7\n"), "application/pdf"},
		{"a PNG", "a.png", pngOf(t, 3, 3), "image/png"},
		{"a JPEG", "a", jpegOf(t), "image/jpeg"},
		{"a WebP", "a", webpOf(vp8x), "image/webp"},
		{"a text", "a.txt", []byte("두레\r\n"), "text/plain"},
		{"a table", "a.CSV", []byte("이름,수\n의자,3\n"), "text/csv"},
		{"a table in the Korean code page", "a.csv", []byte{0xc0, 0xc7, 0xc0, 0xda, ',', '3', '\n'}, "text/csv"},
		{"a table as spreadsheets save it", "a.csv", utf16, "text/csv"},
		{"an OpenDocument text", "a.odt", packedOf(t, "mimetype="+odt, "content.xml="), odt},
		{"a Hangul document", "a.hwpx", packedOf(t, "mimetype=application/hwp+zip", "Contents/section0.xml="), "application/hwp+zip"},
		{"a Word document", "a.docx", packedOf(t, docx...), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{"an Excel sheet", "a.xlsx", packedOf(t, "[Content_Types].xml=", "xl/workbook.xml="), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},

		{"a page", "a.txt", []byte("<!doctype html><p>x"), "!text/html"},
		{"a page behind spaces and a mark", "a.txt", []byte("\xef\xbb\xbf \n <P>x"), "!text/html"},
		{"a page in sixteen bits", "a.csv", html16, "!text/html"},
		{"a drawing", "a.png", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>`), "!image/svg+xml"},
		{"a drawing behind a declaration", "a.txt", []byte(`<?xml version="1.0"?><svg/>`), "!text/xml"},
		{"a script", "a.txt", []byte("#!/bin/sh\nrm -rf /\n"), "!text/x-script"},
		{"a program", "a.pdf", []byte("MZ\x90\x00\x03\x00\x00\x00"), "!application/octet-stream"},
		{"a text with a zero byte far behind", "a.txt", append(bytes.Repeat([]byte("x"), 10_000), 0, 'x'), "!application/octet-stream"},
		{"an archive", "a.docx", packedOf(t, "virus.exe="), "!application/zip"},
		{"an archive cut short", "a.docx", packedOf(t, docx...)[:40], "!application/zip"},
		{"a document with macros", "a.docx", packedOf(t, append(docx, "word/vbaProject.bin=x")...), "!macros"},
		{"an OpenDocument text with macros", "a.odt", packedOf(t, "mimetype="+odt, "Basic/Standard/script-lb.xml="), "!macros"},
		{"an archive that calls itself a picture", "a.png", packedOf(t, "mimetype=image/png"), "!application/zip"},
		{"a GIF", "a.gif", []byte("GIF89a\x01\x00\x01\x00"), "!image/gif"},
		{"half a picture", "a.png", pngOf(t, 3, 3)[:20], "!image"},
		{"a picture of 2^31 pixels a line", "a.png", wide, "!"},
	} {
		got, err := TypeOf(bytes.NewReader(c.file), int64(len(c.file)), c.name)
		want, no := strings.CutPrefix(c.want, "!")
		switch {
		case no && want == "":
			if protocol.ReasonOf(err) != protocol.ReasonTooLarge {
				t.Errorf("%s: %q, %v", c.what, got, err)
			}
		case no:
			e, _ := err.(*protocol.Error)
			if protocol.ReasonOf(err) != protocol.ReasonInvalid || e.Args["refused"] != want {
				t.Errorf("%s: %q, %v", c.what, got, err)
			}
		case err != nil || got != want:
			t.Errorf("%s: %q, %v, want %q", c.what, got, err, want)
		case !Fits(c.file[:min(len(c.file), 1000)], got):
			t.Errorf("%s does not fit its own type", c.what)
		}
	}
}

// Every type that a record may name has an extension here, and no other has.
func TestKinds_AreTheCodeList(t *testing.T) {
	codes := record.Codes(record.MediaTypes)
	for _, code := range codes {
		if Extension(code) == "" {
			t.Errorf("%s has no extension", code)
		}
	}
	if len(codes) != len(kinds) {
		t.Errorf("%d types, and records may name %d", len(kinds), len(codes))
	}
}

// What a hostile member calls a picture is one, or is not shown.
func TestFits_NotAnotherType(t *testing.T) {
	page := []byte("<html><script>alert(1)</script>")
	for code := range kinds {
		if Fits(page, code) {
			t.Errorf("a page is taken for %s", code)
		}
	}
	for _, c := range []struct {
		head []byte
		code string
	}{{pngOf(t, 1, 1), "image/jpeg"}, {[]byte("%PDF-1.7"), "image/png"}, {packedOf(t, docx...), "image/png"}, {[]byte("x"), "application/pdf"}, {[]byte("%PDF-1.7"), "text/plain"}, {page, "text/html"}} {
		if Fits(c.head, c.code) {
			t.Errorf("%q is taken for %s", c.head[:min(8, len(c.head))], c.code)
		}
	}
}

func TestPosition(t *testing.T) {
	seoul := exif(binary.LittleEndian, "II", [3]uint32{37, 33, 59}, [3]uint32{126, 58, 41}, "NE")
	lima := exif(binary.BigEndian, "MM", [3]uint32{12, 2, 36}, [3]uint32{77, 1, 42}, "SW")
	nowhere := exif(binary.BigEndian, "MM", [3]uint32{}, [3]uint32{}, "NE")
	tagged := func(b []byte) []byte { return append([]byte("Exif\x00\x00"), b...) }
	for _, c := range []struct {
		what, typ string
		file      []byte
		want      string
	}{
		{"a JPEG from Seoul", "image/jpeg", withSegment(jpegOf(t), tagged(seoul)), "37.5664, 126.9781"},
		{"a JPEG from Lima", "image/jpeg", withSegment(jpegOf(t), tagged(lima)), "-12.0433, -77.0283"},
		{"a PNG from Seoul", "image/png", withChunk(pngOf(t, 2, 2), "eXIf", seoul), "37.5664, 126.9781"},
		{"a WebP from Lima", "image/webp", webpOf(vp8x, "EXIF"+string(lima)), "-12.0433, -77.0283"},
		{"a JPEG with XMP", "image/jpeg", withSegment(jpegOf(t), []byte("http://ns.adobe.com/xap/1.0/\x00<x exif:GPSLatitude=\"37,33N\"/>")), "?"},
		{"a JPEG without", "image/jpeg", jpegOf(t), ""},
		{"a camera that knew no position", "image/jpeg", withSegment(jpegOf(t), tagged(nowhere)), ""},
		{"EXIF cut short", "image/jpeg", withSegment(jpegOf(t), tagged(seoul[:40])), ""},
		{"a PDF", "application/pdf", []byte("%PDF-1.7"), ""},
	} {
		where, ok := Position(bytes.NewReader(c.file), int64(len(c.file)), c.typ)
		if where != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v, want %q", c.what, where, ok, c.want)
		}
	}
}

// Bytes from anybody neither panic nor keep the reader long.
func FuzzMedia(f *testing.F) {
	f.Add(withSegment(jpegOf(f), append([]byte("Exif\x00\x00"), exif(binary.BigEndian, "MM", [3]uint32{1, 2, 3}, [3]uint32{4, 5, 6}, "NE")...)))
	f.Add(withChunk(pngOf(f, 2, 2), "eXIf", exif(binary.LittleEndian, "II", [3]uint32{1, 2, 3}, [3]uint32{4, 5, 6}, "NE")))
	f.Add(webpOf(vp8x, "EXIF"+string(exif(binary.LittleEndian, "II", [3]uint32{1, 2, 3}, [3]uint32{4, 5, 6}, "NE"))))
	f.Add(packedOf(f, docx...))
	if raw, err := os.ReadFile("media_test.go"); err == nil {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, n := bytes.NewReader(raw), int64(len(raw))
		got, err := TypeOf(r, n, "a.csv")
		if err == nil && (!record.Has(record.MediaTypes, got) || !Fits(raw[:min(len(raw), 64<<10)], got)) {
			t.Fatalf("%q is no type, or does not fit itself", got)
		}
		for code := range kinds {
			if where, ok := Position(r, n, code); ok && (where == "" || len(where) > 40) {
				t.Fatalf("position %q", where)
			}
		}
	})
}
