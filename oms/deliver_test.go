package oms_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"omsbox/store"
)

const limits = "1530 single-byte or 670 double-byte characters"

func TestDeliverXmsAnswers(t *testing.T) {
	t.Parallel()
	const phone = "+447911123456"
	numbers := func(n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf("+4479111%05d", 20000+i))
		}
		return list
	}
	one := []string{"hello"}
	tests := []struct {
		name   string
		m      message
		want   string // of each error: code/severity content|recipientList
		queued int
	}{
		{"one phone", message{to: []string{phone}, parts: one}, "ok/neutral", 1},
		{"a bad recipient beside a good one", message{to: []string{"nobody", phone}, parts: one}, "invalidRecipient/failure |nobody", 1},
		{"bad recipients alone", message{to: []string{"x;y", "nobody", "nobody"}, parts: one}, "invalidRecipient/failure |x;y;nobody", 0},
		{"a recipient with markup", message{to: []string{`<"&'>`}, parts: one}, `invalidRecipient/failure |<"&'>`, 0},
		{"one phone in three spellings", message{to: []string{phone, "07911 123456", "Ann <0044 7911 123456>"}, parts: one}, "ok/neutral", 1},
		{"as many recipients as promised", message{to: numbers(50), parts: one}, "ok/neutral", 50},
		{"too many recipients", message{to: numbers(51), parts: one}, "other/failure A message can have at most 50 recipients. Nothing was sent.", 0},
		{"no recipient", message{to: []string{"", " "}, parts: one}, "other/failure The message has no recipient. Nothing was sent.", 0},
		{"no part", message{to: []string{phone}}, "other/failure The message has no text. Nothing was sent.", 0},
		{"blank parts", message{to: []string{phone}, parts: []string{"", " \n"}}, "other/failure The message has no text. Nothing was sent.", 0},
		{"as many parts as promised", message{to: []string{phone}, parts: slices.Repeat(one, 20)}, "ok/neutral", 1},
		{"too many parts", message{to: []string{phone}, parts: slices.Repeat(one, 21)},
			"other/failure At most 20 text messages can be sent at once. Nothing was sent.", 0},
		{"a long calendar summary", message{to: []string{phone}, parts: slices.Repeat(one, 50), source: "calSummary"}, "ok/neutral", 1},
		{"a longer calendar summary", message{to: []string{phone}, parts: slices.Repeat(one, 500), source: "calSummary"},
			"other/failure At most 50 text messages can be sent at once. Nothing was sent.", 0},
		{"the longest single-byte part", message{to: []string{phone}, parts: []string{strings.Repeat("a", 1530)}}, "ok/neutral", 1},
		{"a longer single-byte part", message{to: []string{phone}, parts: []string{"x", strings.Repeat("a", 1531)}}, "lengthLimit/failure " + limits, 0},
		{"the longest double-byte part", message{to: []string{phone}, parts: []string{strings.Repeat("中", 670)}}, "ok/neutral", 1},
		{"a longer double-byte part", message{to: []string{phone}, parts: []string{strings.Repeat("a", 670) + "中"}}, "lengthLimit/failure " + limits, 0},
		{"the longest part of umlauts, which the GSM alphabet has", message{to: []string{phone},
			parts: []string{strings.Repeat("ü", 1530)}}, "ok/neutral", 1},
		{"US-ASCII that the GSM alphabet does not have", message{to: []string{phone}, parts: []string{strings.Repeat("`", 1530)}}, "ok/neutral", 1},
		{"a longer part of umlauts", message{to: []string{phone}, parts: []string{strings.Repeat("ü", 1531)}}, "lengthLimit/failure " + limits, 0},
		{"an emoji is two characters to Outlook", message{to: []string{phone}, parts: []string{strings.Repeat("😀", 336)}},
			"lengthLimit/failure " + limits, 0},
		{"the longest part of characters that take two septets", message{to: []string{phone}, parts: []string{strings.Repeat("[", 1530)}}, "ok/neutral", 1},
		{"a multimedia message", message{to: []string{phone}, parts: one, format: "MMS"}, "unregisteredService/failure MMS_SENDER", 0},
		{"another format", message{to: []string{phone}, parts: one, format: "EMS"},
			"invalidFormat/failure xmsData: the format of xmsBody is neither SMS nor MMS", 0},
		{"a time in the past", message{to: []string{phone}, parts: one, scheduled: "2005-04-20T14:20:00Z"}, "ok/neutral", 1},
		{"a time that is none", message{to: []string{phone}, parts: one, scheduled: "tomorrow"},
			"invalidFormat/failure xmsData: scheduled is no time such as 2010-04-20T14:20:00Z", 0},
		{"a wrong password", message{to: []string{phone}, parts: one, password: "guess"}, "invalidUser/failure", 0},
	}
	b := newBox(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := b.queued(t)
			if got := b.deliver(t, test.m).String(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if got := b.queued(t) - before; got != test.queued {
				t.Errorf("%d deliveries were queued, want %d", got, test.queued)
			}
		})
	}
}

func TestWhatIsNoNumberIsQuotedInShort(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	long := func(n int) string { return strings.Repeat("<", 20_000) + strings.Repeat("ü", n) }
	body := envelope("DeliverXms", "xmsData", message{to: []string{long(1), long(2), "nobody"}, parts: []string{"hello"}}.String())
	r := b.post(t, body)
	answer, err := io.ReadAll(r.Body)
	check(t, err)
	if len(answer) > 2*300*9+600 { // of each the beginning, escaped twice
		t.Errorf("the answer has %d bytes", len(answer))
	}
	if !strings.Contains(string(answer), "…;nobody") {
		t.Errorf("got %s", answer)
	}
}

func TestDeliverXmsReadsTheBodyRatherThanItsLabel(t *testing.T) {
	t.Parallel()
	sms := message{to: []string{"+447911123456"}, parts: []string{"hello"}}.String()
	tests := []struct{ name, old, new, want string }{
		{"format wins over requiredService", "SMS_SENDER", "MMS_SENDER", "ok/neutral"},
		{"requiredService stands in for format", ` format="SMS"`, "", "ok/neutral"},
		{"a media type with parameters in capitals", `"text/plain"`, `"Text/Plain; charset=utf-8"`, "ok/neutral"},
		{"no media type", ` contentType="text/plain"`, "", "ok/neutral"},
		{"a picture in a text message", `"text/plain"`, `"image/jpeg"`, "invalidMedia/failure Att0.txt@AB1B43B2B0594564.B94EF7ABB12B49BA"},
		{"an empty schedule", "<requiredService>", "<scheduled/><requiredService>", "ok/neutral"},
		{"unknown elements", "<requiredService>", "<new><deep/></new><requiredService>", "ok/neutral"},
		{"no body", "xmsBody", "elsewhere", "invalidFormat/failure xmsData: there is no xmsBody"},
		{"no user", "<user>", "<user><x/></user><nobody>", "invalidFormat/failure xmsData: not well-formed XML at line 1"},
		{"a user without a name", "<userId>myname</userId>", "", "invalidUser/failure"},
	}
	b := newBox(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(sms, test.old) {
				t.Fatalf("there is no %s", test.old)
			}
			body := envelope("SendXms", "xmsData", strings.ReplaceAll(sms, test.old, test.new))
			if got := result(t, b.post(t, body), "SendXms").String(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestADisabledUserIsToldSoOnlyWithTheRightPassword(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	check(t, b.Disable(t.Context(), "myname"))
	m := message{to: []string{"+447911123456"}, parts: []string{"hello"}}
	if got, want := b.deliver(t, m).String(), "expiredUser/failure"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	m.password = "guess"
	if got, want := b.deliver(t, m).String(), "invalidUser/failure"; got != want {
		t.Errorf("with a wrong password got %s, want %s", got, want)
	}
	if n := b.queued(t); n != 0 {
		t.Errorf("%d deliveries were queued", n)
	}
}

func TestPartsAreKeptInTheirOrder(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	want := []string{"(1/3) a\nb", "(2/3) ☎ & <b>", "(3/3) 😀"}
	m := message{to: []string{"+447911123456"}, parts: want}
	if got := b.deliver(t, m).String(); got != "ok/neutral" {
		t.Fatal(got)
	}
	got, err := b.Text(t.Context(), 1)
	check(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAScheduledMessageWaitsForItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		check(t, b.Set(t.Context(), "oms.wait", "30s"))
		began := time.Now()
		at := began.Add(26 * time.Hour).UTC().Truncate(time.Minute)
		m := message{to: []string{"+447911123456"}, parts: []string{"hello"}, scheduled: at.Format("2006-01-02T15:04:05Z")}
		if got := b.deliver(t, m).String(); got != "ok/neutral" {
			t.Fatal(got)
		}
		if waited := time.Since(began); waited >= 30*time.Second {
			t.Errorf("the answer came after %v", waited)
		}
		deliveries, err := b.Deliveries(t.Context(), 1)
		check(t, err)
		if d := deliveries[0]; d.State != store.Scheduled || !d.Due.Equal(at) {
			t.Errorf("got %s at %v, want scheduled at %v", d.State, d.Due, at)
		}
	})
}

// settle is the modem: it takes the next delivery, once there is one, and returns its verdict.
func (b *box) settle(t testing.TB, outcome store.Outcome, reason string) store.Attempt {
	t.Helper()
	bell := b.Subscribe(store.Outgoing)
	defer bell.Close()
	for {
		a, err := b.Claim(t.Context(), "imsi", nil)
		check(t, err)
		if a != nil {
			check(t, b.Settle(t.Context(), store.Verdict{Attempt: *a, Outcome: outcome, MR: 1, Reason: reason}))
			return *a
		}
		<-bell.C
	}
}

// notice returns the deliveries that the first mail tells of, once it is queued.
func (b *box) notice(t testing.TB) []store.Delivery {
	t.Helper()
	bell := b.Subscribe(store.Post)
	defer bell.Close()
	for {
		told, err := b.Told(t.Context(), 1)
		check(t, err)
		if told != nil {
			return told
		}
		<-bell.C
	}
}

func TestARefusalWithinTheWaitIsAnswered(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	check(t, b.Set(t.Context(), "oms.wait", "30s"))
	answer := make(chan xmsResponse)
	go func() {
		answer <- b.deliver(t, message{parts: []string{"hello"},
			to: []string{"07911 100001", "07911 100002", "nobody", "07911 100003", "07911 100004", "07911 100005"}})
	}()
	b.settle(t, store.Refused, "barred by the network")
	b.settle(t, store.Accepted, "")
	b.settle(t, store.Refused, "unknown number")
	b.settle(t, store.Refused, "barred by the network")
	b.settle(t, store.Doubtful, "the modem did not answer")
	want := "other/failure Barred by the network.|07911 100001;07911 100004\n" +
		"other/failure Unknown number.|07911 100003\n" +
		"invalidRecipient/failure |nobody"
	if got := (<-answer).String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// What the answer could not tell, a mail does; what it told, none.
	told := b.notice(t)
	if len(told) != 1 || told[0].Typed != "07911 100005" || told[0].State != store.Unconfirmed {
		t.Errorf("the mail tells of %+v, want the unconfirmed delivery alone", told)
	}
}

func TestAFailureAfterTheAnswerIsMailed(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	check(t, b.Set(t.Context(), "oms.wait", "1ms"))
	if got := b.deliver(t, message{to: []string{"07911 100001"}, parts: []string{"hello"}}).String(); got != "ok/neutral" {
		t.Fatalf("got %s, want ok while nothing is known", got)
	}
	b.settle(t, store.Refused, "unknown number")
	told := b.notice(t)
	if len(told) != 1 || told[0].Typed != "07911 100001" {
		t.Errorf("the mail tells of %+v", told)
	}
}

// hangUp sends a request to a real server and hangs up once its message is queued. It returns
// when the server has noticed.
func (b *box) hangUp(t testing.TB, body string) {
	t.Helper()
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(gone)
		b.handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	queued := b.Subscribe(store.Outgoing)
	defer queued.Close()
	ctx, hangUp := context.WithCancel(t.Context())
	go func() {
		<-queued.C
		hangUp()
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, strings.NewReader(body))
	check(t, err)
	answer, err := http.DefaultClient.Do(r)
	if err == nil {
		answer.Body.Close()
		t.Fatalf("got %s before hanging up", answer.Status)
	}
	<-gone
}

func TestARepeatAfterALostAnswerQueuesNothing(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	check(t, b.Set(t.Context(), "oms.wait", "30s"))
	m := message{to: []string{"07911 100001", "nobody"}, parts: []string{"hello"}}
	body := envelope("DeliverXms", "xmsData", m.String())
	b.hangUp(t, body)
	if n := b.queued(t); n != 1 {
		t.Fatalf("%d deliveries are queued, want 1", n)
	}
	answer := make(chan xmsResponse)
	go func() { answer <- result(t, b.post(t, body), "DeliverXms") }()
	b.settle(t, store.Refused, "unknown number")
	want := "other/failure Unknown number.|07911 100001\ninvalidRecipient/failure |nobody"
	if got := (<-answer).String(); got != want {
		t.Errorf("the repeat got\n%s\nwant\n%s", got, want)
	}
	if n := b.queued(t); n != 0 {
		t.Errorf("the repeat queued %d deliveries", n)
	}
	// Its answer was written, so the same once more is meant.
	check(t, b.Set(t.Context(), "oms.wait", "0"))
	result(t, b.post(t, body), "DeliverXms")
	if n := b.queued(t); n != 1 {
		t.Errorf("the same text sent again queued %d deliveries, want 1", n)
	}
}

func TestARepeatThatNobodyWaitsForIsStillAnswered(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	check(t, b.Set(t.Context(), "oms.wait", "30s"))
	body := envelope("DeliverXms", "xmsData", message{to: []string{"07911 100001"}, parts: []string{"hello"}}.String())
	b.hangUp(t, body)
	b.settle(t, store.Refused, "unknown number")
	check(t, b.Set(t.Context(), "oms.wait", "0"))
	if got, want := result(t, b.post(t, body), "DeliverXms").String(), "other/failure Unknown number.|07911 100001"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// dropped is a connection that breaks when the answer is written.
type dropped struct {
	*httptest.ResponseRecorder
	panics bool
}

func (d dropped) Write([]byte) (int, error) {
	if d.panics {
		panic(http.ErrAbortHandler)
	}
	return 0, io.ErrClosedPipe
}

func TestWhatAnAnswerCouldNotTellIsMailed(t *testing.T) {
	t.Parallel()
	for name, panics := range map[string]bool{"the connection broke": false, "the server gave up": true} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t)
			check(t, b.Set(t.Context(), "oms.wait", "30s"))
			body := envelope("DeliverXms", "xmsData", message{to: []string{"07911 100001"}, parts: []string{"hello"}}.String())
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				defer func() { recover() }()
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
				b.handler.ServeHTTP(dropped{httptest.NewRecorder(), panics}, r)
			}()
			b.settle(t, store.Refused, "unknown number")
			<-gone
			if told := b.notice(t); len(told) != 1 {
				t.Errorf("the mail tells of %d deliveries, want 1", len(told))
			}
		})
	}
}

func TestTooManySignInsAreSentAway(t *testing.T) {
	t.Parallel()
	b := newBox(t, store.WithPasswordCost(19*1024, 2)) // the usual: the line stays full for longer than anybody waits
	ctx, cancel := context.WithCancel(t.Context())
	body := envelope("DeliverXms", "xmsData", message{to: []string{"07911 100001"}, parts: []string{"hello"}, password: "guess"}.String())
	const many = 1000
	busy := make(chan string, many)
	var requests sync.WaitGroup
	for n := range many {
		requests.Go(func() {
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(body))
			r.RemoteAddr = fmt.Sprintf("198.51.%d.%d:1234", n/256, n%256)
			b.handler.ServeHTTP(w, r)
			if got := result(t, w.Result(), "DeliverXms").String(); ctx.Err() == nil && strings.HasPrefix(got, "other") {
				busy <- got
				cancel()
			}
		})
	}
	requests.Wait()
	cancel()
	close(busy)
	want := "other/failure Too many people are signing in at once. Nothing was sent; please try again in a moment."
	if got := <-busy; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWrongPasswordsAreMadeToWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the pause is not over before it is looked at
		b := newBox(t)
		m := message{to: []string{"07911 100001"}, parts: []string{"hello"}, password: "guess"}
		for n := range 5 {
			if got := b.deliver(t, m).String(); got != "invalidUser/failure" {
				t.Fatalf("guess %d got %s", n+1, got)
			}
		}
		m.password = ""
		want := "other/failure Too many wrong passwords from here. Try again in 1 second."
		if got := b.deliver(t, m).String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		user := `<xmsUser><userId>myname</userId><password>mypwd</password></xmsUser>`
		if got := inner(t, b.post(t, envelope("GetUserInfo", "xmsUser", user)), "GetUserInfo"); !strings.Contains(got,
			`<error code="other" severity="failure" />`) {
			t.Errorf("GetUserInfo got %s, want the code other", got)
		}
		// Elsewhere the right password is right.
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(envelope("DeliverXms", "xmsData", m.String())))
		r.RemoteAddr = "[2001:db8::1]:1234"
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, r)
		if got := result(t, w.Result(), "DeliverXms").String(); got != "ok/neutral" {
			t.Errorf("from another address got %s, want ok", got)
		}
	})
}

// Another process beside the service is heard of within half a second; the wait may be over before.
func TestTheWaitEndsWithALastLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		b := newBoxIn(t, dir)
		check(t, b.Set(t.Context(), "oms.wait", "100ms"))
		beside, err := store.Open(t.Context(), dir, slog.New(slog.DiscardHandler))
		check(t, err)
		defer beside.Close()
		answer := make(chan xmsResponse)
		go func() {
			answer <- b.deliver(t, message{to: []string{"07911 100001"}, parts: []string{"hello"}})
		}()
		time.Sleep(50 * time.Millisecond)
		(&box{Store: beside}).settle(t, store.Refused, "unknown number")
		if got, want := (<-answer).String(), "other/failure Unknown number.|07911 100001"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestATroubleOfOurOwnIsAPlainSentenceAndALogLine(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	m := message{to: []string{"07911 100001"}, parts: []string{"hello"}}
	if got := b.deliver(t, m).String(); got != "ok/neutral" {
		t.Fatal(got)
	}
	check(t, b.Close())
	want := "other/failure The message could not be taken because of a problem in the service. Nothing was sent; please try again later."
	if got := b.deliver(t, m).String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !strings.Contains(b.log.String(), "level=ERROR") {
		t.Errorf("the log says nothing of it: %s", b.log)
	}
}

func TestTheLogKeepsSecrets(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	check(t, b.Set(t.Context(), "oms.wait", "1ms"))
	for _, m := range []message{
		{to: []string{"+447911123456", "+4479111nobody"}, parts: []string{"the secret text"}},
		{to: []string{"+447911123456"}, parts: []string{"the secret text"}, password: "a-secret-guess"},
		{to: []string{"+447911123456"}, parts: []string{"the secret text"}, scheduled: "never"},
		{to: []string{"+447911123456"}, parts: []string{"the secret text"}, format: "MMS"},
	} {
		b.deliver(t, m)
		whole := envelope("DeliverXms", "xmsData", m.String())
		for _, body := range []string{whole[:len(whole)-40], m.String(), strings.ReplaceAll(whole, "/userId", "/x")} {
			answer, err := io.ReadAll(b.post(t, body).Body)
			check(t, err)
			for _, secret := range []string{"mypwd", "a-secret-guess"} {
				if bytes.Contains(answer, []byte(secret)) {
					t.Errorf("the answer shows a password: %s", answer)
				}
			}
		}
		user := fmt.Sprintf(`<xmsUser><userId>myname</userId><password>%s</password></xmsUser>`, cmp.Or(m.password, "mypwd"))
		b.post(t, envelope("GetUserInfo", "xmsUser", user))
		b.post(t, envelope("GetUserInfo", "xmsUser", user[5:]))
	}
	if b.log.Len() == 0 {
		t.Fatal("nothing was logged")
	}
	for _, secret := range []string{"mypwd", "secret", "7911", "nobody", "hello"} {
		if strings.Contains(b.log.String(), secret) {
			t.Errorf("the log shows %q:\n%s", secret, b.log)
		}
	}
}

func TestWhoSendsIsWarnedOfALowBalance(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	const imsi = "234150000000000"
	check(t, b.SetModem(t.Context(), store.Modem{Device: "sim", Up: true, IMSI: imsi}))
	_, err := b.MeetSIM(t.Context(), imsi, "")
	check(t, err)
	_, err = b.SetBalance(t.Context(), imsi, "Your balance is 4.99 GBP")
	check(t, err)
	m := message{to: []string{"+447911123456"}, parts: []string{"hello"}}
	for _, c := range []struct{ least, want string }{
		{"", "ok/neutral"},
		{"4.99", "ok/neutral"},
		{"5", "ok/neutral\nlowBalance/neutral Your balance is 4.99 GBP"},
	} {
		check(t, b.Set(t.Context(), "sim.least", c.least))
		before := b.queued(t)
		if got := b.deliver(t, m).String(); got != c.want {
			t.Errorf("with sim.least %q: got %s, want %s", c.least, got, c.want)
		}
		if b.queued(t) != before+1 {
			t.Errorf("with sim.least %q: it was not queued", c.least)
		}
	}
}
