package mailer_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"omsbox/mailer"
)

// openMailbox serves a mailbox until the test ends, or stop.
func openMailbox(t *testing.T) (box *mailer.Mailbox, address string, stop func()) {
	t.Helper()
	box = mailer.NewMailbox(slog.New(slog.DiscardHandler))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- box.Serve(ctx, l) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			check(t, err)
		case <-time.After(20 * time.Second):
			t.Error("Serve did not return")
		}
	}
	t.Cleanup(stop)
	return box, l.Addr().String(), stop
}

// wait waits until the mailbox holds n mails.
func wait(t *testing.T, box *mailer.Mailbox, n int) []mailer.ReceivedMail {
	t.Helper()
	changed, stop := box.Watch()
	defer stop()
	timeout := time.After(20 * time.Second)
	for {
		if mails := box.Mails(); len(mails) >= n {
			return mails
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("the mailbox holds %d mails, want %d", len(box.Mails()), n)
		}
	}
}

func send(t *testing.T, address, from, to, data string) {
	t.Helper()
	c, err := smtp.Dial(address)
	check(t, err)
	defer c.Close()
	check(t, c.SendMail(from, []string{to}, strings.NewReader(data)))
	check(t, c.Quit())
}

func TestTheDemoMailboxShowsARealReply(t *testing.T) {
	t.Parallel()
	box, address, _ := openMailbox(t)
	b := newBox(t)
	b.relayTo("smtp://"+address, "Grüße\nvon unterwegs")
	b.run()
	got := wait(t, box, 1)[0]
	if got.From != "ann@box.example.org" || !slices.Equal(got.To, []string{"ann@example.org"}) || got.Text != "Grüße\r\nvon unterwegs\r\n" {
		t.Errorf("got %+v", got)
	}
	var names []string
	for _, h := range got.Headers {
		names = append(names, h.Name)
		if h.Name == "Subject" && (h.Value != "=?utf-8?q?Gr=C3=BC=C3=9Fe?=" || h.Text != "Grüße") {
			t.Errorf("got the Subject %+v", h)
		}
	}
	want := "From To Subject Date Message-ID Content-class X-MS-Reply-To-Mobile MIME-Version Content-Type Content-Transfer-Encoding"
	if strings.Join(names, " ") != want {
		t.Errorf("got the fields %v, want %s", names, want)
	}
	if !strings.HasPrefix(got.Source, "From: ") || !strings.Contains(got.Source, "\r\n\r\nGr=C3=BC") {
		t.Errorf("got the source %q", got.Source)
	}
}

func TestTheDemoMailboxOverHTTP(t *testing.T) {
	t.Parallel()
	box, address, stop := openMailbox(t)
	web := httptest.NewServer(http.StripPrefix("/demo/mailbox", box))
	defer web.Close()
	mails := func() (all []mailer.ReceivedMail) {
		t.Helper()
		response, err := http.Get(web.URL + "/demo/mailbox/mails")
		check(t, err)
		defer response.Body.Close()
		if got := response.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("got %s", got)
		}
		check(t, json.NewDecoder(response.Body).Decode(&all))
		return all
	}
	if got := mails(); got == nil || len(got) != 0 {
		t.Errorf("an empty mailbox is %v, want []", got)
	}
	events, err := http.Get(web.URL + "/demo/mailbox/events")
	check(t, err)
	defer events.Body.Close()
	if got := events.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("got %s", got)
	}
	lines := bufio.NewReader(events.Body)
	next := func(want string) {
		t.Helper()
		for _, want := range []string{want, "\n"} {
			if got, err := lines.ReadString('\n'); err != nil || got != want {
				t.Fatalf("got the line %q (%v), want %q", got, err, want)
			}
		}
	}
	next("data: 0\n")
	send(t, address, "", "anyone@example.net", "Subject: Hi\r\n\r\nHello\r\n")
	next("data: 1\n")
	if got := mails(); len(got) != 1 || got[0].Text != "Hello\r\n" || got[0].To[0] != "anyone@example.net" || got[0].ID != 1 {
		t.Errorf("got %+v", got)
	}
	for path, status := range map[string]int{"/demo/mailbox/": 404, "/demo/mailbox/other": 404} {
		response, err := http.Get(web.URL + path)
		check(t, err)
		response.Body.Close()
		if response.StatusCode != status {
			t.Errorf("%s: got %d, want %d", path, response.StatusCode, status)
		}
	}
	response, err := http.Post(web.URL+"/demo/mailbox/mails", "text/plain", strings.NewReader("x"))
	check(t, err)
	response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: got %d", response.StatusCode)
	}
	stop()
	if _, err := io.ReadAll(lines); err != nil { // the stream ends with the mailbox
		t.Error(err)
	}
}

func TestTheDemoMailboxKeepsTheNewest(t *testing.T) {
	t.Parallel()
	box, address, _ := openMailbox(t)
	c, err := smtp.Dial(address)
	check(t, err)
	defer c.Close()
	for i := range 203 {
		check(t, c.SendMail("a@example.org", []string{"b@example.org"}, strings.NewReader(fmt.Sprintf("Subject: %d\r\n\r\n", i))))
	}
	got := box.Mails()
	if len(got) != 200 || got[0].ID != 4 || got[199].ID != 203 || got[199].Headers[0].Value != "202" {
		t.Errorf("got %d mails from %d to %d", len(got), got[0].ID, got[len(got)-1].ID)
	}
}

func TestTheDemoMailboxTakesOddMail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, data, text string }{
		{"no header", "\r\nbody\r\n", "body\r\n"},
		{"not even that", "body\r\n", ""},
		{"nothing", "", ""},
		{"charset that nobody knows", "Content-Type: text/plain; charset=klingon\r\n\r\nx\r\n", ""},
		{"octets of no charset", "Subject: \xff\r\n\r\n\xff\r\n", "\uFFFD\r\n"},
		{"an attachment", "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			box, address, _ := openMailbox(t)
			send(t, address, "a@example.org", "b@example.org", c.data)
			if got := wait(t, box, 1)[0]; got.Text != c.text {
				t.Errorf("got %q, want %q", got.Text, c.text)
			}
		})
	}
}

func TestTheDemoMailboxHasLimits(t *testing.T) {
	t.Parallel()
	box, address, stop := openMailbox(t)
	c, err := smtp.Dial(address)
	check(t, err)
	defer c.Close()
	if err := c.SendMail("a@example.org", []string{"b@example.org"}, strings.NewReader(strings.Repeat(strings.Repeat("x", 98)+"\r\n", 11000))); err == nil {
		t.Error("a mail of more than a megabyte was taken")
	}
	var open []net.Conn
	for range 60 {
		conn, err := net.Dial("tcp", address)
		check(t, err)
		defer conn.Close()
		open = append(open, conn)
	}
	last := open[len(open)-1]
	last.SetDeadline(time.Now().Add(10 * time.Second))
	if n, err := last.Read(make([]byte, 1)); err == nil {
		t.Errorf("the 61st connection got %d octets, want it closed", n)
	}
	stop() // with connections open
	if n := len(box.Mails()); n != 0 {
		t.Errorf("the mailbox holds %d mails", n)
	}
}
