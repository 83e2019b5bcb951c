package modem

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/modem/sms"
)

// startWire starts a wire in a bubble of time, over a modem that hears nothing. says has it say lines; sees returns
// what came directly since it was called last, as it is in the inbox.
func startWire(t *testing.T) (w *wire, says func(lines ...string), sees func() []urc) {
	t.Helper()
	w, device := wireTo(t)
	go io.Copy(io.Discard, device)
	says = func(lines ...string) {
		for _, line := range lines {
			fmt.Fprintf(device, "\r\n%s\r\n", line)
		}
		synctest.Wait()
	}
	sees = func() (all []urc) {
		for u, ok := w.inbox.first(); ok; u, ok = w.inbox.first() {
			all = append(all, u)
			w.inbox.drop()
		}
		return all
	}
	return w, says, sees
}

// wireTo starts a wire, and returns the other end of its line.
func wireTo(t *testing.T) (w *wire, device net.Conn) {
	t.Helper()
	host, device := net.Pipe()
	w = newWire(host, slog.New(slog.DiscardHandler), DefaultPatience(), new(ring), newInbox())
	t.Cleanup(func() {
		w.Close()
		w.ended.Wait()
		device.Close()
	})
	return w, device
}

// incomingText is a text as the modem passes it on: a head and a PDU.
func incomingText(t *testing.T, text string) (head, pdu string) {
	t.Helper()
	tpdus, err := sms.Deliver{From: "+447911000001", Text: text, SCTS: time.Now()}.TPDUs(0)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("+CMT: ,%d", len(tpdus[0])), sms.JoinPDU("", tpdus[0])
}

// The second line of a +CMT may be late, but not so late that it is rather part of something else.
func TestTheSecondLineOfAURCIsAwaitedForSeconds(t *testing.T) {
	t.Parallel()
	for late, want := range map[time.Duration]int{
		0: 1, 4900 * time.Millisecond: 1, 5100 * time.Millisecond: 0, time.Hour: 0,
	} {
		synctest.Test(t, func(t *testing.T) {
			_, says, sees := startWire(t)
			head, pdu := incomingText(t, "late")
			says(head)
			came := time.Now()
			time.Sleep(late)
			says(pdu)
			got := sees()
			if len(got) != want {
				t.Fatalf("%v after its head: %d texts, want %d", late, len(got), want)
			}
			if want == 1 && (got[0].line != head || got[0].pdu != pdu || !got[0].came.Equal(came)) {
				t.Errorf("it is %+v, want that it came at %v", got[0], came)
			}
		})
	}
}

// While a modem abandons a PDU it hears nothing for a moment: what it is told before that is lost.
func TestAModemIsGivenTimeToAbandonAPDU(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, device := wireTo(t)
		heard := make(chan string, 100)
		go func() {
			var deaf time.Time
			chunk := make([]byte, 256)
			for {
				n, err := device.Read(chunk)
				if err != nil {
					return
				}
				line := string(chunk[:n])
				switch {
				case line == escape:
					deaf = time.Now().Add(90 * time.Millisecond)
				case time.Now().Before(deaf):
				case line == readable:
					heard <- line
					deaf = time.Now().Add(90 * time.Millisecond)
				case line == "AT+CSQ\r":
					heard <- line
					io.WriteString(device, "\r\n+CSQ: 17,99\r\n\r\nOK\r\n")
				}
			}
		}()
		began := time.Now()
		if _, err := w.resync(0, 15*time.Second, readable); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v: the first question was not heard", took)
		}
		for _, want := range []string{readable, "AT+CSQ\r"} {
			if got := <-heard; got != want {
				t.Errorf("it heard %q, want %q", got, want)
			}
		}
	})
}

// A command to a modem that may not answer ends with its final result as soon as that comes, whatever else is
// said before, and after a while without one.
func TestACommandToAModemThatMayNotAnswer(t *testing.T) {
	t.Parallel()
	const within = 20 * time.Second
	for _, c := range []struct {
		name, says, want string
		takes            time.Duration
	}{
		{"it does it", "OK", "OK", 3 * time.Second},
		{"it refuses", "+CME ERROR: 4", "+CME ERROR: 4", 3 * time.Second},
		{"another thing before it", "+CMGS: 7\r\n\r\nCOMMAND NOT SUPPORT", "ERROR", 3 * time.Second},
		{"no final result", "+CSQ: 17,99", "", within},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, device := wireTo(t)
				go func() {
					chunk := make([]byte, 256)
					for {
						n, err := device.Read(chunk)
						if err != nil {
							return
						}
						if string(chunk[:n]) == "AT+CFUN=4\r" {
							time.Sleep(3 * time.Second)
							fmt.Fprintf(device, "\r\n%s\r\n", c.says)
						}
					}
				}()
				began := time.Now()
				got, err := w.shout("+CFUN=4", within)
				if err != nil || got != c.want {
					t.Errorf("the result is %q, %v, want %q", got, err, c.want)
				}
				if took := time.Since(began); took != c.takes+100*time.Millisecond { // behind the escape
					t.Errorf("it took %v, want %v", took, c.takes)
				}
			})
		})
	}
}

// The wait for a prompt ends with the prompt, with the answer, or with the command: it never cuts the wait of the
// next command short.
func TestTheWaitForAPromptIsThatOfItsCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, first string // what the modem says to the first command
		next        string // what is written then
	}{
		{"the prompt came", ">", "0011000B91\x1a"},
		{"it was refused", "+CMS ERROR: 302", "AT+CSQ\r\n"},
		{"it was given up", "+CSQ: 1", "\x1b\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, says, _ := startWire(t)
				prompt := DefaultPatience().Prompt
				write := func(text string) {
					t.Helper()
					if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
						t.Errorf("%q is written up to %d, %v", text, n, err)
					}
				}
				write("AT+CMGS=23\r")
				says(c.first)
				write(c.next)
				time.Sleep(prompt - time.Second)
				write("AT+CMGS=23\r")
				time.Sleep(prompt - time.Millisecond)
				heard := func() string {
					synctest.Wait()
					w.lines.mu.Lock()
					defer w.lines.mu.Unlock()
					return string(w.lines.data)
				}
				before := len(heard())
				time.Sleep(2 * time.Millisecond)
				if got := heard()[before:]; got != "+CMS ERROR: no prompt\r\n" {
					t.Errorf("at the end of its own wait the library hears %q", got)
				}
			})
		})
	}
}

// The network's words may go on in further lines, up to their closing quote. Where that never comes, what is
// clearly something else ends them: a result code with a name, the final result of a command, or time.
func TestTheNetworksWordsAreReadToTheirEnd(t *testing.T) {
	t.Parallel()
	const first = `+CUSD: 0,"Balance:`
	long := strings.Repeat("x", 1000)
	for _, c := range []struct {
		name    string
		command string // in flight
		lines   []string
		pause   time.Duration // before the last line
		want    []string
		reads   string // what the library reads
	}{
		{name: "one line", lines: []string{`+CUSD: 0,"3 EUR",15`}, want: []string{`+CUSD: 0,"3 EUR",15`}},
		{name: "two lines", lines: []string{first, `3 EUR",15`}, want: []string{first + "\n" + `3 EUR",15`}},
		{name: "the second is late", lines: []string{first, `3 EUR",15`}, pause: 2 * time.Second,
			want: []string{first + "\n" + `3 EUR",15`}},
		{name: "the second is too late", lines: []string{first, `3 EUR",15`}, pause: 2001 * time.Millisecond,
			want: []string{first}},
		{name: "a line like a final result", lines: []string{first, "OK", `3 EUR",15`},
			want: []string{first + "\nOK\n" + `3 EUR",15`}},
		{name: "a line like an error in words", lines: []string{first, "ERROR", `3 EUR",15`},
			want: []string{first + "\nERROR\n" + `3 EUR",15`}},
		{name: "a line with a colon", lines: []string{first, "Data: 1 GB", "+1: x", "+Xy: 1", "+X: 1", `3 EUR",15`},
			want: []string{first + "\nData: 1 GB\n+1: x\n+Xy: 1\n+X: 1\n" + `3 EUR",15`}},
		{name: "a final result while a command is in flight", command: "AT+CFUN=1\r\n", lines: []string{first, "OK"},
			want: []string{first}, reads: "OK\r\n"},
		{name: "an error that carries a name", lines: []string{first, "+CMS ERROR: 500"}, want: []string{first}},
		{name: "another result code", lines: []string{first, "+CREG: 1", "^RSSI: 17"}, want: []string{first}},
		{name: "the next words", lines: []string{first, `+CUSD: 0,"3 EUR",15`},
			want: []string{first, `+CUSD: 0,"3 EUR",15`}},
		{name: "too long", lines: []string{first, long, long[:1000-len(first)-1], "y"},
			want: []string{first + "\n" + long + "\n" + long[:1000-len(first)-1]}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, says, _ := startWire(t)
				w.ussd = make(chan string, 9)
				if c.command != "" {
					w.Write([]byte(c.command))
				}
				last := len(c.lines) - 1
				says(c.lines[:last]...)
				time.Sleep(c.pause)
				says(c.lines[last])
				var got []string
				for len(w.ussd) > 0 {
					got = append(got, <-w.ussd)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("the network said %q, want %q", got, c.want)
				}
				if read := string(w.lines.data); read != c.reads {
					t.Errorf("the library reads %q, want %q", read, c.reads)
				}
			})
		})
	}
}

// The question that brings a dialogue into step is never the one whose answer is missing: this could still come.
// A modem whose locked SIM bars the first is asked others.
func TestAnotherQuestionThanTheUnansweredOneIsAsked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		inFlight string
		answers  string // the one question that the modem answers
		at       int    // its place among the questions
		late     string // the answer to what was in flight
	}{
		{"AT+COPS?\r\n", "AT+CSQ\r", 0, "+COPS: 0"},
		{"AT+CSQ\r\n", "AT+CREG?\r", 0, "+CSQ: 17,99"},
		{"AT+COPS?\r\n", "AT+CMEE?\r", 1, "+COPS: 0"},
		{"AT+COPS?\r\n", "none", -1, "+COPS: 0"},
	} {
		t.Run(c.inFlight+c.answers, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, device := wireTo(t)
				var asked []string
				go func() {
					chunk := make([]byte, 256)
					for {
						n, err := device.Read(chunk)
						if err != nil {
							return
						}
						line := string(chunk[:n])
						if line == escape { // what was owed comes only now
							fmt.Fprintf(device, "\r\n%s\r\n\r\nOK\r\n", c.late)
						} else if line != c.inFlight {
							asked = append(asked, line)
						}
						if line == c.answers {
							name := strings.TrimRight(line[2:], "?\r")
							fmt.Fprintf(device, "\r\n%s: 1\r\n\r\nOK\r\n", name)
						}
					}
				}()
				w.Write([]byte(c.inFlight))
				began := time.Now()
				mr, err := w.resync(0, 15*time.Second, "")
				took := time.Since(began)
				synctest.Wait() // the device writes no more of what it was asked
				if c.at < 0 {
					if !errors.Is(err, ErrSilent) || took != 15*time.Second+300*time.Millisecond || len(asked) != 3 {
						t.Errorf("after %v and %q: %v", took, asked, err)
					}
					return
				}
				if err != nil || mr != -1 || len(asked) != c.at+1 || asked[c.at] != c.answers {
					t.Errorf("it was asked %q: TP-MR %d, %v", asked, mr, err)
				}
				if want := time.Duration(c.at)*5*time.Second + time.Duration(c.at+1)*100*time.Millisecond; took != want {
					t.Errorf("it took %v, want %v", took, want)
				}
			})
		})
	}
}
