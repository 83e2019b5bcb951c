package web_test

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"omsbox/store"
	"omsbox/web"
)

func TestHomeShowsTheExactAddressForOutlook(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	for _, host := range []string{"text.example.org", "text.example.org:8080", "TEXT.example.org:80", "192.0.2.7", "[2001:db8::7]:8025", "box"} {
		t.Run(host, func(t *testing.T) {
			page := html.UnescapeString(s.ask(t, "GET", "/", "", "Host", host).body)
			address := "http://" + host + "/oms/service.asmx"
			if want := `<code class="address">` + address + `</code>`; !strings.Contains(page, want) {
				t.Errorf("the page lacks %s", want)
			}
			if want := `href="oms:` + address + `"`; !strings.Contains(page, want) {
				t.Errorf("the page lacks %s", want)
			}
		})
	}
}

func TestHomeKnowsItsAddressEvenIfTheBrowserDoesNotSay(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	own := strings.TrimPrefix(s.url, "http://")
	conn, err := net.Dial("tcp", own)
	check(t, err)
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.0\r\n\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	check(t, err)
	b, err := io.ReadAll(answer.Body)
	check(t, err)
	if want := ">http://" + own + "/oms/service.asmx<"; !strings.Contains(string(b), want) {
		t.Errorf("the page lacks %s", want)
	}
}

func TestPagesEscapeWhatTheyShow(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	check(t, s.store.Set(t.Context(), "service.name", `<script>alert("1")</script>`))
	check(t, s.store.SetModem(t.Context(), store.Modem{Device: "sim", Problem: `<img src=x onerror=alert(2)>`}))
	page := s.ask(t, "GET", "/", "", "Host", `a"b'c&d.example`).body
	if strings.Contains(page, "<script>") || strings.Contains(page, "<img src=x") || strings.Contains(page, "c&d") {
		t.Errorf("something stands unescaped: %s", page)
	}
	if !strings.Contains(page, "&lt;script&gt;") || !strings.Contains(page, "&lt;img src=x") {
		t.Errorf("the name or the problem is missing: %s", page)
	}
}

func TestHomeSaysHowTheModemIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		modems []store.Modem
		want   string
	}{
		{"none", nil, `bad">No modem is connected.<`},
		{"ready", []store.Modem{{Device: "a", Up: true}}, `good">The modem is ready.<`},
		{"starting", []store.Modem{{Device: "a"}}, `bad">The modem is not ready. It is being started.<`},
		{"problem", []store.Modem{{Device: "a", Problem: "the SIM asks for its PIN: type it on the admin page"}},
			`bad">The modem is not ready. The SIM asks for its PIN: type it on the admin page.<`},
		{"two", []store.Modem{{Device: "a", Up: true}, {Device: "b", Up: true}}, `good">All 2 modems are ready.<`},
		{"half", []store.Modem{{Device: "a", Up: true}, {Device: "b", Problem: "No network."}}, `good">1 of 2 modems are ready. No network.<`},
		{"private", []store.Modem{{Device: "/dev/ttyUSB7", IMEI: "350000000000006", IMSI: "001010123456789", Problem: "no answer from +15550100000"}},
			`bad">The modem is not ready. No answer from ….<`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, web.Config{})
			for _, m := range c.modems {
				check(t, s.store.SetModem(t.Context(), m))
			}
			page := s.ask(t, "GET", "/", "").body
			if !strings.Contains(page, c.want) {
				t.Errorf("the page lacks %s: %s", c.want, page)
			}
			for _, private := range []string{"350000000000006", "001010123456789", "5550100000", "ttyUSB7"} {
				if strings.Contains(page, private) {
					t.Errorf("the page tells %s", private)
				}
			}
		})
	}
}

func TestHomeSaysThatAnswersCannotBeMailed(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	check(t, s.store.SetModem(t.Context(), store.Modem{Device: "a", Up: true}))
	const words = "Answers cannot be mailed now."
	for _, ok := range []bool{true, false, true} {
		check(t, s.store.SetHealth(t.Context(), store.MailRelay, ok, "192.0.2.25:25 does not answer"))
		page := s.ask(t, "GET", "/", "").body
		if strings.Contains(page, words) == ok {
			t.Errorf("the relay is well: %t, and the page says: %s", ok, page)
		}
		if strings.Contains(page, "192.0.2.25") {
			t.Error("the page, which is public, tells the relay's address")
		}
	}
}

func TestAPageThatFailsSaysSoWithACodeOfTheLog(t *testing.T) {
	t.Parallel()
	broken, err := store.Create(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	check(t, err)
	check(t, broken.Close())
	s := serveFrom(t, broken, web.Config{})
	got := s.ask(t, "GET", "/", "")
	if got.status != http.StatusInternalServerError || !strings.Contains(got.body, "Something went wrong here") {
		t.Errorf("got status %d: %s", got.status, got.body)
	}
	if strings.Contains(got.body, "database") || !strings.Contains(s.log.String(), "database is closed") {
		t.Errorf("the log must tell why, the page not: %s", s.log)
	}
}
