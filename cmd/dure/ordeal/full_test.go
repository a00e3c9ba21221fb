//go:build linux

package ordeal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dure-net/dure/node/api"
	"github.com/dure-net/dure/node/home"
)

// smallRoom is a small disk in memory with one node on it, and a file of somebody else's.
type smallRoom struct {
	t    *testing.T
	dir  string
	rng  *rand.Rand
	m    *member
	p    *press
	down atomic.Bool // the node is being ended or started, so that it need not answer

	wrong   atomic.Pointer[string] // the first reading that failed
	reads   atomic.Int64
	slowest time.Duration // from room to the first record
}

func newSmallRoom(t *testing.T, rng *rand.Rand) *smallRoom {
	t.Helper()
	r := &smallRoom{t: t, dir: filepath.Join(t.TempDir(), "disk"), rng: rng}
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	size := 192 + rng.IntN(400)
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", size), "dure-full", r.dir).CombinedOutput(); err != nil {
		t.Skipf("skipped: mounting a tmpfs: %v: %s", err, out)
	}
	t.Logf("a disk of %d MiB", size)
	f := found(t, layout{members: 1, dir: r.dir, settle: func(_ *federation, _ int, c *home.Config) { c.Storage.FloorBytes = 0 }})
	r.m = f.members[0]
	r.m.log = r.dir + ".log"
	r.p = &press{m: r.m}
	return r
}

// leave ends the node and takes the disk away.
func (r *smallRoom) leave() {
	r.m.kill()
	if out, err := exec.Command("umount", r.dir).CombinedOutput(); err != nil {
		r.t.Errorf("umount: %v: %s", err, out)
		_ = exec.Command("umount", "--lazy", r.dir).Run()
	}
}

// foreign is the file of somebody else's.
func (r *smallRoom) foreign() string { return filepath.Join(r.dir, "somebody-elses-film.mp4") }

// occupy makes that file take all of the disk but so many bytes; 0 takes every one, as a
// program does that writes until it cannot.
func (r *smallRoom) occupy(leave int64) {
	r.t.Helper()
	f, err := os.OpenFile(r.foreign(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for leave == 0 || freeOn(r.t, r.dir) > leave {
		if _, err := f.Write(block); err != nil {
			return
		}
	}
}

// read keeps asking for what was acknowledged until quit is closed.
func (r *smallRoom) read(quit chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-quit:
			return
		case <-time.After(10 * time.Millisecond):
		}
		r.p.mu.Lock()
		var receipt api.Receipt
		if len(r.p.acked) > 0 {
			receipt = r.p.acked[(n*7919)%len(r.p.acked)]
		}
		r.p.mu.Unlock()
		if receipt.Record == "" || r.down.Load() {
			continue
		}
		got, err := r.m.record(receipt.Record)
		if r.down.Load() {
			continue // it was ended meanwhile
		}
		if err != nil || got.State != api.RecordPublished || got.Number != receipt.Number {
			st, _ := r.m.status()
			text := fmt.Sprintf("%s: %+v as %q, acknowledged as %q and %d, %v; lists are at %d of %d", receipt.Record, got.State, got.Number, receipt.Number, receipt.Seq, err,
				st.Index.Applied, st.Index.Newest)
			r.wrong.CompareAndSwap(nil, &text)
		}
		r.reads.Add(1)
	}
}

// publishUntilFull publishes with several writers until the node says that the disk is
// full, and notes what was acknowledged.
func (r *smallRoom) publishUntilFull() {
	var writers sync.WaitGroup
	for range publishers {
		writers.Go(func() {
			for began := time.Now(); ; {
				r.p.mu.Lock()
				r.p.next++
				n := r.p.next
				r.p.mu.Unlock()
				receipt, err := r.m.publish(film(n))
				var refused refusal
				switch {
				case err == nil:
					r.p.mu.Lock()
					r.p.acked = append(r.p.acked, receipt)
					r.p.mu.Unlock()
				case errors.As(err, &refused) && refused.status == http.StatusInsufficientStorage && strings.Contains(refused.body, `"read_only"`):
					return
				default:
					if !r.down.Load() {
						r.t.Errorf("publishing: %v", err)
					}
					return
				}
				if time.Since(began) > 2*time.Minute {
					r.t.Error("the disk does not fill")
					return
				}
			}
		})
	}
	writers.Wait()
}

// film is a long record that does not compress well.
func film(n int) []byte {
	rng := rand.New(rand.NewPCG(uint64(n), 5))
	var text strings.Builder
	for text.Len() < 9000 {
		text.WriteRune(rune(0xAC00 + rng.IntN(11172)))
	}
	return fmt.Appendf(nil, `{"type":"notice","lang":"ko","category":"news","title":{"ko":"알림 %d"},"valid_until":"2027-05-28","body":{"ko":%q}}`, n, text.String())
}

// awaitUp waits until the node answers, in whatever state.
func (r *smallRoom) awaitUp() api.Status {
	r.t.Helper()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		s, err := r.m.status()
		if err == nil {
			return s
		}
		r.alive()
		if time.Since(began) > patience {
			r.t.Fatalf("it does not answer: %v\n%s", err, r.m.lastWords())
		}
	}
}

// alive fails the test if the process ended by itself.
func (r *smallRoom) alive() {
	r.t.Helper()
	select {
	case <-r.m.ended:
		r.t.Fatalf("the node ended by itself:\n%s", r.m.lastWords())
	default:
	}
}

// again waits until a record is accepted, after there is room.
func (r *smallRoom) again() {
	r.t.Helper()
	began := time.Now()
	for {
		r.p.mu.Lock()
		r.p.next++
		n := r.p.next
		r.p.mu.Unlock()
		receipt, err := r.m.publish(film(n))
		if err == nil {
			r.p.mu.Lock()
			r.p.acked = append(r.p.acked, receipt)
			r.p.mu.Unlock()
			break
		}
		r.alive()
		if took := time.Since(began); took > bar(10*time.Second, patience) {
			r.t.Fatalf("%v after there is room it still says %v\n%s", took, err, r.m.lastWords())
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.slowest = max(r.slowest, time.Since(began))
}

// episode fills the disk in one of several ways, and makes room again.
func (r *smallRoom) episode(no int) {
	t := r.t
	quit := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() { r.read(quit) })
	defer func() {
		close(quit)
		reader.Wait()
		if text := r.wrong.Load(); text != nil {
			t.Fatalf("episode %d: a record could not be read: %s\n%s", no, *text, r.m.lastWords())
		}
	}()
	floor := int64(48 << 20)
	if s, err := r.m.status(); err == nil {
		floor = int64(s.Storage.FloorBytes)
	}
	way := r.rng.IntN(4)
	var film sync.WaitGroup
	switch way {
	case 0: // the node itself fills the rest; then somebody else what is left
		r.occupy(floor + r.rng.Int64N(8<<20))
		r.publishUntilFull()
	case 1: // somebody else fills the disk to the brim while the node publishes
		film.Go(func() {
			time.Sleep(time.Duration(r.rng.IntN(400)) * time.Millisecond)
			r.occupy(0)
		})
		r.publishUntilFull()
	case 2: // a copy is made in the background, which stops and goes on
		film.Go(func() {
			for range 20 {
				free := freeOn(t, r.dir)
				r.occupy(max(free-(free/8+4<<20), 1))
				time.Sleep(5 * time.Millisecond)
			}
			r.occupy(0)
		})
		r.publishUntilFull()
	case 3: // it is full before anything is written
		r.occupy(0)
		r.publishUntilFull()
	}
	film.Wait()
	r.occupy(0)
	r.alive()
	if s := r.awaitUp(); s.Node.State != api.StateReadOnly {
		t.Fatalf("episode %d, way %d: on a full disk it says %s", no, way, s.Node.State)
	}
	how := r.rng.IntN(3)
	if how > 0 { // it must come up again on the full disk
		r.down.Store(true)
		if how == 1 {
			r.m.kill()
		} else {
			r.m.stop()
		}
		r.occupy(0) // what its end has freed is taken too
		r.m.spawn()
		s := r.awaitUp()
		r.down.Store(false)
		if s.Node.State != api.StateReadOnly {
			t.Fatalf("episode %d: started on a full disk it says %s", no, s.Node.State)
		}
		if took := time.Since(r.m.spawned); took > bar(15*time.Second, patience) {
			t.Errorf("episode %d: it took %v to start", no, took)
		}
	}
	time.Sleep(time.Duration(r.rng.IntN(500)) * time.Millisecond)
	if err := os.Remove(r.foreign()); err != nil {
		t.Fatal(err)
	}
	r.again()
	r.alive()
	r.down.Store(true)
	if r.rng.IntN(4) == 0 {
		r.m.kill()
		r.m.spawn()
		r.m.awaitReady(30 * time.Second)
	}
	r.down.Store(false)
	r.p.check(r.m, no)
}

func freeOn(t testing.TB, dir string) int64 {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Bavail) * st.Bsize
}

// perDisk is how many episodes one disk sees.
const perDisk = 8

// The disk is filled, by the node itself and by somebody else, again and again. Nothing
// that was acknowledged is lost, the process never dies, everything can be read all the
// time, also after a start on the full disk, and it writes again within ten seconds.
func TestFullDisk(t *testing.T) {
	if !withOwnMounts(t) {
		return
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	episodes := times(t, "DURE_FULL", 3)
	acked, reads, slowest, needed := 0, int64(0), time.Duration(0), 0
	for no := 0; no < episodes; {
		r := newSmallRoom(t, rng)
		r.m.spawn()
		r.m.awaitReady(30 * time.Second)
		for range min(perDisk, episodes-no) {
			r.episode(no)
			no++
		}
		r.m.verify()
		acked, reads, slowest = acked+r.p.count(), reads+r.reads.Load(), max(slowest, r.slowest)
		words, err := os.ReadFile(r.m.logFile())
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(string(words), "SIGBUS") {
			t.Errorf("SIGBUS:\n%s", r.m.lastWords())
		}
		needed += strings.Count(string(words), "a part of the reserve is given back")
		r.leave()
		t.Logf("%d episodes, %d records acknowledged, %d read meanwhile; writing again after %v at most; %d tables found no room but the reserve's", no, acked, reads, slowest, needed)
	}
}
