package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// What follows reads the frames of pictures: lengths and tags from bytes that anybody may
// have made. Each step goes forward, and none reads more than maxPart.

// maxPart bounds what is read of one part of a picture: EXIF in a JPEG has 64 KiB at most.
const maxPart = 128 << 10

// part is a named piece of a picture.
type part struct {
	name string
	at   int64 // of its content
	size int64
}

// read is the beginning of a part.
func (p part) read(r io.ReaderAt) []byte {
	b := make([]byte, min(max(p.size, 0), maxPart))
	n, _ := r.ReadAt(b, p.at)
	return b[:n]
}

// maxParts bounds the parts that are looked at; a picture has some ten.
const maxParts = 4096

// parts lists the pieces of a picture.
func parts(r io.ReaderAt, size int64, mediaType string) []part {
	switch mediaType {
	case "image/jpeg":
		return jpegParts(r, size)
	case "image/png":
		return chunkParts(r, size, 8, binary.BigEndian, true)
	case "image/webp":
		return chunkParts(r, size, 12, binary.LittleEndian, false)
	}
	return nil
}

// jpegParts lists the segments before the picture itself.
func jpegParts(r io.ReaderAt, size int64) (out []part) {
	for at := int64(2); at+4 <= size && len(out) < maxParts; {
		var head [4]byte
		if _, err := r.ReadAt(head[:], at); err != nil || head[0] != 0xff {
			return out
		}
		marker := head[1]
		switch {
		case marker == 0xff: // filling
			at++
			continue
		case marker == 0x01 || marker >= 0xd0 && marker <= 0xd7:
			at += 2
			continue
		case marker == 0xda || marker == 0xd9: // the picture, the end
			return out
		}
		n := int64(binary.BigEndian.Uint16(head[2:]))
		if n < 2 {
			return out
		}
		out = append(out, part{fmt.Sprintf("%02x", marker), at + 4, min(n-2, size-at-4)})
		at += 2 + n
	}
	return out
}

// chunkParts lists the chunks of PNG (length first, a checksum behind) and RIFF (name
// first, even lengths).
func chunkParts(r io.ReaderAt, size, from int64, order binary.ByteOrder, png bool) (out []part) {
	for at := from; at+8 <= size && len(out) < maxParts; {
		var head [8]byte
		if _, err := r.ReadAt(head[:], at); err != nil {
			return out
		}
		name, n := string(head[:4]), int64(order.Uint32(head[4:]))
		if png {
			name, n = string(head[4:]), int64(order.Uint32(head[:4]))
		}
		out = append(out, part{name, at + 8, min(n, size-at-8)})
		at += 8 + n
		if png {
			at += 4
		} else {
			at += n & 1
		}
	}
	return out
}

// dimensions are a picture's width and height; zero where its frame does not tell.
func dimensions(r io.ReaderAt, size int64, mediaType string) (w, h uint64) {
	for _, p := range parts(r, size, mediaType) {
		switch b := p.read(r); {
		case mediaType == "image/png":
			if p.name != "IHDR" || len(b) < 8 {
				return 0, 0 // it comes first
			}
			return uint64(binary.BigEndian.Uint32(b)), uint64(binary.BigEndian.Uint32(b[4:]))
		case mediaType == "image/jpeg":
			// Frames of all kinds: c0 to cf but the tables c4, c8 and cc.
			if p.name[0] == 'c' && !strings.Contains("48c", p.name[1:]) && len(b) >= 5 {
				return uint64(binary.BigEndian.Uint16(b[3:])), uint64(binary.BigEndian.Uint16(b[1:]))
			}
		case p.name == "VP8X" && len(b) >= 10:
			return 1 + uint24(b[4:]), 1 + uint24(b[7:])
		case p.name == "VP8L" && len(b) >= 5:
			bits := uint64(binary.LittleEndian.Uint32(b[1:]))
			return 1 + bits&0x3fff, 1 + bits>>14&0x3fff
		case p.name == "VP8 " && len(b) >= 10:
			return uint64(binary.LittleEndian.Uint16(b[6:]) & 0x3fff), uint64(binary.LittleEndian.Uint16(b[8:]) & 0x3fff)
		}
	}
	return 0, 0
}

func uint24(b []byte) uint64 { return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 }

// Position is where a picture says it was taken, as people write it ("37.5665, 126.9780"),
// or "?" where it has a position that cannot be read; false where it says nothing of it.
// That is data of whoever took it, and often of where somebody lives.
func Position(r io.ReaderAt, size int64, mediaType string) (string, bool) {
	for _, p := range parts(r, size, mediaType) {
		var exif, xmp []byte
		switch p.name {
		case "e1":
			b := p.read(r)
			exif, _ = bytes.CutPrefix(b, []byte("Exif\x00\x00"))
			if len(exif) == len(b) {
				exif, xmp = nil, b
			}
		case "eXIf", "EXIF":
			exif = bytes.TrimPrefix(p.read(r), []byte("Exif\x00\x00"))
		case "iTXt", "XMP ":
			xmp = p.read(r)
		}
		if exif != nil {
			if where, ok := gps(exif); ok {
				return where, true
			}
		}
		if bytes.Contains(xmp, []byte("GPSLatitude")) {
			return "?", true
		}
	}
	return "", false
}

// Tags of TIFF, in which EXIF is written.
const (
	tagGPS       = 0x8825
	tagLatRef    = 1
	tagLat       = 2
	tagLonRef    = 3
	tagLon       = 4
	typeRational = 5
	fieldBytes   = 12
)

// gps reads the position of EXIF.
func gps(b []byte) (string, bool) {
	var order binary.ByteOrder
	switch {
	case len(b) < 8:
		return "", false
	case string(b[:2]) == "II":
		order = binary.LittleEndian
	case string(b[:2]) == "MM":
		order = binary.BigEndian
	default:
		return "", false
	}
	// fields calls do with every field of the directory at an offset.
	fields := func(at uint32, do func(tag, typ uint16, count uint32, value []byte)) {
		if int64(at)+2 > int64(len(b)) {
			return
		}
		n := int64(order.Uint16(b[at:]))
		for i := range n {
			from := int64(at) + 2 + i*fieldBytes
			if from+fieldBytes > int64(len(b)) {
				return
			}
			f := b[from : from+fieldBytes]
			do(order.Uint16(f), order.Uint16(f[2:]), order.Uint32(f[4:]), f[8:])
		}
	}
	directory := uint32(0)
	fields(order.Uint32(b[4:]), func(tag, _ uint16, _ uint32, value []byte) {
		if tag == tagGPS {
			directory = order.Uint32(value)
		}
	})
	if directory == 0 {
		return "", false
	}
	var lat, lon float64
	var hasLat, hasLon bool
	south, west := 1.0, 1.0
	fields(directory, func(tag, typ uint16, count uint32, value []byte) {
		switch {
		case tag == tagLatRef && value[0] == 'S':
			south = -1
		case tag == tagLonRef && value[0] == 'W':
			west = -1
		case (tag == tagLat || tag == tagLon) && typ == typeRational && count == 3:
			degrees, ok := degreesAt(b, order, order.Uint32(value))
			if tag == tagLat {
				lat, hasLat = degrees, ok
			} else {
				lon, hasLon = degrees, ok
			}
		}
	})
	if !hasLat || !hasLon {
		// Cameras that know no position leave the directory almost empty.
		return "", false
	}
	if lat == 0 && lon == 0 {
		return "", false
	}
	return fmt.Sprintf("%.4f, %.4f", south*lat, west*lon), true
}

// degreesAt reads degrees, minutes and seconds.
func degreesAt(b []byte, order binary.ByteOrder, at uint32) (float64, bool) {
	if int64(at)+24 > int64(len(b)) {
		return 0, false
	}
	sum, unit := 0.0, 1.0
	for i := range uint32(3) {
		num, den := order.Uint32(b[at+8*i:]), order.Uint32(b[at+8*i+4:])
		if den == 0 {
			if num != 0 || i == 0 {
				return 0, false
			}
			den = 1
		}
		sum += float64(num) / float64(den) / unit
		unit *= 60
	}
	return sum, sum <= 180
}
