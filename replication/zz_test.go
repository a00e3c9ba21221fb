package replication
import ("testing";"context";"github.com/dure-net/dure/protocol";"github.com/dure-net/dure/replication/ledger")
func TestZZ(t *testing.T){
	l := newLone(t, 2, nil)
	b := l.w.nodes[1]
	l.Admit(context.Background(), protocol.Page{Entries: []protocol.Entry{b.inception}, Bodies: [][]byte{nil}}, ViaImport)
	id := b.inception.ID()
	forged, _ := protocol.Seal(l.w.fed, protocol.Header{Feed: id, Seq: 1, Prev: id, Act: protocol.ActRef{ID: l.w.fed}, Kind: protocol.KindNotice, Time: b.inception.Header().Time}, keyOf(t, "a forger"))
	err := l.store.Put(context.Background(), ledger.Batch{Pages: []protocol.Page{{Entries: []protocol.Entry{b.inception, forged}, Bodies: [][]byte{nil, nil}}}})
	h, _ := l.store.Head(id)
	t.Log(err, h.Count)
}
