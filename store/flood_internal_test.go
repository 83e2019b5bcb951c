package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"omsbox/modem/sms"
)

// A segment costs the same however many lie there under its reference: the writer stores one after the other, and
// Outlook waits two seconds. Nothing is measured, since other programs share the processor. Each statement that
// stores a segment finds its rows by an index, in the order of that index, and reads a bounded number of them.
func TestASegmentCostsTheSameWhateverLiesThere(t *testing.T) {
	t.Parallel()
	const byPlace = ` (sim=? AND tail=? AND ref=? AND total=? AND data=? AND seq=? AND sent>? AND sent<?)`
	seen := map[string]bool{ // the only ways to segments
		"INTEGER PRIMARY KEY (rowid=?)":                     false,
		"INDEX incoming_segments_alike" + byPlace:           false,
		"INDEX incoming_segments_open" + byPlace:            false,
		"INDEX incoming_segments_sender (sim=? AND tail=?)": false, // as many as LIMIT allows
	}
	s := openInside(t, NewSteppedClock(clockNoon).Option())
	err := s.write(t.Context(), func(tx *tx) error {
		for n := range mostOpen + 1 { // the oldest one is handed on
			d := sms.Deliver{From: "+447911123456", Text: strings.Repeat(fmt.Sprintf("%07d ", n), 25),
				SCTS: clockNoon.Add(time.Duration(n) * time.Second)}
			tpdus, err := d.TPDUs(7)
			if err != nil {
				return err
			}
			if err := tx.arrive("imsi", tpdus[0], read(tpdus[0]), false); err != nil {
				return err
			}
		}
		for text := range tx.writer.stmts {
			if !strings.Contains(text, "incoming_segments") || strings.HasPrefix(text, "INSERT") {
				continue
			}
			plan, err := planOf(tx, text)
			if err != nil {
				return err
			}
			for _, step := range plan {
				way, searches := strings.CutPrefix(step, "SEARCH incoming_segments USING ")
				_, allowed := seen[way]
				switch {
				case searches && allowed:
					seen[way] = true
				case strings.Contains(step, "incoming_segments"), strings.Contains(step, "TEMP B-TREE"):
					t.Errorf("%s: a segment costs more among others: %s", text, step)
				}
				if strings.Contains(way, "segments_sender") && !strings.Contains(text, "LIMIT") {
					t.Errorf("%s: it reads all that a sender has waiting", text)
				}
			}
		}
		const most = 3
		k := concatKey{sim: "imsi", ref: 7, total: 2}
		if err := tx.row(`SELECT tail FROM incoming_segments`, nil, &k.tail); err != nil {
			return err
		}
		near, err := tx.nearest(k, isOpen, 1, ms(clockNoon.Add(mostOpen/2*time.Second)), time.Hour, most)
		if len(near) != 2*most {
			t.Errorf("around a segment are read %d of %d", len(near), mostOpen)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for way, is := range seen {
		if !is {
			t.Errorf("no statement uses %s", way)
		}
	}
}

// planOf returns the steps by which SQLite runs a statement.
func planOf(t *tx, text string) ([]string, error) {
	stmt, err := t.writer.conn.PrepareContext(t, "EXPLAIN QUERY PLAN "+text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", text, err)
	}
	defer stmt.Close()
	return all(t, stmt, func(r scanner) (step string, err error) {
		var id, parent, unused int
		return step, r.Scan(&id, &parent, &unused, &step)
	}, make([]any, 16)) // no statement has more values
}
