package simulator_test

import (
	"fmt"
	"sync"
	"testing"

	"omsbox/modem/simulator"
	"omsbox/modem/sms"
)

// Phones text, the host submits, reads and deletes, and others look on, all at
// the same time; nothing is lost or doubled.
func TestAllAtOnce(t *testing.T) {
	const phones, texts = 4, 50
	s := newSimulator(t, simulator.Options{SM: 3})
	h := quiet(t, s)
	var others sync.WaitGroup
	for n := range phones {
		others.Go(func() {
			phone := s.Phone(fmt.Sprintf("+1555000000%d", n))
			for i := range texts {
				if err := phone.Send(fmt.Sprintf("%d", i)); err != nil {
					t.Error(err)
				}
				s.Count()
			}
			phone.Inbox()
			s.Submitted()
		})
	}
	got := make(map[string]int)
	for n := 0; len(got) < phones*texts; n++ {
		b := tpdus(t, sms.Submit{To: fmt.Sprintf("+1555000000%d", n%phones), Text: fmt.Sprint(n)})[0]
		h.submit(b, fmt.Sprintf("+CMGS: %d|OK", n%256))
		for index := 1; index <= 3; index++ {
			h.say(fmt.Sprintf("AT+CMGR=%d\r", index))
			if line := h.line(); line == "+CMS ERROR: 321" {
				continue
			}
			_, tpdu, err := sms.SplitPDU(h.line())
			if err != nil {
				t.Fatal(err)
			}
			d, err := sms.ParseDeliver(tpdu)
			if err != nil {
				t.Fatal(err)
			}
			got[d.From+" "+d.Text]++
			h.line() // OK
			h.say(fmt.Sprintf("AT+CMGD=%d\r", index))
			h.line()
		}
	}
	others.Wait()
	for text, n := range got {
		if n != 1 {
			t.Errorf("%s came %d times", text, n)
		}
	}
	for i, submission := range s.Submitted() {
		if submission.Text != fmt.Sprint(i) {
			t.Errorf("submit %d: got %q", i, submission.Text)
		}
	}
}
