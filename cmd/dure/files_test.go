package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dure-net/dure/node/home"
)

// sized BYTES FILE writes a PDF, as far as its beginning tells, of so many bytes.
func sized(ts *testscript.TestScript, neg bool, a []string) {
	if neg || len(a) != 2 {
		ts.Fatalf("usage: sized BYTES FILE")
	}
	n, err := strconv.Atoi(a[0])
	ts.Check(err)
	raw := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)}).Read(raw)
	copy(raw, "%PDF-1.7\n% every-sized-file-begins-with-this-marker\n")
	ts.Check(os.WriteFile(ts.MkAbs(a[1]), raw, 0o600))
}

// picture FILE writes a photograph that was taken in Seoul.
func picture(ts *testscript.TestScript, neg bool, a []string) {
	if neg || len(a) != 1 {
		ts.Fatalf("usage: picture FILE")
	}
	var b bytes.Buffer
	ts.Check(jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 30, 20)), nil))
	o := binary.BigEndian
	exif := o.AppendUint32([]byte("Exif\x00\x00MM\x00*"), 8)
	field := func(tag, typ uint16, count, value uint32) {
		exif = o.AppendUint32(o.AppendUint32(o.AppendUint16(o.AppendUint16(exif, tag), typ), count), value)
	}
	exif = o.AppendUint16(exif, 1)
	field(0x8825, 4, 1, 26)
	exif = o.AppendUint32(exif, 0)
	exif = o.AppendUint16(exif, 4)
	field(1, 2, 2, 'N'<<24)
	field(2, 5, 3, 80)
	field(3, 2, 2, 'E'<<24)
	field(4, 5, 3, 104)
	exif = o.AppendUint32(exif, 0)
	for _, n := range []uint32{37, 33, 59, 126, 58, 41} {
		exif = o.AppendUint32(o.AppendUint32(exif, n), 1)
	}
	head := o.AppendUint16([]byte{0xff, 0xd8, 0xff, 0xe1}, uint16(len(exif)+2))
	ts.Check(os.WriteFile(ts.MkAbs(a[0]), append(append(head, exif...), b.Bytes()[2:]...), 0o600))
}

// halfsent HOME begins to send a file to a running node, and stops in the middle: the
// connection stays open until the node is killed.
func halfsent(ts *testscript.TestScript, neg bool, a []string) {
	if neg || len(a) != 1 {
		ts.Fatalf("usage: halfsent HOME")
	}
	h, err := home.Open(ts.MkAbs(a[0]), home.Options{})
	ts.Check(err)
	run, _, err := h.Running()
	ts.Check(err)
	token, err := h.Token()
	ts.Check(err)
	address := strings.TrimPrefix(run.API, "http://")
	conn, err := net.Dial("tcp", address)
	ts.Check(err)
	ts.Defer(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "POST /api/v1/attachments?name=a.pdf HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000000\r\n\r\n%%PDF-1.7\n%s",
		address, token.Reveal(), strings.Repeat("x", 300_000))
	ts.Check(err)
	for range 9000 { // until some of it lies on the disk
		names, _ := os.ReadDir(ts.MkAbs(a[0] + "/attachments"))
		for _, n := range names {
			if info, err := n.Info(); err == nil && strings.HasPrefix(n.Name(), "upload-") && info.Size() > 0 {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("nothing of the file came to the disk")
}

// cutshort HOME PROGRAM ARGUMENTS… kills the running node of a home while the program works with it.
func cutshort(ts *testscript.TestScript, neg bool, a []string) {
	if neg || len(a) < 2 {
		ts.Fatalf("usage: cutshort HOME PROGRAM ARGUMENTS…")
	}
	h, err := home.Open(ts.MkAbs(a[0]), home.Options{})
	ts.Check(err)
	run, _, err := h.Running()
	ts.Check(err)
	program, err := exec.LookPath(a[1])
	ts.Check(err)
	cmd := exec.Command(program, a[2:]...)
	cmd.Dir = ts.Getenv("WORK")
	ts.Check(cmd.Start())
	time.Sleep(time.Duration(20+rand.IntN(120)) * time.Millisecond)
	p, err := os.FindProcess(run.PID)
	ts.Check(err)
	ts.Check(p.Kill())
	_ = cmd.Wait() // as far as it came
}

// nouploads HOME looks that nothing half is left of files that were sent.
func nouploads(ts *testscript.TestScript, neg bool, a []string) {
	if neg || len(a) != 1 {
		ts.Fatalf("usage: nouploads HOME")
	}
	names, err := filepath.Glob(filepath.Join(ts.MkAbs(a[0]), "attachments", "upload-*"))
	ts.Check(err)
	if len(names) > 0 {
		ts.Fatalf("left: %v", names)
	}
}

// flip DIRECTORY PLACE turns one bit of the largest file in a directory.
func flip(ts *testscript.TestScript, neg bool, a []string) {
	if neg || len(a) != 2 {
		ts.Fatalf("usage: flip DIRECTORY PLACE")
	}
	at, err := strconv.ParseInt(a[1], 10, 64)
	ts.Check(err)
	names, err := os.ReadDir(ts.MkAbs(a[0]))
	ts.Check(err)
	largest, size := "", int64(0)
	for _, n := range names {
		if info, err := n.Info(); err == nil && info.Size() > size {
			largest, size = filepath.Join(ts.MkAbs(a[0]), n.Name()), info.Size()
		}
	}
	f, err := os.OpenFile(largest, os.O_RDWR, 0)
	ts.Check(err)
	defer f.Close()
	one := make([]byte, 1)
	_, err = f.ReadAt(one, at)
	ts.Check(err)
	one[0] ^= 16
	_, err = f.WriteAt(one, at)
	ts.Check(err)
}
