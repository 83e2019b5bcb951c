package simulator_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/modem/simulator"
	"omsbox/modem/sms"
)

// scripted opens the port of a modem that does what a script says.
func scripted(t *testing.T, script string) (*simulator.Simulator, *host) {
	t.Helper()
	s := newSimulator(t, simulator.Options{Now: fixedNow})
	h := quiet(t, s)
	fault, err := simulator.ParseScript(script)
	if err != nil {
		t.Fatal(err)
	}
	s.Misbehave(fault)
	return s, h
}

func TestScriptOfCommands(t *testing.T) {
	for _, c := range []struct{ name, script, dialogue string }{
		{"a command", `command AT+CNMI=2,1* answer "+CMS ERROR: 500"`, "AT+CNMI=2,1,0,1 → +CMS ERROR: 500; AT+CNMI=2 → OK"},
		{"in lower case", `command at+csq answer ERROR`, "AT+CSQ → ERROR"},
		{"any command", `command answer BUSY`, "AT → BUSY"},
		{"a semicolon in quotes", `command "AT+CSQ;+CSQ" answer "NO; CARRIER"; command ATI answer ERROR`, "AT+CSQ;+CSQ → NO; CARRIER; ATI → ERROR"},
		{"once", `command AT nth 2 answer ERROR`, "AT → OK; AT → ERROR; AT → OK"},
		{"now and then", `command AT every 2 answer ERROR`, "AT → OK; AT → ERROR; AT → OK; AT → ERROR"},
		{"until a command", `command AT+CSQ until AT+CFUN=* answer ERROR`, "AT+CFUN=1 → OK; AT+CSQ → ERROR; AT+CSQ → ERROR; AT+CFUN=1 → OK; AT+CSQ → +CSQ: 20,99|OK"},
		{"two rules at once", "command AT urc RING # first\ncommand AT urc \"+CREG: 1\"", "AT → RING||+CREG: 1|OK"},
		{"a hang that the next line ends", `command AT hang attention`, "AT → ; ATI0 → Manufacturer: omsbox|Model: Simulator|Revision: 1.0|OK"},
		{"an echo that stays", `command ATE0 answer ERROR`, "ATE0 → ERROR"},
		{"a pattern of several parts", `command AT+C*=*1 answer ERROR`, "AT+CREG=1 → ERROR; AT+CREG=0 → OK; AT+CREG? → +CREG: 0,1|OK"},
		{"bytes", `command AT at 3 say "~" at 4 drop 1 at 0 pause 1ns`, "AT → "},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, h := scripted(t, c.script)
			if c.name == "bytes" {
				h.say("AT\r")
				h.hear("\r\nO~\r\n")
				return
			}
			for _, step := range strings.Split(strings.ReplaceAll(c.dialogue, "NO; ", "NO\x00"), "; ") {
				command, want, _ := strings.Cut(strings.ReplaceAll(step, "\x00", "; "), " → ")
				h.say(command + "\r")
				if want == "RING||+CREG: 1|OK" {
					h.hear("\r\nRING\r\n\r\n+CREG: 1\r\n\r\nOK\r\n")
				} else if want != "" {
					h.hear(wire(want))
				}
			}
		})
	}
}

func TestScriptOfASend(t *testing.T) {
	b := tpdus(t, sms.Submit{To: "+15551234567", Text: "hi"})[0]
	for _, c := range []struct {
		script string
		taken  int
		said   string // after the prompt
	}{
		{`pdu answer "+CMS ERROR: 38"`, 0, wire("+CMS ERROR: 38")},
		{`result lose`, 1, ""},
		{`result late 1m`, 1, ""},
		{`prompt hang cfun`, 0, ""},
		{`pdu hang 1h`, 0, ""},
		{`result hangup`, 1, "EOF"},
		{`pdu restart away 1m`, 0, "EOF"},
		{`pdu unplug`, 0, "EOF"},
		{`prompt at 8 heard restart`, 0, "EOF"},
		{`result at 5 hangup`, 1, "\r\n+CMEOF"},
		{`result at 5 mute`, 1, "\r\n+CM"},
		{`prompt at 4 heard deaf`, 0, ""},
		{`prompt nth 2 hang power`, 1, wire("+CMGS: 0|OK")},
	} {
		t.Run(c.script, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, h := scripted(t, c.script)
				defer s.Close()
				h.say(fmt.Sprintf("AT+CMGS=%d\r", len(b)))
				synctest.Wait()
				io.WriteString(h.port, sms.JoinPDU("", b)+"\x1a")
				h.port.SetReadDeadline(time.Now().Add(time.Second))
				said, err := io.ReadAll(h.port)
				got := strings.TrimPrefix(string(said), "\r\n> ")
				if err == nil {
					got += "EOF"
				}
				if got != c.said {
					t.Errorf("got %q, %v, want %q", got, err, c.said)
				}
				expectCount(t, s, c.taken)
			})
		})
	}
}

func TestScriptOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := scripted(t, "deliver after 10m for 1h twice; deliver nth 1 again 5m")
		defer s.Close()
		h.ask("AT+CNMI=2,1", "OK")
		s.Phone("Bank").Send("hi")
		h.hear("\r\n+CMTI: \"SM\",1\r\n")
		pass(6 * time.Minute)
		h.hear("\r\n+CMTI: \"SM\",2\r\n")
		pass(10 * time.Minute)
		s.Phone("Bank").Send("hi")
		h.hear("\r\n+CMTI: \"SM\",3\r\n\r\n+CMTI: \"SM\",4\r\n")
		pass(time.Hour)
		s.Phone("Bank").Send("hi")
		h.hear("\r\n+CMTI: \"SM\",5\r\n")
		h.silence()
	})
}

func TestScriptOfTheNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, h := scripted(t, "command AT+CSQ deregister 2 cops; command AT after 1h nth 1 forget; deliver nth 1 full")
		defer s.Close()
		h.ask("AT+CNMI=2,1", "OK")
		h.ask("AT+CSQ", "+CSQ: 20,99|OK")
		h.ask("AT+CREG?", "+CREG: 0,2|OK")
		h.ask("AT+COPS=0", "OK")
		h.ask("AT+CREG?", "+CREG: 0,1|OK")
		s.Phone("Bank").Send("hi")
		h.silence()
		pass(time.Minute)
		h.hear("\r\n+CMTI: \"SM\",1\r\n")
		pass(time.Hour)
		h.ask("AT", "OK")
		h.ask("AT+CNMI?", "+CNMI: 0,0,0,0,0|OK")
	})
}

func TestScriptOfReads(t *testing.T) {
	s, h := scripted(t, "open split 2 split 1; open nth 2 busy")
	h = reopen(t, s, h)
	h.say("AT\r")
	for _, want := range []string{"\r\n", "O", "K\r", "\n"} {
		b := make([]byte, 64)
		if n, err := h.port.Read(b); string(b[:n]) != want || err != nil {
			t.Errorf("got %q, %v, want %q", b[:n], err, want)
		}
	}
	h.port.Close()
	if _, err := s.Open(); err != simulator.ErrBusy {
		t.Errorf("open: %v", err)
	}
}

func TestScriptOfChance(t *testing.T) {
	_, h := scripted(t, "command chance 30 answer ERROR")
	failed := 0
	for range 300 {
		h.say("AT\r")
		if h.line() == "ERROR" {
			failed++
		}
	}
	if failed < 60 || failed > 120 {
		t.Errorf("%d of 300 failed, want about 90", failed)
	}
}

func TestScriptsThatAreWrong(t *testing.T) {
	for script, want := range map[string]string{
		"sometimes lose":            `"sometimes" is not when`,
		"\n\nresult explode":        `line 3 of the script: "explode" means nothing here`,
		"result":                    "does not say what goes wrong",
		"result nth 3":              "does not say what goes wrong",
		"result nth 0 lose":         "not a number from 1",
		"result late soon":          "not a duration",
		"result late -1s":           "not a duration",
		"result answer":             "a word is missing",
		`result answer "x`:          "a quote is not closed",
		"result mute":               `an "at" must come first`,
		"pdu hang whenever":         "not a duration",
		"pdu deregister 3":          "what helps is missing",
		"command AT AT answer OK":   `"AT" means nothing here`,
		"result chance 101 lose":    "from 1 to 100",
		"result at 3":               "does not say what goes wrong",
		"result lose;;;result boom": `"boom" means nothing here`,
	} {
		if _, err := simulator.ParseScript(script); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", script, err, want)
		}
	}
	if _, err := simulator.ParseScript("# nothing\n ;; \n"); err != nil {
		t.Error(err)
	}
}

// Whatever the script says, reading it and following it ends.
func FuzzScript(f *testing.F) {
	f.Add("command AT+CSQ at 5 say \"\\r\\nRING\\r\\n\"; pdu nth 3 hang cfun # why")
	f.Add("result every 2 lose\ndeliver after 10m for 1h twice\nopen busy; command A*B*C unplug")
	f.Fuzz(func(t *testing.T, script string) {
		fault, err := simulator.ParseScript(script)
		if err != nil {
			return
		}
		for point := simulator.AtOpen; point <= simulator.AtDeliver; point++ {
			fault(simulator.Moment{Point: point, Line: "AT+CSQ"})
		}
	})
}

func TestScriptOfAFever(t *testing.T) {
	s, h := scripted(t, `prompt nth 2 fever "+CMS ERROR: 304"`)
	b := tpdus(t, sms.Submit{To: "+15551234567", Text: "hi"})[0]
	h.submit(b, "+CMGS: 0|OK")
	h.submit(b, "+CMS ERROR: 304")
	h.submit(b, "+CMS ERROR: 304")
	s.Reset()
	quiet(t, s).submit(b, "+CMGS: 1|OK")
}
