package ledger

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/pb"
	badgertable "github.com/dgraph-io/badger/v4/table"
	"google.golang.org/protobuf/proto"
)

const manifestName = "MANIFEST"

// readManifest is which tables a store has, and at which level. whole says that every
// byte was read: after a crash there may be a piece more, and after damage too, so that
// nothing can be said then about the tables it does not name.
func readManifest(dir string) (levels map[uint64]uint8, whole bool, err error) {
	f, err := os.Open(filepath.Join(dir, manifestName))
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	var m badger.Manifest
	var end int64
	func() {
		defer caught("read manifest", &err)
		m, end, err = badger.ReplayManifestFile(f, 0, badger.DefaultOptions(dir).WithLogger(nil))
	}()
	if err != nil {
		return nil, false, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	levels = map[uint64]uint8{}
	for id, t := range m.Tables {
		levels[id] = t.Level
		whole = t.KeyID == 0 && t.Compression == options.Snappy
		if !whole {
			return levels, false, nil
		}
	}
	return levels, end == info.Size(), nil
}

// appendManifest is the bytes of a manifest that names these tables.
func appendManifest(levels map[uint64]uint8) ([]byte, error) {
	var set pb.ManifestChangeSet
	ids := make([]uint64, 0, len(levels))
	for id := range levels {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		set.Changes = append(set.Changes, &pb.ManifestChange{Id: id, Op: pb.ManifestChange_CREATE, Level: uint32(levels[id]), Compression: uint32(options.Snappy)})
	}
	raw, err := proto.Marshal(&set)
	if err != nil {
		return nil, err
	}
	b := []byte{'B', 'd', 'g', 'r', 0, 0, 0, 8}
	b = binary.BigEndian.AppendUint32(b, uint32(len(raw)))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(raw, castagnoli))
	return append(b, raw...), nil
}

// tableFiles are the numbers of the tables that lie in a directory.
func tableFiles(dir string) (ids []uint64, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if id, ok := badgertable.ParseFileID(f.Name()); ok {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
