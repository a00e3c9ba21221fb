package ledger

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"unsafe"

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
	levels, _, whole, err = replayManifest(dir)
	return levels, whole, err
}

// replayManifest is readManifest, and how many tables it says have gone.
func replayManifest(dir string) (levels map[uint64]uint8, gone int, whole bool, err error) {
	f, err := os.Open(filepath.Join(dir, manifestName))
	if err != nil {
		return nil, 0, false, err
	}
	defer f.Close()
	var m badger.Manifest
	var end int64
	func() {
		defer caught("read manifest", &err)
		m, end, err = badger.ReplayManifestFile(f, 0, badger.DefaultOptions(dir).WithLogger(nil))
	}()
	if err != nil {
		return nil, 0, false, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, false, err
	}
	levels = map[uint64]uint8{}
	for id, t := range m.Tables {
		levels[id] = t.Level
		whole = t.KeyID == 0 && t.Compression == options.Snappy
		if !whole {
			return levels, m.Deletions, false, nil
		}
	}
	return levels, m.Deletions, end == info.Size(), nil
}

// manifestGone is how many tables the manifest may say have gone before it is written anew:
// some 200 KB. Badger counts only those that went since it was opened, and so never shortens
// what many starts have left.
const manifestGone = 5000

// shorten writes the manifest anew, without the tables that have gone, before Badger is
// opened. Badger (4.9) would do it while it runs, and closes the file first: where the disk
// has no room for the new one in that moment, no table is taken in any more, and writing
// stands still until a restart. Here, where there is no room, the old one serves.
func (s *store) shorten() {
	levels, gone, whole, err := replayManifest(s.dir)
	if err != nil || !whole || gone <= manifestGone {
		return
	}
	raw, err := appendManifest(levels)
	if err == nil {
		err = replaceFile(filepath.Join(s.dir, manifestName), raw)
	}
	if err != nil {
		s.log.Warn("the list of tables stays long", "gone", gone, "err", err)
	}
}

// appendOnly has Badger never write the manifest anew while it runs: see shorten. The bound
// beyond which it would is a field of its own, for its own tests; false where it has no such
// field any more, which TestStore_ManifestIsWrittenAnewAtTheStartAlone tells.
func appendOnly(db *badger.DB) bool {
	m := reflect.ValueOf(db).Elem().FieldByName("manifest")
	if m.Kind() != reflect.Pointer || m.IsNil() || m.Elem().Kind() != reflect.Struct {
		return false
	}
	lock, bound := m.Elem().FieldByName("appendLock"), m.Elem().FieldByName("deletionsRewriteThreshold")
	if !lock.IsValid() || lock.Type() != reflect.TypeFor[sync.Mutex]() || bound.Kind() != reflect.Int {
		return false
	}
	mu := (*sync.Mutex)(unsafe.Pointer(lock.UnsafeAddr()))
	mu.Lock() // it may be taking a table in
	defer mu.Unlock()
	*(*int)(unsafe.Pointer(bound.UnsafeAddr())) = math.MaxInt
	return true
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
