package modem_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"omsbox/modem"
	"omsbox/modem/simulator"
	"omsbox/store"
)

func TestTheNetworkAnswersACode(t *testing.T) {
	t.Parallel()
	for _, profile := range append(simulator.Profiles(), "") {
		for _, c := range []struct {
			says       simulator.USSD
			want, fail string
		}{
			{simulator.USSD{Status: 0, Text: "Your balance is 12.34 EUR"}, "Your balance is 12.34 EUR", ""},
			{simulator.USSD{Status: 0, Text: "Line one\r\nLine two\r\nLine three"}, "Line one\nLine two\nLine three", ""},
			{simulator.USSD{Status: 0, Text: "12.30 £ für Übermut"}, "12.30 £ für Übermut", ""},
			{simulator.USSD{Status: 1, Text: "1 Balance\r\n2 Back"}, "1 Balance\n2 Back", ""},
			{simulator.USSD{Status: 2, Text: "Bye, now"}, "Bye, now", ""},
			{simulator.USSD{Status: 2}, "", "ended"},
			{simulator.USSD{Status: 4}, "", "does not know this code"},
			{simulator.USSD{Status: 5}, "", "did not answer in time"},
		} {
			t.Run(fmt.Sprintf("%s %d %s", profile, c.says.Status, c.want), func(t *testing.T) {
				hours(t, func(t *testing.T) {
					sim := simulator.New(simulator.Options{Profile: profile, USSDDelay: 3 * time.Second, Chatter: time.Second})
					defer sim.Close()
					asked := ""
					sim.SetUSSD(func(code string) simulator.USSD { asked = code; return c.says })
					var out strings.Builder
					err := modem.USSD(t.Context(), func(context.Context) (io.ReadWriteCloser, error) { return sim.Open() }, "*100#", &out, quiet())
					got := strings.ReplaceAll(strings.TrimSpace(out.String()), "\r", "")
					if c.fail == "" && (err != nil || got != c.want) || c.fail != "" && (err == nil || !strings.Contains(err.Error(), c.fail)) {
						t.Errorf("got %q, %v", got, err)
					}
					if asked != "*100#" {
						t.Errorf("the network was asked %q", asked)
					}
				})
			})
		}
	}
}

func TestANetworkThatDoesNotAnswerACodeIsGivenUp(t *testing.T) {
	hours(t, func(t *testing.T) {
		sim := simulator.New(simulator.Options{USSDDelay: time.Hour})
		defer sim.Close()
		cancelled := false
		sim.Misbehave(func(m simulator.Moment) simulator.Fault {
			cancelled = cancelled || m.Line == "AT+CUSD=2"
			return simulator.Fault{}
		})
		began := time.Now()
		err := modem.USSD(t.Context(), func(context.Context) (io.ReadWriteCloser, error) { return sim.Open() }, "*100#", io.Discard, quiet())
		if err == nil || !strings.Contains(err.Error(), "did not answer") || time.Since(began) > time.Minute || !cancelled {
			t.Errorf("got %v after %v, cancelled %t", err, time.Since(began), cancelled)
		}
		if err := modem.USSD(t.Context(), func(context.Context) (io.ReadWriteCloser, error) { return sim.Open() }, `*100#",15`, io.Discard, quiet()); err == nil {
			t.Error("a code that is none was dialled")
		}
	})
}

func TestAnErrandIsDoneBetweenTexts(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{USSDDelay: 10 * time.Second}, patient)
		for range 5 {
			b.write(t, "beside it", number)
		}
		answer, err := b.Ask(t.Context(), "sim", "ussd", "*100#")
		if err != nil || answer != "Balance 12.34 EUR" {
			t.Errorf("got %q, %v", answer, err)
		}
		answer, err = b.Ask(t.Context(), "sim", "info", "")
		check(t, err)
		for _, want := range []string{"model         Simulator", "SIM           READY", "IMSI          001010123456789", "CREG          registered",
			"-73 dBm, 5 of 5 bars", "SMSC          +15550199999", "storage       SM: 0 of 20", "found wrong   nothing", "+CMGS"} {
			if !strings.Contains(answer, want) {
				t.Errorf("%q is missing in\n%s", want, answer)
			}
		}
		if got := b.sim.Count(); got != 5 {
			t.Errorf("%d texts left", got)
		}
		b.sim.Unplug()
		after(time.Minute)
		if _, err := b.Ask(t.Context(), "sim", "ussd", "*100#"); err == nil || !strings.Contains(err.Error(), "cannot be used now") {
			t.Errorf("without the modem it is %v", err)
		}
	})
}

func TestInfoSaysWhatIsWrong(t *testing.T) {
	hours(t, func(t *testing.T) {
		sim := simulator.New(simulator.Options{PIN: "1234", Profile: "ec25"})
		defer sim.Close()
		sim.SetSignal(3)
		info := func() string {
			var out bytes.Buffer
			check(t, modem.Info(t.Context(), func(context.Context) (io.ReadWriteCloser, error) { return sim.Open() }, &out, quiet()))
			return out.String()
		}
		got := info()
		for _, want := range []string{"SIM PIN, 3 tries for the PIN", "the SIM asks for its PIN", "the signal is weak", "Quectel"} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is missing in\n%s", want, got)
			}
		}
	})
}

func TestALowBalanceIsTold(t *testing.T) {
	hours(t, func(t *testing.T) {
		b := connect(t, simulator.Options{}, patient, daily, func(b *bench) {
			check(t, b.Set(context.Background(), "sim.balance", "*100#"))
			check(t, b.Set(context.Background(), "sim.least", "5"))
		})
		var asked atomic.Int64
		var said atomic.Pointer[string]
		says := func(text string) { said.Store(&text) }
		says("Balance: 5.10 EUR")
		b.sim.SetUSSD(func(string) simulator.USSD { asked.Add(1); return simulator.USSD{Text: *said.Load()} })
		low := func() bool {
			_, low, err := b.LowBalance(context.Background())
			check(t, err)
			return low
		}
		after(time.Minute)
		if got := b.alarmed(t); got != nil || low() || asked.Load() != 1 {
			t.Errorf("the alarms %v are open, low is %t, asked %d times", got, low(), asked.Load())
		}
		says("Balance: 4.90 EUR")
		after(2 * time.Hour)
		if got := b.alarmed(t); !slices.Equal(got, []string{"balance"}) || !low() || asked.Load() != 2 {
			t.Errorf("the alarms %v are open, low is %t, asked %d times", got, low(), asked.Load())
		}
		b.sim.Reset() // it is not asked again for that
		after(time.Hour)
		if asked.Load() != 2 {
			t.Errorf("asked %d times", asked.Load())
		}
		says("Balance: 14.90 EUR")
		after(2 * time.Hour)
		if got := b.alarmed(t); got != nil || low() {
			t.Errorf("the alarms %v are open, low is %t", got, low())
		}
		sims, err := b.SIMs(t.Context())
		check(t, err)
		if sim := only(t, sims); sim.Balance != *said.Load() || sim.Amount == nil || *sim.Amount != 14.9 {
			t.Errorf("the SIM is %+v", sim)
		}
	})
}

func TestTheDialogueBeforeAnErrorIsLoggedWithoutNumbersAndTexts(t *testing.T) {
	hours(t, func(t *testing.T) {
		s, err := store.Create(context.Background(), dataDir(t), quiet())
		check(t, err)
		defer s.Close()
		sim := simulator.New(simulator.Options{PIN: "4711"})
		defer sim.Close()
		check(t, s.Set(t.Context(), "sim.pin", "4711"))
		check(t, s.Set(t.Context(), "sim.balance", "*100#"))
		sim.SetUSSD(func(string) simulator.USSD { return simulator.USSD{Text: "Dear Bob,\r\nyou have 12.34 EUR"} })
		var log bytes.Buffer
		m := modem.New(s, "sim", func(context.Context) (io.ReadWriteCloser, error) { return sim.Open() }, slog.New(slog.NewTextHandler(&log, nil)))
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- m.Run(ctx) }()
		after(10 * time.Second)
		check(t, sim.Phone(number).Send("the secret text"))
		_, _, err = s.Enqueue(t.Context(), store.Message{Parts: []string{"another secret"}, To: []store.Recipient{{Number: "+447911000002"}, {Number: "12345"}}})
		check(t, err)
		after(time.Minute)
		sim.Misbehave(simulator.Once(simulator.AtCommand, simulator.Fault{Hang: true, Cure: simulator.ByRestart}))
		after(20 * time.Minute)
		cancel()
		check(t, ends(t, done, sim))
		said := log.String()
		if got := strings.Count(said, "dialogue="); got < 1 || got > 2 {
			t.Errorf("the dialogue was logged %d times", got)
		}
		if !strings.Contains(said, "AT+CMGS=") || !strings.Contains(said, "digits>") {
			t.Errorf("the dialogue is not there:\n%s", said)
		}
		for _, secret := range []string{"4711", "447911", "749711", "secret", "Bob", "12.34", "001010123456789", "89001010", "12345\"", "5550199999"} {
			if strings.Contains(said, secret) {
				t.Errorf("%q is in the process log", secret)
			}
		}
	})
}
