package sample

import (
	_ "embed"
	"encoding/json"
)

//go:embed remarks.json
var remarksFile []byte

// Remark is what one member says about a record of another: its body as a program posts it,
// and what it is about.
type Remark struct {
	Ref     string // "Q1": how another remark answers it
	Member  string // handle of the writer
	About   string // ref of the record
	Answers string // ref of the remark that it answers; "" for none
	Type    string
	JSON    []byte // the body; of a translation without the version that it is of
}

// Remarks lists the remarks, each after the one that it answers. The slice is the caller's.
func Remarks() []Remark {
	var file struct {
		Remarks []map[string]json.RawMessage `json:"remarks"`
	}
	read(remarksFile, &file)
	out := make([]Remark, 0, len(file.Remarks))
	for _, body := range file.Remarks {
		var r Remark
		for name, into := range map[string]*string{"ref": &r.Ref, "member": &r.Member, "about": &r.About, "type": &r.Type} {
			read(body[name], into)
		}
		if raw, ok := body["answers"]; ok {
			read(raw, &r.Answers)
		}
		for _, envelope := range []string{"illustrative", "ref", "member", "about", "answers"} {
			delete(body, envelope)
		}
		r.JSON = write(body)
		out = append(out, r)
	}
	return out
}
