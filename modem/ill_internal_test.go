package modem

import (
	"testing"

	"omsbox/store"
)

// refusalOf is a segment of a text that was refused.
func refusalOf(delivery int64, outcome store.Outcome) store.Verdict {
	return store.Verdict{Attempt: store.Attempt{Delivery: delivery, Segment: 10 * delivery}, Outcome: outcome}
}

// Three different texts make a modem ill, two where a restart did not cure it; one alone only when it was refused
// five times, and once only for each text.
func TestHowManyRefusalsMakeAModemIll(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		uncured bool
		row     []int64
		at      int // the refusal that is enough, counted from 1; 0: none
	}{
		{"three texts", false, []int64{1, 2, 3}, 3},
		{"two texts in turn", false, []int64{1, 2, 1, 2, 1, 2, 1, 2}, 0},
		{"two texts in turn, one five times", false, []int64{1, 2, 1, 2, 1, 2, 1, 2, 1}, 9},
		{"two texts of one that was not cured", true, []int64{1, 1, 2}, 3},
		{"one text", false, []int64{1, 1, 1, 1, 1}, 5},
		{"one text of one that was not cured", true, []int64{1, 1, 1, 1, 1}, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r refusals
			for i, delivery := range c.row {
				r.add(refusalOf(delivery, store.Deferred))
				if got := r.enough(c.uncured); got != (i+1 == c.at) {
					t.Errorf("refusal %d is enough: %t", i+1, got)
				}
			}
		})
	}
	var r refusals
	for i := range 20 { // restarted once for it
		r.add(refusalOf(1, store.Deferred))
		if got := r.enough(false); got != (i == 4) {
			t.Errorf("refusal %d of one text is enough: %t", i+1, got)
		}
	}
}

// Only what may have left is looked for among the reports; what is remembered has a bound, the newest count.
func TestWhichRefusedSegmentsMayHaveLeft(t *testing.T) {
	t.Parallel()
	var r refusals
	r.add(refusalOf(1, store.Deferred))
	r.add(refusalOf(2, store.Unsent))
	if len(r.doubted) != 0 {
		t.Errorf("in doubt are %d, none of which left", r.doubted)
	}
	for i := range int64(250) {
		r.add(refusalOf(i, store.Doubtful))
	}
	if len(r.doubted) != 100 || r.doubted[0] != 1500 || r.doubted[99] != 2490 || len(r.row) != 100 || r.row[99] != 249 {
		t.Errorf("in doubt are %d, in a row %d", r.doubted, r.row)
	}
}

// A segment that the modem cannot read gets a second chance; then it fails only where the network took another
// one meanwhile.
func TestASegmentThatTheModemCannotRead(t *testing.T) {
	t.Parallel()
	d := &sender{unread: map[int64]int{}}
	one, two := refusalOf(1, store.Deferred), refusalOf(2, store.Deferred)
	for i, c := range []struct {
		of       store.Verdict
		accepted int
		want     store.Outcome
	}{
		{one, 0, store.Unsent}, {two, 0, store.Unsent}, {one, 0, store.Deferred},
		{one, 1, store.Refused}, {two, 0, store.Refused}, {one, 0, store.Unsent}, {one, 0, store.Deferred},
	} {
		d.accepted += c.accepted
		if got := d.unreadable(c.of); got != c.want {
			t.Errorf("%d: the outcome is %v, want %v", i, got, c.want)
		}
	}
	for i := range int64(5 * mostUnreadable) {
		d.unreadable(refusalOf(i, store.Deferred))
		if len(d.unread) > mostUnreadable {
			t.Fatalf("%d segments are remembered", len(d.unread))
		}
	}
}
