package oms_test

import (
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"omsbox/oms"
	"omsbox/store"
)

// A case of TestEachCode: what is asked of a box in some state, and what is answered, which
// testdata/codes/NAME has in full.
type codeCase struct {
	name      string
	at        time.Time // when it is; zero: now
	state     func(t *testing.T, b *box)
	operation string // "": DeliverXms
	argument  string
	want      string // as in TestDeliverXmsAnswers
	queued    int
}

const phone = "+447911123456"

func set(pairs ...string) func(*testing.T, *box) {
	return func(t *testing.T, b *box) {
		for i := 0; i < len(pairs); i += 2 {
			check(t, b.Set(t.Context(), pairs[i], pairs[i+1]))
		}
	}
}

// proven is a box of which a modem has sent a multimedia message.
func proven(pairs ...string) func(*testing.T, *box) {
	return func(t *testing.T, b *box) {
		check(t, b.ProveMMS(t.Context(), "sim"))
		check(t, b.SawService(t.Context(), b.user.ID, ""))
		set(pairs...)(t, b)
	}
}

const (
	gif    = `<content contentType="image/gif" contentId="Att1.gif@A" contentLocation="a.gif">R0lGODlh` + "\r\n\t AQABAAAAACw=</content>"
	plain  = `<content contentType="text/plain" contentId="Att0.txt@A" contentLocation="1.txt">hello</content>`
	sound  = `<content contentType="Audio/AMR" contentId="Att2.amr@A" contentLocation="a.amr">IyFBTVIK</content>`
	slides = `<mmsSlides><head><layout><root-layout width="320" height="480" background-color="#fff"/></layout></head><body>` +
		`<par dur="3s"><img src="cid:Att1.gif%40A" region="Image"/><text src="cid:Att0.txt@A" region="Text"><param name="x" value="y"/></text></par></body></mmsSlides>`
)

// multimedia is an xmsData of format MMS.
func multimedia(subject, body string) string {
	return strings.NewReplacer(
		"</to>", "</to><subject>"+subject+"</subject>",
		`<xmsBody format="MMS">`, `<xmsBody format="MMS">`+body,
	).Replace(message{to: []string{phone}, format: "MMS"}.String())
}

func codes() []codeCase {
	hello := message{to: []string{phone}, parts: []string{"hello"}}
	two := message{to: []string{phone, "07911 100001", "nobody"}, parts: []string{"hello"}}
	reminder := message{to: []string{phone, "07911 100001"}, parts: []string{"hello", "again"}, source: "reminder"}
	guess := hello
	guess.password = "guess"
	with := func(old, new string) string { return strings.Replace(hello.String(), old, new, 1) }
	return []codeCase{
		{name: "ok", argument: hello.String(), want: "ok/neutral", queued: 1},
		{name: "invalidUser", argument: guess.String(), want: "invalidUser/failure"},
		{name: "invalidUser-unknown", argument: with("myname", "nobody"), want: "invalidUser/failure"},
		{name: "unregisteredService", argument: multimedia("", plain), want: "unregisteredService/failure MMS_SENDER"},
		{name: "unregisteredService-format-wins", argument: strings.Replace(multimedia("", plain), "MMS_SENDER",
			"SMS_SENDER", 1), want: "unregisteredService/failure MMS_SENDER"},
		{name: "expiredUser-disabled", state: func(t *testing.T, b *box) { check(t, b.Disable(t.Context(), "myname")) },
			argument: hello.String(), want: "expiredUser/failure"},
		{name: "expiredUser-expired", state: func(t *testing.T, b *box) {
			check(t, b.Expire(t.Context(), "myname",
				b.Now()))
		}, argument: hello.String(), want: "expiredUser/failure"},
		{name: "expiredUser-wrong-password", state: func(t *testing.T, b *box) {
			check(t, b.Expire(t.Context(), "myname",
				b.Now()))
		}, argument: guess.String(), want: "invalidUser/failure"},
		{name: "invalidRecipient", argument: two.String(), want: "invalidRecipient/failure |nobody", queued: 2},
		{name: "invalidChar", argument: with("hello", "hel\u0090lo"), want: "invalidChar/failure"},
		{name: "invalidChar-noncharacter", argument: with("hello", "hel\ufdd0lo"), want: "invalidChar/failure"},
		{name: "invalidChar-subject", state: proven(), argument: multimedia("a\u0080", plain), want: "invalidChar/failure"},
		{name: "invalidMedia-in-SMS", argument: with("text/plain", "image/gif"), want: "invalidMedia/failure Att0.txt@AB1B43B2B0594564.B94EF7ABB12B49BA"},
		{name: "invalidMedia", state: proven(), argument: multimedia("", plain+strings.Replace(gif, "gif", "tiff", 1)),
			want: "invalidMedia/failure Att1.gif@A"},
		{name: "invalidMedia-Base64", state: proven(), argument: multimedia("", plain+strings.Replace(gif, "R0lG", "R0l!",
			1)), want: "invalidMedia/failure Att1.gif@A"},
		{name: "invalidMedia-missing", state: proven(), argument: multimedia("", slides+plain), want: "invalidMedia/failure Att1.gif%40A"},
		{name: "perDayMsgLimit", state: set("user.daily", "20"), argument: message{to: slices.Concat(two.to,
			[]string{"07911 100002"}), parts: []string{strings.Repeat("x", 1530)}}.String(),
			want: "perDayMsgLimit/failure 20 SMS|07911 100002\ninvalidRecipient/failure |nobody", queued: 2},
		{name: "perDayMsgLimit-alone", state: set("user.daily/myname", "1"), argument: reminder.String(),
			want: "perDayMsgLimit/failure 1 SMS|+447911123456;07911 100001"},
		{name: "perMonthMsgLimit", state: set("user.daily", "20", "user.monthly", "1"), argument: two.String(),
			want: "perMonthMsgLimit/failure 1 SMS|07911 100001\ninvalidRecipient/failure |nobody", queued: 1},
		{name: "lengthLimit", state: set("oms.sbcs", "160", "oms.dbcs", "70"), argument: with("hello", strings.Repeat("x", 161)),
			want: "lengthLimit/failure 160 single-byte or 70 double-byte characters"},
		{name: "sizeLimit", state: proven("mms.size", "17"), argument: multimedia("", plain+gif), want: "sizeLimit/failure 17 bytes"},
		{name: "slidesLimit", state: proven("mms.slides", "1"), argument: multimedia("", strings.Replace(slides, "<body>",
			"<body><par/>", 1)+plain+gif), want: "slidesLimit/failure 1 slides"},
		{name: "serviceNetwork-MMS", state: proven(), argument: multimedia("Hello", slides+plain+gif+sound), want: "serviceNetwork/failure"},
		{name: "invalidRecipient-MMS", state: proven(), argument: strings.Replace(multimedia("", plain), "<to>", "<to><recipient>nobody</recipient>", 1),
			want: "serviceNetwork/failure\ninvalidRecipient/failure |nobody"},
		{name: "lowBalance", state: func(t *testing.T, b *box) {
			_, err := b.MeetSIM(t.Context(), "234150000000000", "")
			check(t, err)
			_, err = b.SetBalance(t.Context(), "234150000000000", "Your balance is 4.99 GBP")
			check(t, err)
			set("sim.least", "5")(t, b)
		}, argument: hello.String(), want: "ok/neutral\nlowBalance/neutral Your balance is 4.99 GBP", queued: 1},
		{name: "serviceUpdate", at: time.Date(2036, 8, 28, 8, 59, 10, 0, time.UTC), state: set("service.name",
			"Another name"), argument: hello.String(), want: "ok/neutral\nserviceUpdate/neutral 2036-08-28T08:59:10Z",
			queued: 1},
		{name: "serviceUpdate-beside-failure", state: set("service.name", "Another name"), argument: two.String(),
			want: "invalidRecipient/failure |nobody\nserviceUpdate/neutral TIME", queued: 2},
		{name: "ceasedService", state: set("oms.closed", "yes"), argument: guess.String(), want: "ceasedService/failure"},
		{name: "ceasedService-probe", state: set("oms.closed", "yes"), want: "ok/neutral"},
		{name: "other-recipients", state: set("oms.recipients", "2"), argument: two.String(),
			want: "other/failure A message can have at most 2 recipients. Nothing was sent."},
		{name: "other-parts", state: set("oms.parts", "1"), argument: reminder.String(),
			want: "other/failure At most 1 text messages can be sent at once. Nothing was sent."},
		{name: "other-notifications", state: func(t *testing.T, b *box) {
			set("oms.notices", "1")(t, b)
			b.deliver(t, message{to: []string{phone}, parts: []string{"hello"}, source: "ruleBased"})
		}, argument: reminder.String(), want: "other/failure You have reached the predefined limit of Notification and " +
			"Reminders messages you can receive today."},
		{name: "other-denied", state: set("sms.deny", "+447911100001"), argument: message{to: []string{phone,
			"07911 100001", "999", "0909 879 0000", "0909 8790000", "0909 879 0001", "nobody"},
			parts: []string{"hello"}}.String(),
			want: "other/failure The setting sms.deny refuses this number.|07911 100001\n" +
				"other/failure It is an emergency number, and texts to these are always refused; call it instead.|999\n" +
				"other/failure The setting sms.premium refuses premium-rate numbers, which cost extra.|0909 879 0000;0909 879 0001\n" +
				"invalidRecipient/failure |nobody", queued: 1},
		{name: "other-denied-alone", argument: strings.Replace(hello.String(), phone, "112", 1),
			want: "other/failure It is an emergency number, and texts to these are always refused; call it instead.|112"},
		{name: "other-MMS-recipients", state: proven("mms.recipients", "1"), argument: strings.Replace(multimedia("",
			plain), "<to>", "<to><recipient>07911 100001</recipient>", 1),
			want: "other/failure A message can have at most 1 recipients. Nothing was sent."},
		{name: "other-MMS-content", state: proven(), argument: multimedia("", slides), want: "other/failure The message has no content. Nothing was sent."},
		{name: "invalidFormat", argument: with("</xmsBody>", ""), want: "invalidFormat/failure xmsData: not well-formed XML at line 1"},
		{name: "perbatchmsglimit", state: set("oms.batch", "1"), operation: "DeliverXmsBatch",
			argument: fmt.Sprintf(`<xmsBatch xmlns=%q client="Microsoft Windows SharePoint Service">%[2]s%[2]s</xmsBatch>`, namespace,
				hello.String()[strings.Index(hello.String(), "<xmsData"):]), queued: 1},
	}
}

var stamps = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// Every code of the table of errors that has a cause here is answered in the words of testdata/codes.
func TestEachCode(t *testing.T) {
	t.Parallel()
	for _, c := range codes() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			now := time.Now
			if !c.at.IsZero() {
				now = func() time.Time { return c.at }
			}
			b := newBox(t, store.WithClock(now))
			if c.state != nil {
				c.state(t, b)
			}
			operation, parameter := "DeliverXms", "xmsData"
			if c.operation != "" {
				operation, parameter = c.operation, "packageXml"
			}
			request := "POST /oms/service.asmx HTTP/1.1\nHost: sms.example.org\nContent-Type: text/xml; charset=utf-8\nSOAPAction: " + oms.Action(operation) +
				"\n\n" + envelope(operation, parameter, c.argument)
			before := b.queued(t)
			w := httptest.NewRecorder()
			b.handler.ServeHTTP(w, stored(t, request))
			answer := w.Body.String()
			if got := b.queued(t) - before; got != c.queued {
				t.Errorf("%d deliveries were queued, want %d", got, c.queued)
			}
			if c.want != "" {
				got := result(t, w.Result(), operation).String()
				if strings.HasSuffix(c.want, "TIME") {
					got = stamps.ReplaceAllString(got, "TIME")
				}
				if got != c.want {
					t.Errorf("got\n%s\nwant\n%s", got, c.want)
				}
			}
			if !strings.HasSuffix(c.want, "TIME") {
				golden(t, "testdata/codes/"+c.name+".request", request)
				golden(t, "testdata/codes/"+c.name+".answer", fmt.Sprintf("%d %s\n\n%s\n", w.Code, w.Header().Get("Content-Type"), answer))
			}
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		check(t, os.WriteFile(path, []byte(got), 0o644))
	}
	if want := read(t, path); got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

func TestWithoutANetworkNothingIsTaken(t *testing.T) {
	t.Parallel()
	var gone atomic.Int64 // time that has gone by
	b := newBoxWithoutModem(t, t.TempDir(), store.WithClock(func() time.Time {
		return time.Date(2036, 8, 28, 8, 0, 0, 0, time.UTC).Add(time.Duration(gone.Load()))
	}))
	hello := message{to: []string{phone}, parts: []string{"hello"}}
	later := hello
	later.scheduled = "2036-09-10T08:00:00Z"
	want := func(when, sms, scheduled string) {
		t.Helper()
		if got := b.deliver(t, hello).String(); got != sms {
			t.Errorf("%s: got %s, want %s", when, got, sms)
		}
		if got := b.deliver(t, later).String(); got != scheduled {
			t.Errorf("%s, scheduled: got %s, want %s", when, got, scheduled)
		}
	}
	gone.Store(int64(3 * time.Minute)) // a modem may take two to start
	want("before a modem ever worked", "serviceNetwork/failure", "serviceNetwork/failure")
	check(t, b.SetModem(t.Context(), store.Modem{Device: "sim", Up: true, IMSI: "234150000000000"}))
	want("with a modem", "ok/neutral", "ok/neutral")
	check(t, b.SetModem(t.Context(), store.Modem{Device: "sim", Problem: "it was pulled out", IMSI: "234150000000000"}))
	want("when it is gone", "ok/neutral", "ok/neutral")
	gone.Add(int64(25 * time.Hour))
	want("when it has been gone for longer than texts are worth sending", "serviceNetwork/failure", "ok/neutral")
	// The decisive error goes first, and is about all recipients; what is wrong with some of them is told too.
	hello.to = []string{"nobody", phone, "12<"}
	if got, want := b.deliver(t, hello).String(), "serviceNetwork/failure\ninvalidRecipient/failure |nobody;12<"; got != want {
		t.Errorf("beside recipients that are none: got %s, want %s", got, want)
	}
}

func TestAFullMultimediaMessageIsRead(t *testing.T) {
	t.Parallel()
	object := base64.StdEncoding.EncodeToString(make([]byte, 300<<10-5))
	body := slides + plain + strings.Replace(gif, "R0lGODlh\r\n\t AQABAAAAACw=", object, 1)
	b := newBox(t)
	proven()(t, b)
	for _, c := range []struct{ name, argument, want string }{
		{"as large as promised", multimedia("", body), "serviceNetwork/failure"},
		{"an octet larger", multimedia("", strings.Replace(body, "hello", "hello!", 1)), "sizeLimit/failure 307200 bytes"},
		{"no slides", multimedia("", plain+gif), "serviceNetwork/failure"},
		{"an object named by its place", multimedia("", strings.Replace(slides, "cid:Att1.gif%40A", "a.gif", 1)+plain+gif), "serviceNetwork/failure"},
		{"an id in brackets", multimedia("", slides+plain+strings.Replace(gif, "Att1.gif@A", "&lt;Att1.gif@A&gt;", 1)), "serviceNetwork/failure"},
		{"an object without a type", multimedia("", strings.Replace(plain, "text/plain", "", 1)), "invalidMedia/failure Att0.txt@A"},
		{"an empty object", multimedia("", strings.Replace(gif, "R0lGODlh\r\n\t AQABAAAAACw=", " ", 1)), "invalidMedia/failure Att1.gif@A"},
		{"too many objects", multimedia("", strings.Repeat(plain, 400)), "other/failure At most 300 objects can be sent at once. Nothing was sent."},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := result(t, b.post(t, envelope("DeliverXms", "xmsData", c.argument)), "DeliverXms").String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestEachServiceIsAskedAtItsOwnAddress(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	set("services", "sales", "service.name/sales", "Sales", "service.local-name/sales", "Verkauf",
		"service.provider/sales", "A & B", "oms.locale/sales", "1031",
		"oms.recipients/sales", "1", "oms.parts/sales", "2", "oms.sbcs/sales", "160", "oms.dbcs/sales", "70",
		"mms.size/sales", "100KB", "oms.closed", "yes", "oms.closed/sales", "no")(t, b)
	check(t, b.ProveMMS(t.Context(), "sim"))
	ask := func(path, operation, argument string) string {
		t.Helper()
		parameter := map[string]string{"DeliverXms": "xmsData", "GetUserInfo": "xmsUser"}[operation]
		r := httptest.NewRequestWithContext(t.Context(), "POST", path, strings.NewReader(envelope(operation, parameter, argument)))
		r.Host = "sms.example.org"
		r.Header.Set("Content-Type", "text/xml; charset=utf-8")
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, r)
		if w.Code != 200 {
			return fmt.Sprint(w.Code)
		}
		return inner(t, w.Result(), operation)
	}
	golden(t, "testdata/serviceInfo.sales", ask("/oms/SALES/service.asmx", "GetServiceInfo", ""))
	user := `<xmsUser><userId>myname</userId><password>mypwd</password></xmsUser>`
	hello := message{to: []string{phone}, parts: []string{"hello"}}
	many := message{to: []string{phone, "07911 100001"}, parts: []string{"hello"}}
	for _, c := range []struct{ path, operation, argument, want string }{
		{"/oms/sales/service.asmx", "GetUserInfo", user, `<error code="ok" severity="neutral" />`},
		{"/oms/service.asmx", "GetUserInfo", user, `<error code="ceasedService" severity="failure" />`},
		{"/oms/sales/service.asmx", "DeliverXms", hello.String(), `<error code="ok" severity="neutral" />`},
		{"/oms/sales/service.asmx", "DeliverXms", many.String(), `at most 1 recipients`},
		{"/oms/service.asmx", "DeliverXms", hello.String(), `<error code="ceasedService" severity="failure" />`},
		{"/oms/other/service.asmx", "GetServiceInfo", "", "404"},
	} {
		if got := ask(c.path, c.operation, c.argument); !strings.Contains(got, c.want) {
			t.Errorf("%s of %s: got %s, want %s", c.operation, c.path, got, c.want)
		}
	}
}

func TestAnswersTellOfAChangeUntilGetUserInfo(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	set("oms.sbcs", "160")(t, b)
	hello := message{to: []string{phone}, parts: []string{"hello"}}
	updated := func() bool { return strings.Contains(b.deliver(t, hello).String(), "serviceUpdate/neutral") }
	user := func(password string) {
		b.post(t, envelope("GetUserInfo", "xmsUser", "<xmsUser><userId>myname</userId><password>"+password+"</password></xmsUser>"))
	}
	user("guess")
	if !updated() {
		t.Error("it is not told")
	}
	user("mypwd")
	if updated() {
		t.Error("it is told after GetUserInfo")
	}
}

func TestEachItemOfABatchHasItsUserAndTheLimitsOfThat(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	_, err := b.AddUser(t.Context(), store.User{Login: "bob"}, "mypwd")
	check(t, err)
	set("user.daily/myname", "2", "oms.notices", "1")(t, b)
	item := func(id, user, source, to string) string {
		m := message{to: []string{to}, parts: []string{"hello " + id}, source: source}.String()
		m = strings.Replace(m[strings.Index(m, "<xmsData"):], "<xmsData", fmt.Sprintf("<xmsData id=%q", id), 1)
		return strings.Replace(m, "myname", user, 1)
	}
	batch := fmt.Sprintf("<xmsBatch xmlns=%q>", namespace) + item("0", "myname", "wssAlert", phone) + item("1", "myname", "reminder", phone) +
		item("2", "bob", "reminder", "nobody") + item("3", "myname", "wssAlert", phone) + item("4", "bob", "reminder",
		phone) + item("5", "bob", "ruleBased", phone) + "</xmsBatch>"
	got := inner(t, b.post(t, envelope("DeliverXmsBatch", "packageXml", batch)), "DeliverXmsBatch")
	golden(t, "testdata/xmsResponses.judged-alone", got)
	if n := b.queued(t); n != 3 {
		t.Errorf("%d are queued, want 3", n)
	}
}

func TestReplyPhoneAndCustomDataMeanNothing(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	m := strings.Replace(message{to: []string{phone}, parts: []string{"hello"}}.String(), "<replyPhone/><customData/>",
		"<replyPhone>no <b>number</b></replyPhone><customData><x>1</x> 2</customData>", 1)
	if got := result(t, b.post(t, envelope("DeliverXms", "xmsData", m)), "DeliverXms").String(); got != "ok/neutral" {
		t.Errorf("got %s", got)
	}
	data, err := oms.ParseXMSData(m)
	check(t, err)
	if data.ReplyPhone != "no number" || data.CustomData != "1 2" {
		t.Errorf("they are %q and %q", data.ReplyPhone, data.CustomData)
	}
}
