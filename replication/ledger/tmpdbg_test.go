package ledger_test
import ("testing";"os";"fmt";"github.com/dgraph-io/badger/v4";"math";"github.com/dure-net/dure/replication/ledger")
func TestTmpDbg(t *testing.T){
	dir:=os.Getenv("TMPDBG"); if dir=="" {t.Skip()}
	w := newWorld(3)
	feeds := []interface{}{}
	_=feeds
	fs := w.feed(0).Fill(200, 300); f1:=w.feed(1).Fill(80, 200); f2:=w.feed(2).Fill(64, 60)
	l,err:=ledger.Open(ledger.Config{Dir:dir,Federation:w.fed,ReserveBytes:1}); fmt.Println(err)
	for _,x:=range l.Wanted(99) { fmt.Println("wanted",x.Entry.Short(),x.Size) ; e,_,err:=l.Find(x.Entry); fmt.Println(e.Seq(), e.Feed()==fs.ID(), e.Feed()==f1.ID(), e.Feed()==f2.ID(), err)}
	l.Close()
	db,err:=badger.OpenManaged(badger.DefaultOptions(dir+"/store").WithLogger(nil)); fmt.Println(err)
	txn:=db.NewTransactionAt(math.MaxUint64,false)
	it:=txn.NewIterator(badger.IteratorOptions{AllVersions:true})
	for it.Rewind();it.Valid();it.Next(){ k:=it.Item().KeyCopy(nil); if k[0]=='r'||k[0]=='w' || it.Item().Version()>1000000 { fmt.Printf("%q v%d del %v len %d\n",k,it.Item().Version(),it.Item().IsDeletedOrExpired(),it.Item().ValueSize()) } }
	it.Close()
}
