package modem

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A line of a start is believed a few times. One that is said with each answer is a habit, until it was absent
// for a while; other lines are not doubted for it.
func TestALineOfAStartBecomesAHabit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newInbox()
		said := func(line string, want bool, when string) {
			t.Helper()
			if got := b.believes(line); got != want {
				t.Errorf("%s %s is believed: %t, want %t", line, when, got, want)
			}
		}
		for i := range 5 {
			said("RDY", true, fmt.Sprint("said before ", i, " times"))
		}
		said("RDY", false, "the sixth time")
		said("SMS Ready", true, "the first time")
		time.Sleep(10 * time.Minute)
		said("RDY", false, "after ten minutes") // which counts from then
		time.Sleep(10*time.Minute + time.Millisecond)
		said("RDY", true, "after more than ten minutes")
		for i := range 10 * mostSigns {
			said(fmt.Sprint("+CFUN: ", i), true, "the first time")
			if len(b.signs) > mostSigns {
				t.Fatalf("%d lines are remembered", len(b.signs))
			}
		}
	})
}

// Notes are merged: the last of each kind counts, in the order in which the kinds came. Announcements count for
// each storage. A modem that names ever more storages fills no memory.
func TestNotesAreMerged(t *testing.T) {
	t.Parallel()
	b := newInbox()
	taken := func() (all []string) {
		for line, ok := b.noted(); ok; line, ok = b.noted() {
			all = append(all, line)
		}
		return all
	}
	for _, line := range []string{
		`+CMTI: "SM",1`, "+CREG: 1", `+CMTI: "ME",4`, "+CREG: 5", `+CDSI: "SM",2`, `+CMTI: "SM",9`, "+CMTI:",
	} {
		if many, full := b.put(urc{line: line}); many || full {
			t.Errorf("%s: many %t, full %t", line, many, full)
		}
	}
	want := []string{`+CMTI: "SM",9`, "+CREG: 5", `+CMTI: "ME",4`, `+CDSI: "SM",2`, "+CMTI:"}
	if got := taken(); !slices.Equal(got, want) {
		t.Errorf("the notes are %q, want %q", got, want)
	}
	for i := range 100 {
		b.put(urc{line: fmt.Sprintf(`+CMTI: "%02d",1`, i)})
	}
	got := taken()
	if len(got) != mostNotes+1 || got[0] != `+CMTI: "00",1` || got[mostNotes] != "+CMTI:" {
		t.Errorf("of 100 storages the notes are %q", got)
	}
	for i := range 200 {
		b.put(urc{line: fmt.Sprintf("+C%c%cREG: 1", 'A'+i/26, 'A'+i%26)})
	}
	if got := taken(); len(got) != 2*mostNotes {
		t.Errorf("%d kinds of notes are kept", len(got))
	}
}

// What comes directly waits in its order, is told as much once until all of it is gone, and has a bound. At the
// end of a session it becomes that of its SIM, once; notes are dropped.
func TestWhatComesDirectlyWaitsInOrder(t *testing.T) {
	t.Parallel()
	b := newInbox()
	for round := range 2 {
		told := 0
		for i := range manyDirect + 10 {
			many, full := b.put(urc{line: "+CMT: ,24", pdu: fmt.Sprint(i)})
			if many {
				if told++; i != manyDirect-1 {
					t.Errorf("round %d: at %d it is told that much waits", round, i+1)
				}
			}
			if full {
				t.Fatalf("full at %d", i)
			}
		}
		if told != 1 {
			t.Errorf("round %d: it is told %d times that much waits", round, told)
		}
		for i := range manyDirect + 10 {
			u, ok := b.first()
			if again, _ := b.first(); !ok || u.pdu != fmt.Sprint(i) || again != u {
				t.Fatalf("%d is %+v", i, u)
			}
			b.drop()
		}
		if u, ok := b.first(); ok {
			t.Errorf("there is still %+v", u)
		}
	}
	b.put(urc{line: "+CMGS: 7"}) // a late answer is nowhere else either
	b.put(urc{line: "+CREG: 1"})
	b.leave("one")
	b.put(urc{line: "+CMT: ,24", pdu: "later"})
	if line, ok := b.noted(); ok {
		t.Errorf("the note %q is left", line)
	}
	b.leave("two")
	for _, want := range []urc{
		{line: "+CMGS: 7", sim: "one", past: true}, {line: "+CMT: ,24", pdu: "later", sim: "two", past: true},
	} {
		if got, _ := b.first(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		b.drop()
	}
	for range mostDirect {
		if _, full := b.put(urc{pdu: "00"}); full {
			t.Fatal("full too early")
		}
	}
	if _, full := b.put(urc{pdu: "00"}); !full {
		t.Error("it is never full")
	}
}

// The answers that the library has not read yet come in their order and whole, the end after them; what a modem
// says without end is bounded.
func TestTheFeedIsReadInOrderToItsEnd(t *testing.T) {
	t.Parallel()
	f := new(feed)
	f.ready = sync.NewCond(&f.mu)
	f.put("one ")
	f.put("two")
	small := make([]byte, 5)
	if n, err := f.read(small); string(small[:n]) != "one t" || err != nil {
		t.Errorf("read %q, %v", small[:n], err)
	}
	long := strings.Repeat("x", mostUnread-2)
	f.put(long)      // with "wo" as much as there may be
	f.put("no more") // is dropped
	f.close()
	rest, err := io.ReadAll(readerOf(f.read))
	if string(rest) != "wo"+long || err != nil {
		t.Errorf("the rest has %d bytes, %v, want %d", len(rest), err, mostUnread)
	}
}

type readerOf func([]byte) (int, error)

func (r readerOf) Read(p []byte) (int, error) { return r(p) }

// A late answer is that of the oldest doubt. A doubt that had no answer for long never gets one.
func TestDoubtsAreAnsweredInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d doubts
		for segment := range int64(3) {
			d.add(segment, time.Minute)
			time.Sleep(30 * time.Second)
		}
		for _, want := range []int64{0, 1, 2} { // the third came when the first was a minute old, and no more
			if got, ok := d.next(); got != want || !ok {
				t.Errorf("the next is %d, %t, want %d", got, ok, want)
			}
		}
		if _, ok := d.next(); ok {
			t.Error("there is one more")
		}
		d.add(7, time.Minute)
		time.Sleep(time.Minute + time.Second)
		d.add(8, time.Minute)
		if got, _ := d.next(); got != 8 {
			t.Errorf("the next is %d, want 8", got)
		}
	})
}
