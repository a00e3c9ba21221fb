package api

import (
	"context"
	"io"
)

// Filer looks after files that go with records.
type Filer interface {
	// Upload keeps a file that a record is to name, durably, and says what it is. name is
	// the file's, and may be empty. A file that no record names within UnnamedFor goes again.
	// Where the caller (Account) has brought as many as MaxUnnamedBytes and MaxUnnamedFiles
	// allow, it is ReasonBusy with Args "unnamed". One of a type that no record may name is ReasonInvalid with Field "media_type", one too
	// long ReasonTooLarge; an r that ends in an error keeps nothing.
	Upload(ctx context.Context, name string, r io.Reader) (Upload, error)

	// Attachments lists the files of a record's current version, or of a message, in its order.
	// ref is as in Record or Message, or the CID of an entry that names files without being a
	// record.
	Attachments(ctx context.Context, ref string) ([]Attachment, error)

	// Entries lists the entries that made a record, or an agreement, what it is now: its
	// versions and its withdrawal, or everything said in the thread; CIDs, in the order of
	// arrival. ref is as in Record. More than MaxEntries is ReasonTooLarge.
	Entries(ctx context.Context, ref string) ([]string, error)

	// Attachment opens file number n, from 1 on. What is not here is fetched from other nodes
	// while it is read: it returns when the beginning is here, and reading waits for the rest
	// as long as ctx lasts. ReasonNotFound where the record has no such file; ReasonWanted
	// where nobody gives it now; ReasonInvalid where it is not of the type that its record
	// says; ReasonBadHash where a message gives it a key that does not open it. The caller closes it.
	Attachment(ctx context.Context, ref string, n int) (*File, error)
}

// Upload is a file that lies here and waits for a record to name it.
type Upload struct {
	ID        string     `json:"id" doc:"what a record names it by"`
	MediaType string     `json:"media_type"`
	Bytes     uint64     `json:"bytes"`
	Name      string     `json:"name,omitempty" doc:"as it was sent"`
	Private   bool       `json:"private,omitempty" doc:"encrypted, for a message to name"`
	Warnings  []Personal `json:"warnings,omitempty" doc:"what in it looks like data of private persons: where a picture was taken"`
}

// MaxEntries bounds the entries of one record or agreement that are listed at once.
const MaxEntries = 2000

// AttachmentState is how much of a file lies here. Append only.
type AttachmentState string

const (
	AttachmentHere   AttachmentState = "here"
	AttachmentPart   AttachmentState = "part" // fetched in part, or found damaged
	AttachmentAbsent AttachmentState = "absent"
)

// Attachment is a file as a record names it.
type Attachment struct {
	Number    int               `json:"number" doc:"its place in the record, from 1"`
	ID        string            `json:"id"`
	MediaType string            `json:"media_type"`
	Bytes     uint64            `json:"bytes"`
	Title     map[string]string `json:"title"`
	Name      string            `json:"name" doc:"what a downloaded file is called, in the language of the record"`
	Picture   bool              `json:"picture,omitempty" doc:"a page may show it in its place"`
	State     AttachmentState   `json:"state" enum:"here,part,absent" doc:"how much of it lies on this disk; the rest is fetched when it is asked for"`
	Here      uint64            `json:"here" doc:"bytes of it on this disk"`
	Entry     string            `json:"entry" doc:"CID of the entry that names it"`
	Private   bool              `json:"private,omitempty" doc:"it goes with a message: what lies on disks is encrypted, and id is the name of that"`
}

// File is an Attachment being read.
type File struct {
	Attachment
	io.ReadSeekCloser
}
