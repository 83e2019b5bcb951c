package store_test

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"omsbox/modem/sms"
	"omsbox/store"
)

// noon is when the SMSC got most texts here.
var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// arriving is a store in which texts arrive, on a clock that the test moves.
type arriving struct {
	*store.Store
	t     *testing.T
	clock *store.SteppedClock
}

func arrive(t *testing.T) *arriving {
	t.Helper()
	s, clock := openAt(t, noon)
	return &arriving{s, t, clock}
}

// parts are the TPDUs of a text that the SMSC got at a time after noon.
func parts(t testing.TB, text string, after time.Duration, change ...func(*sms.Deliver)) [][]byte {
	t.Helper()
	d := sms.Deliver{From: number, Text: text, SCTS: noon.Add(after)}
	for _, c := range change {
		c(&d)
	}
	tpdus, err := d.TPDUs(7)
	check(t, err)
	return tpdus
}

// words is a text of that many segments, each of them of other words.
func words(word string, segments int) string {
	var b strings.Builder
	for b.Len() < 153*(segments-1)+20 {
		b.WriteString(word + " ")
	}
	return b.String()
}

func (a *arriving) receive(tpdus ...[]byte) {
	a.t.Helper()
	for _, tpdu := range tpdus {
		check(a.t, a.Receive(a.t.Context(), "imsi", tpdu))
	}
}

// wait lets time pass and what is overdue be handed on.
func (a *arriving) wait(d time.Duration) {
	a.t.Helper()
	a.clock.Pass(d)
	_, _, err := a.Overdue(a.t.Context())
	check(a.t, err)
}

// got returns the texts that there are to be routed.
func (a *arriving) got() []store.Incoming {
	a.t.Helper()
	return unrouted(a.t, a.Store)
}

// texts sees which texts there are to be routed.
func (a *arriving) texts(want ...string) {
	a.t.Helper()
	var texts []string
	for _, in := range a.got() {
		texts = append(texts, in.Text)
	}
	if !slices.Equal(texts, want) {
		a.t.Fatalf("got %q, want %q", texts, want)
	}
}

func (a *arriving) incomplete() int {
	a.t.Helper()
	b, err := a.Backlog(a.t.Context())
	check(a.t, err)
	return b.Incomplete
}

func TestPartsThatComeDaysApart(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	check(t, a.Set(t.Context(), "sms.incomplete", "10d"))
	text := words("slow", 3)
	tpdus := parts(t, text, 0)
	for _, n := range []int{2, 0, 1} {
		a.receive(tpdus[n])
		a.wait(3 * 24 * time.Hour)
	}
	a.texts(text)
}

func TestReferencesOf8And16BitsAreDifferent(t *testing.T) {
	t.Parallel()
	wide := func(d *sms.Deliver) { d.Coding.WideRef = true }
	a := arrive(t)
	one, two := words("one", 2), words("two", 2)
	b, c := parts(t, one, 0), parts(t, two, 0, wide)
	a.receive(b[0], c[1])
	a.texts()
	a.receive(b[1], c[0])
	a.texts(one, two)
}

func TestDataInPartsIsOneMessage(t *testing.T) {
	t.Parallel()
	octets := []byte(words("octets", 3))
	data := func(port sms.Port, octets []byte) [][]byte {
		return parts(t, "", 0, func(d *sms.Deliver) { d.Data, d.Port = octets, port })
	}
	push := sms.Port{Dest: 2948, Source: 9200}
	a := arrive(t)
	tpdus := data(push, octets)
	other := data(sms.Port{Dest: 5000}, []byte(words("others", 3)))
	text := parts(t, words("text", len(tpdus)), 0)
	a.receive(tpdus[2], other[0], text[0], tpdus[0])
	a.texts()
	a.receive(tpdus[1])
	a.texts(hex.EncodeToString(octets))
	if in := a.got()[0]; in.Kind != store.KindData || in.Port != 2948 {
		t.Errorf("got %+v", in)
	}
}

func TestAPartThatCannotBeIsAText(t *testing.T) {
	t.Parallel()
	for name, udh := range map[string]string{
		"part 3 of 2": "050003070203", "part 0 of 2": "050003070200", "part 1 of 0": "050003070001", "part 1 of 1": "050003070101",
	} {
		t.Run(name, func(t *testing.T) {
			a := arrive(t)
			tpdu := parts(t, "hello", 0, func(d *sms.Deliver) { d.Data = append(unhex(t, udh), "hello"...) })[0]
			tpdu[0] |= 0x40 // TP-UDHI
			a.receive(tpdu)
			a.texts("hello")
		})
	}
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	check(t, err)
	return b
}

func TestWhatIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	text := words("again", 2)
	tpdus := parts(t, text, 0)
	a.receive(tpdus...)
	for i := range tpdus {
		again := slices.Clone(tpdus[i])
		again[0] ^= 0x04 // TP-MMS: fewer messages wait now
		a.receive(tpdus[i], again)
	}
	// The sender did not hear that the SMSC had it: it has another TP-SCTS.
	a.receive(parts(t, text, time.Minute)[1])
	a.texts(text)
	if n := a.incomplete(); n != 0 {
		t.Errorf("%d have parts missing", n)
	}
	a.wait(24 * time.Hour)
	a.texts(text)

	a.receive(parts(t, "ok", 0)...)
	a.receive(parts(t, "ok", time.Second)...) // that one was written
	a.texts(text, "ok", "ok")
}

func TestABeginningThatIsTheSameMakesAnotherText(t *testing.T) {
	t.Parallel()
	begin := strings.Repeat("The same words to begin with. ", 6)[:153]
	one, two := begin+"The first one ends so.", begin+"The second one ends in another way."
	for _, order := range [][]int{{0, 1}, {1, 0}} {
		a := arrive(t)
		a.receive(parts(t, one, 0)...)
		second := parts(t, two, time.Minute) // some senders use one reference for all
		a.receive(second[order[0]], second[order[1]])
		a.texts(one, two)
		a.wait(24 * time.Hour)
		a.texts(one, two)
	}
}

// from makes the TPDUs those of another spelling of the sender.
func from(sender string) func(*sms.Deliver) { return func(d *sms.Deliver) { d.From = sender } }

// Networks spell a number with its country code or without, also within one text.
func TestPartsUnderTwoSpellingsOfANumber(t *testing.T) {
	t.Parallel()
	text := words("spelled", 3)
	whole, national, wrong := parts(t, text, 0), parts(t, text, 0, from("07911123456")), parts(t, text, 0, from("+491611123456"))
	short := arrive(t) // a number of seven digits, with its country code and without
	short.receive(parts(t, text, 0, from("+2987654321"))[0], parts(t, text, 0, from("7654321"))[1], parts(t, text, 0, from("+2987654321"))[2])
	short.texts(text)
	for _, order := range [][][]byte{{whole[0], national[1], whole[2]}, {national[2], national[0], whole[1]}} {
		a := arrive(t) // which country is not known
		a.receive(wrong[0], wrong[1], order[0], order[1])
		a.texts()
		a.receive(order[2])
		a.texts(text)
		if got := a.got()[0].Sender; got != number {
			t.Errorf("it is from %s", got)
		}
	}
}

// Short codes and names are not taken for one another for their last letters.
func TestPartsOfSendersThatLookAlike(t *testing.T) {
	t.Parallel()
	text := words("alike", 2)
	for _, two := range [][2]string{{"12345", "345"}, {"123456", "+123456"}, {"TheBank", "Bank"}, {"+447911123456", "+447911123457"}} {
		a := arrive(t)
		a.receive(parts(t, text, 0, from(two[0]))[0], parts(t, text, 0, from(two[1]))[1])
		a.texts()
		a.receive(parts(t, text, 0, from(two[0]))[1])
		a.texts(text)
	}
}

// A part that is cut short does not spoil the others, and gives way to the same part when that comes whole.
func TestAPartThatIsCutShort(t *testing.T) {
	t.Parallel()
	text := words("cut", 2)
	tpdus := parts(t, text, 0)
	first, err := sms.ParseDeliver(tpdus[0][:len(tpdus[0])-20])
	check(t, err)
	second, err := sms.ParseDeliver(tpdus[1])
	check(t, err)

	a := arrive(t)
	a.receive(tpdus[0][:len(tpdus[0])-20], tpdus[1])
	a.texts(first.Text + "[…]" + second.Text)
	if in := a.got()[0]; !in.Cut || in.Missing != "" || in.Sender != number {
		t.Errorf("got %+v", in)
	}

	a = arrive(t)
	a.receive(tpdus[0][:len(tpdus[0])-20])
	a.receive(tpdus[0]) // read again, and whole
	a.receive(tpdus[1])
	a.texts(text)
	a.wait(24 * time.Hour)
	a.texts(text)

	a = arrive(t)
	a.receive(tpdus[0])
	a.receive(tpdus[0][:len(tpdus[0])-20], tpdus[1])
	a.texts(text)
	a.wait(24 * time.Hour)
	a.texts(text)
}

// Parts for different ports are of different messages.
func TestPartsForDifferentPorts(t *testing.T) {
	t.Parallel()
	octets := []byte(words("octets", 2))
	data := func(port int) [][]byte {
		return parts(t, "", 0, func(d *sms.Deliver) { d.Data, d.Port = octets, sms.Port{Dest: uint16(port)} })
	}
	a := arrive(t)
	a.receive(data(5000)[0], data(5001)[1])
	a.texts()
	for _, tpdu := range data(5000)[1:] {
		a.receive(tpdu)
	}
	a.texts(hex.EncodeToString(octets))
}

// Of 8-bit user data all that came is words, or none of it is.
func TestOctetsThatAreWordsInPart(t *testing.T) {
	t.Parallel()
	binary, plain := strings.Repeat("\x00", 134), strings.Repeat("x", 134)
	for _, octets := range []string{binary + plain + plain, plain + plain + binary} {
		a := arrive(t)
		tpdus := parts(t, "", 0, func(d *sms.Deliver) { d.Data = []byte(octets) })
		a.receive(tpdus[0], tpdus[2]) // what stands on both sides of a gap is read alone
		a.wait(6 * time.Hour)
		if got := a.got(); len(got) != 1 || got[0].Kind != store.KindData {
			t.Errorf("got %+v", got)
		}
	}
}

// A text was sent when its first part was.
func TestWhenATextInPartsWasSent(t *testing.T) {
	t.Parallel()
	for _, order := range [][]int{{0, 1}, {1, 0}} {
		a := arrive(t)
		tpdus := [][]byte{parts(t, words("sent", 2), time.Minute)[0], parts(t, words("sent", 2), 0)[1]}
		a.receive(tpdus[order[0]], tpdus[order[1]])
		if got := a.got(); len(got) != 1 || !got[0].Sent.Equal(noon) {
			t.Errorf("got %+v", got)
		}
	}
}

// A gap says once that the end of a part and the parts behind it are missing.
func TestAGapIsShownOnce(t *testing.T) {
	t.Parallel()
	tpdus := parts(t, words("gap", 4), 0)
	cut := func(n int) []byte { return tpdus[n][:len(tpdus[n])-20] }
	text := func(tpdu []byte) string {
		d, err := sms.ParseDeliver(tpdu)
		check(t, err)
		return d.Text
	}
	for _, c := range []struct {
		parts [][]byte
		want  string
	}{
		{[][]byte{cut(0), tpdus[2], tpdus[3]}, text(cut(0)) + "[…]" + text(tpdus[2]) + text(tpdus[3])},
		{[][]byte{tpdus[0], cut(1)}, text(tpdus[0]) + text(cut(1)) + "[…]"},
		{[][]byte{tpdus[0], cut(1), tpdus[2]}, text(tpdus[0]) + text(cut(1)) + "[…]" + text(tpdus[2]) + "[…]"},
	} {
		a := arrive(t)
		a.receive(c.parts...)
		a.wait(6 * time.Hour)
		a.texts(c.want)
	}
}

func TestPartsOfTextsWithOneReferenceAreNotMixed(t *testing.T) {
	t.Parallel()
	old, young := words("old", 2), words("young", 2)
	for _, order := range [][]string{{"o0", "y1", "y0", "o1"}, {"o0", "y0", "o1", "y1"}, {"y1", "o0", "o1", "y0"}} {
		a := arrive(t)
		tpdus := map[byte][][]byte{'o': parts(t, old, 0), 'y': parts(t, young, 5*time.Hour)}
		for _, name := range order {
			a.receive(tpdus[name[0]][name[1]-'0'])
		}
		got := a.got()
		if len(got) != 2 || got[0].Text == got[1].Text || !strings.Contains(old+young, got[0].Text) || !strings.Contains(old+young, got[1].Text) {
			t.Errorf("%v: got %+v", order, got)
		}
	}
}

func TestPartsThatWereSentHoursApart(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	text := words("slow", 2)
	a.receive(parts(t, text, 0)[0])
	a.receive(parts(t, text, 5*time.Hour)[1])
	a.texts() // another text's parts may still come
	a.wait(6 * time.Hour)
	a.texts(text)
}

func TestAnIncompleteTextIsHandedOn(t *testing.T) {
	t.Parallel()
	text := words("one", 1) + words("two", 6)
	tpdus := parts(t, text, 0)
	piece := func(n int) string {
		d, err := sms.ParseDeliver(tpdus[n])
		check(t, err)
		return d.Text
	}
	if len(tpdus) != 6 {
		t.Fatalf("it has %d parts", len(tpdus))
	}
	for _, c := range []struct {
		name, missing, text string
		parts               []int
	}{
		{"the end", "6 of 6", piece(0) + piece(1) + piece(2) + piece(3) + piece(4) + "[…]", []int{0, 1, 2, 3, 4}},
		{"the beginning", "1 of 6", "[…]" + piece(1) + piece(2) + piece(3) + piece(4) + piece(5), []int{5, 4, 3, 2, 1}},
		{"in the middle", "2-4 of 6", piece(0) + "[…]" + piece(4) + piece(5), []int{0, 4, 5}},
		{"here and there", "1, 3, 5-6 of 6", "[…]" + piece(1) + "[…]" + piece(3) + "[…]", []int{3, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := arrive(t)
			for _, n := range c.parts {
				a.receive(tpdus[n])
				a.wait(5 * time.Hour) // it is counted from the last
			}
			a.texts()
			wait, waits, err := a.Overdue(t.Context())
			if wait != time.Hour || !waits || err != nil {
				t.Errorf("it is due in %v, %t, %v", wait, waits, err)
			}
			a.wait(time.Hour)
			a.texts(c.text)
			if in := a.got()[0]; in.Missing != c.missing || in.Completes != 0 || in.State != "received" {
				t.Errorf("got %+v, want it without %s", in, c.missing)
			}
			if n := a.incomplete(); n != 0 {
				t.Errorf("%d still wait", n)
			}
			a.receive(tpdus[c.parts[0]]) // delivered again
			a.wait(24 * time.Hour)
			a.texts(c.text)
		})
	}
}

func TestWhatComesAfterItWasHandedOnCompletesIt(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	text := words("late", 4)
	tpdus := parts(t, text, 0)
	a.receive(tpdus[0], tpdus[3])
	a.wait(6 * time.Hour)
	a.clock.Pass(3 * 24 * time.Hour)
	a.receive(tpdus[2])
	a.wait(time.Hour)
	if got := a.got(); len(got) != 1 || got[0].Missing != "2-3 of 4" {
		t.Fatalf("got %+v", got)
	}
	a.wait(5 * time.Hour) // nothing that came is kept back
	got := a.got()
	if len(got) != 2 || got[1].Missing != "2 of 4" || got[1].Completes != got[0].ID {
		t.Fatalf("got %+v", got)
	}
	a.clock.Pass(24 * time.Hour)
	a.receive(tpdus[1])
	got = a.got()
	if len(got) != 3 || got[2].Text != text || got[2].Missing != "" || got[2].Completes != got[1].ID {
		t.Fatalf("got %+v", got)
	}
	a.receive(tpdus...) // never again
	a.receive(parts(t, text, time.Second)[2])
	a.wait(48 * time.Hour)
	if got := a.got(); len(got) != 3 {
		t.Errorf("got %+v", got)
	}
}

func TestAnotherTextDoesNotCompleteWhatWasHandedOn(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	a.receive(parts(t, words("old", 3), 0)[:2]...)
	a.wait(6 * time.Hour)
	young := words("young", 3)
	tpdus := parts(t, young, 7*time.Hour) // under the same reference
	a.clock.Pass(time.Hour)
	a.receive(tpdus[2])
	a.wait(time.Hour)
	a.receive(tpdus[0], tpdus[1])
	got := a.got()
	if len(got) != 2 || got[1].Text != young || got[1].Completes != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestNothingIsHandedOnByAClockThatIsNotTrusted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir)
	check(t, s.Receive(t.Context(), "imsi", parts(t, words("part", 2), 0)[0]))
	check(t, s.Close())
	clock := store.NewSteppedClock(time.Now().Add(-1000 * time.Hour)) // a Raspberry Pi starts in the past
	s = openIn(t, dir, clock.Option())
	if wait, waits, err := s.Overdue(t.Context()); waits || err != nil {
		t.Errorf("something is due in %v, %v", wait, err)
	}
	clock.Pass(1007 * time.Hour)
	_, _, err := s.Overdue(t.Context())
	check(t, err)
	if got := unrouted(t, s); len(got) != 1 {
		t.Errorf("when it is set right, got %+v", got)
	}
}

func TestTheTimeForMissingPartsIsASetting(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	check(t, a.Set(t.Context(), "sms.incomplete", "30m"))
	a.receive(parts(t, words("part", 2), 0)[0])
	a.wait(30*time.Minute - time.Millisecond)
	a.texts()
	a.wait(time.Millisecond)
	if got := a.got(); len(got) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestHandingOnOutlivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clock := store.NewSteppedClock(noon)
	again := func() *store.Store { return openIn(t, dir, clock.Option()) }
	tpdus := parts(t, words("part", 2), 0)
	s := again()
	check(t, s.Receive(t.Context(), "imsi", tpdus[0]))
	check(t, s.Close())
	clock.Pass(6 * time.Hour)
	s = again()
	_, _, err := s.Overdue(t.Context())
	check(t, err)
	check(t, s.Close()) // before anybody routed it
	s = again()
	if got := unrouted(t, s); len(got) != 1 || got[0].Missing != "2 of 2" {
		t.Errorf("got %+v", got)
	}
	_, _, err = s.Overdue(t.Context())
	check(t, err)
	if got := unrouted(t, s); len(got) != 1 {
		t.Errorf("it is handed on again: %+v", got)
	}
}

func TestWhatLayOnTheSIM(t *testing.T) {
	t.Parallel()
	a := arrive(t)
	keep := func(tpdus ...[]byte) {
		for _, tpdu := range tpdus {
			check(t, a.Keep(t.Context(), "imsi", tpdu))
		}
	}
	whole, joined, lost := words("old", 2), words("joined", 2), words("lost", 2)
	hour := 48 * time.Hour
	keep(parts(t, "old", 0)...)
	keep(parts(t, whole, 0)...)
	keep(parts(t, joined, hour)[0])
	keep(parts(t, lost, 2*hour)[1])
	keep([]byte{0x04}) // cannot be read
	a.texts()
	a.receive(parts(t, "old", 0)...) // it could not be deleted, and is read again
	a.texts()
	a.receive(parts(t, joined, hour)[1]) // the rest comes now: it is new
	a.texts(joined)
	a.wait(6 * time.Hour) // what never came whole stays where it is
	a.texts(joined)
	b, err := a.Backlog(t.Context())
	check(t, err)
	if b.Kept != 4 || b.Incomplete != 0 {
		t.Errorf("%d are kept, %d wait", b.Kept, b.Incomplete)
	}
	status, err := a.Status(t.Context())
	check(t, err)
	if !strings.Contains(status, "4 lay on a SIM before") {
		t.Errorf("it says\n%s", status)
	}
}
