package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"omsbox/store"
)

func TestEachServiceHasLimitsAndNamesOfItsOwn(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, set := range [][2]string{
		{"services", "sales, alarms"},
		{"service.name", "Texts"}, {"service.name/sales", "Sales texts"},
		{"service.local-name", "Kurznachrichten"},
		{"oms.recipients", "40"}, {"oms.recipients/SALES", "10"}, {"mms.size/sales", "100KB"}, {"mms.size/alarms", "5000"},
	} {
		check(t, s.Set(t.Context(), set[0], set[1]))
	}
	for _, c := range []struct {
		service        string
		local, english string
		recipients     int
		size           int
	}{
		{"", "Kurznachrichten", "Texts", 40, 300 << 10},
		{"sales", "Sales texts", "Sales texts", 10, 100 << 10},
		{"alarms", "Kurznachrichten", "Texts", 40, 5000},
	} {
		local, english := s.ServiceNames(c.service)
		limits := s.Limits(c.service)
		if local != c.local || english != c.english || limits.Recipients != c.recipients || limits.MMSSize != c.size || limits.Parts != 20 {
			t.Errorf("%q is %q, %q with %+v", c.service, local, english, limits)
		}
	}
	for name, want := range map[string]bool{"": true, "sales": true, "Alarms": true, "other": false} {
		if s.HasService(name) != want {
			t.Errorf("there is a service %q: %t", name, !want)
		}
	}
	for _, wrong := range []string{"oms.recipients/other", "oms.recipients/", "oms.wait/sales", "user.daily/nobody"} {
		if err := s.Set(t.Context(), wrong, "5"); !errors.Is(err, store.ErrInvalid) && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s is set: %v", wrong, err)
		}
	}
	var shown strings.Builder
	check(t, s.ShowSettings(&shown, "oms.recipients/sales"))
	check(t, s.ShowSettings(&shown, "oms.recipients/alarms"))
	if shown.String() != "10\n40\n" {
		t.Errorf("they are shown as %q", shown.String())
	}
}

func TestAServiceThatIsTakenOutHasEndedAndComesBackAsItWas(t *testing.T) {
	t.Parallel()
	s := open(t)
	set := func(key, value string) { t.Helper(); check(t, s.Set(t.Context(), key, value)) }
	shown := func() string {
		t.Helper()
		var b strings.Builder
		check(t, s.ShowSettings(&b, ""))
		return b.String()
	}
	state := func(when, name string, has, had, ended bool) {
		t.Helper()
		if s.HasService(name) != has || s.HadService(name) != had || s.Ended(name) != ended {
			t.Errorf("%s there is a service %q: %t, was: %t, has ended: %t", when, name, s.HasService(name), s.HadService(name), s.Ended(name))
		}
	}
	set("services", "sales, alarms")
	set("oms.recipients/sales", "10")
	set("services", "alarms,news")
	state("taken out,", "Sales", false, true, true)
	state("kept,", "alarms", true, true, false)
	state("never named,", "other", false, false, true)
	state("with others, that of the box,", "", true, true, false)
	if got := s.Limits("sales").Recipients; got != 10 {
		t.Errorf("its limit is %d, want its own still", got)
	}
	if err := s.Set(t.Context(), "oms.recipients/sales", "20"); !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), `there is no service "sales"`) {
		t.Errorf("its limit is set: %v", err)
	}
	if want := "oms.recipients/sales 10 (there is no service sales now; this counts again once services names it)\n"; !strings.Contains(shown(), want) {
		t.Errorf("the settings do not say\n%s\nbut\n%s", want, shown())
	}
	set("services", "")
	state("without any,", "news", false, true, true)
	set("services", "sales")
	state("back,", "sales", true, true, false)
	if want := "oms.recipients/sales 10\n"; !strings.Contains(shown(), want) {
		t.Errorf("when it is back, the settings do not say %s", want)
	}
	set("oms.closed/sales", "yes")
	state("closed,", "sales", true, true, true)
	set("services", "")
	set("oms.recipients/sales", "") // what it has of its own can be taken back
	if strings.Contains(shown(), "oms.recipients/sales") {
		t.Error("what was taken back is shown")
	}
}

func TestNoOtherLettersAreTakenForThoseOfAService(t *testing.T) {
	t.Parallel()
	s := open(t)
	check(t, s.Set(t.Context(), "services", "desk"))
	for _, name := range []string{"DE\u017fK", "des\u212a"} { // long s and the sign of the kelvin fold to s and k
		if s.HasService(name) {
			t.Errorf("there is a service %q", name)
		}
	}
}

func TestTheTextsOfAServiceLeaveThroughItsSIM(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := addUser(t, s, "ann")
	radio(t, s, one, true)
	radio(t, s, two, true)
	check(t, s.Set(t.Context(), "services", "sales"))
	check(t, s.Set(t.Context(), "service.sim/sales", two))
	check(t, s.Set(t.Context(), "sim.users/"+one, "ann"))
	for service, number := range map[string]string{"": "+447911000001", "sales": "+447911000002"} {
		_, _, err := s.Enqueue(t.Context(), store.Message{User: ann.ID, Service: service, Source: store.SourceOMS,
			Parts: []string{"for service " + service}, To: []store.Recipient{{Number: number}}})
		check(t, err)
	}
	want(t, all(t, s, one), "for service ")
	want(t, all(t, s, two), "for service sales")
}

func TestAnswersTellOfAChangeUntilTheClientHasLooked(t *testing.T) {
	t.Parallel()
	s, set := atNoon(t, t.TempDir(), 30)
	ann, bob := addUser(t, s, "ann"), addUser(t, s, "bob")
	check(t, s.Set(t.Context(), "services", "sales"))
	told := func(u store.User, service string) bool {
		t.Helper()
		r := hand(t, s, store.Message{User: u.ID, Service: service}, 1)
		check(t, r.Err)
		return !r.Update.IsZero()
	}
	saw := func(u store.User, service string) { t.Helper(); check(t, s.SawService(t.Context(), u.ID, service)) }
	if told(ann, "") {
		t.Error("told of a change before there was any")
	}
	changed := time.Date(2036, 5, 30, 12, 5, 0, 0, time.Local)
	set(changed)
	check(t, s.Set(t.Context(), "oms.wait", "1s")) // nothing that clients keep
	check(t, s.Set(t.Context(), "oms.recipients", "50"))
	if told(ann, "") {
		t.Error("told of a change that is none")
	}
	check(t, s.Set(t.Context(), "oms.recipients", "60"))
	if r := hand(t, s, store.Message{User: ann.ID}, 1); !r.Update.Equal(changed) {
		t.Errorf("told of a change at %v", r.Update)
	}
	for n := range 4 {
		if !told(ann, "") {
			t.Errorf("answer %d does not tell", n+2)
		}
	}
	if told(ann, "") {
		t.Error("a sixth answer tells")
	}
	if !told(ann, "sales") || !told(bob, "") {
		t.Error("another service or user is not told")
	}
	saw(bob, "")
	if told(bob, "") {
		t.Error("told although the client has looked")
	}
	set(changed.Add(time.Hour))
	check(t, s.Set(t.Context(), "service.name/sales", "Sales"))
	if told(ann, "") || told(bob, "") || !told(bob, "sales") || !told(ann, "sales") {
		t.Error("of a change of one service its users alone are told")
	}
	set(changed.Add(2 * time.Hour))
	check(t, s.Set(t.Context(), "oms.recipients", ""))
	if !told(ann, "") || !told(bob, "") {
		t.Error("of the next change they are not told")
	}
	// What is not queued counts no answer.
	saw(ann, "")
	check(t, s.Set(t.Context(), "oms.sbcs", "160"))
	check(t, s.Set(t.Context(), "user.daily/ann", "1"))
	for range 10 {
		if r := hand(t, s, store.Message{User: ann.ID}, 1); r.Err == nil {
			t.Fatal("it is queued")
		}
	}
	check(t, s.Set(t.Context(), "user.daily/ann", ""))
	if !told(ann, "") {
		t.Error("answers that told nothing were counted")
	}
}

func TestARepeatedRequestIsToldOfTheChangeThatItsLostAnswerToldOf(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := addUser(t, s, "ann")
	check(t, s.Set(t.Context(), "oms.recipients", "60"))
	ask := func(request byte) store.Result {
		t.Helper()
		r := hand(t, s, store.Message{User: ann.ID, Digest: &[32]byte{request}, Answers: true}, 1)
		check(t, r.Err)
		return r
	}
	for request := range byte(5) {
		first := ask(request)
		for range 3 { // each counts once, however often it is repeated
			if again := ask(request); !again.Again || again.Update.IsZero() || !again.Update.Equal(first.Update) {
				t.Errorf("request %d is told of %v, and again of %v", request, first.Update, again.Update)
			}
		}
	}
	if r := ask(5); !r.Update.IsZero() {
		t.Error("a sixth answer tells")
	}
	if r := ask(5); !r.Again || !r.Update.IsZero() {
		t.Error("repeated, the sixth answer tells")
	}
	if r := ask(4); r.Update.IsZero() {
		t.Error("repeated after the sixth, the fifth does not tell")
	}
	check(t, s.SawService(t.Context(), ann.ID, ""))
	if r := ask(4); !r.Again || !r.Update.IsZero() {
		t.Error("told although the client has looked")
	}
}

func TestWhatIsNotHandedOverByOMSCountsAsNoAnswerThatTells(t *testing.T) {
	t.Parallel()
	s := open(t)
	ann := addUser(t, s, "ann")
	check(t, s.Set(t.Context(), "oms.recipients", "60"))
	for range 6 {
		_, _, err := s.Enqueue(t.Context(), store.Message{User: ann.ID, Source: store.SourceMail, Parts: []string{"hello"}, To: []store.Recipient{{Number: crowd(1)[0]}}})
		check(t, err)
	}
	if r := hand(t, s, store.Message{User: ann.ID}, 1); r.Update.IsZero() {
		t.Error("six mails used up what Outlook is to be told")
	}
}

func TestMMSIsOfferedForThirtyDaysAfterAModemSentOne(t *testing.T) {
	t.Parallel()
	s, set := atNoon(t, t.TempDir(), 1)
	ann := addUser(t, s, "ann")
	offered := func() bool { _, ok := s.MMS(); return ok }
	told := func() bool {
		t.Helper()
		r := hand(t, s, store.Message{User: ann.ID}, 1)
		check(t, s.SawService(t.Context(), ann.ID, ""))
		return !r.Update.IsZero()
	}
	if offered() || told() {
		t.Error("offered before a modem has sent one")
	}
	check(t, s.ProveMMS(t.Context(), "stick"))
	if !offered() || !told() {
		t.Error("not offered, or clients are not told")
	}
	set(time.Date(2036, 5, 10, 12, 0, 0, 0, time.Local))
	check(t, s.ProveMMS(t.Context(), "other stick"))
	if told() {
		t.Error("clients are told of what they know")
	}
	set(time.Date(2036, 6, 9, 11, 59, 0, 0, time.Local))
	status, err := s.Status(t.Context())
	check(t, err)
	if !offered() || !strings.Contains(status, "MMS          offered: other stick sent one at 2036-05-10 12:00; until 2036-06-09 12:00") {
		t.Errorf("the status is\n%s", status)
	}
	set(time.Date(2036, 6, 9, 12, 0, 0, 0, time.Local))
	if offered() || !told() || told() {
		t.Error("offered after 30 days, or clients are not told once")
	}
	check(t, s.ProveMMS(t.Context(), "stick"))
	check(t, s.ForgetMMS(t.Context()))
	if offered() {
		t.Error("offered although an administrator took it back")
	}
	if err := s.ForgetMMS(t.Context()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("taken back twice: %v", err)
	}
}

func TestAnAccountExpires(t *testing.T) {
	t.Parallel()
	s, set := atNoon(t, t.TempDir(), 30)
	addUser(t, s, "ann")
	sign := func(password string) error {
		_, err := s.Authenticate(t.Context(), "ann", password, "192.0.2.1", store.Programs)
		return err
	}
	check(t, s.Expire(t.Context(), "ANN", time.Date(2036, 5, 31, 0, 0, 0, 0, time.Local)))
	check(t, sign("secret of ann"))
	set(time.Date(2036, 5, 31, 0, 0, 0, 0, time.Local))
	if err := sign("secret of ann"); !errors.Is(err, store.ErrExpired) || !errors.Is(err, store.ErrDisabled) {
		t.Errorf("after its day: %v", err)
	}
	if err := sign("a guess"); !errors.Is(err, store.ErrCredentials) {
		t.Errorf("a wrong password after its day: %v", err)
	}
	var shown strings.Builder
	check(t, s.ShowUsers(t.Context(), &shown))
	if !strings.Contains(shown.String(), "expired 2036-05-31") {
		t.Errorf("the list says\n%s", shown.String())
	}
	check(t, s.Expire(t.Context(), "ann", time.Time{}))
	check(t, sign("secret of ann"))
	if err := s.Expire(t.Context(), "nobody", time.Time{}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nobody's account: %v", err)
	}
}
