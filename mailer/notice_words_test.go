package mailer

import (
	"strings"
	"testing"

	"omsbox/store"
)

// Each state of a text has its words: what became of it, and what to do.
func TestWordsForWhatBecameOfAText(t *testing.T) {
	t.Parallel()
	const reason = "no network"
	for state, want := range map[store.State]string{
		store.Failed:      "did not get it: no network.\nCheck the number, then send the text again.",
		store.Expired:     "did not get it; the text waited too long and was given up: no network.\nSend it again if it is still of use.",
		store.Cancelled:   "did not get it: no network.\nSend it again if it is still of use.",
		store.Unconfirmed: "may or may not have got it: no network.\nIt is not sent again by itself, so that nobody gets it twice.\nAsk, or send it again.",
		store.Delivered:   "has it after all. There is nothing to do.",
		store.Sent:        "will get it after all: the network has taken it. There is nothing to do.",
		store.Queued:      "has not got it yet; it is being sent.",
		store.Sending:     "has not got it yet; it is being sent.",
		store.Scheduled:   "has not got it yet; it is being sent.",
	} {
		if got := fate(store.Delivery{State: state, Reason: reason + ".\r\n"}); got != want {
			t.Errorf("%s: got %q, want %q", state, got, want)
		}
	}
	if got := fate(store.Delivery{State: store.Failed}); !strings.HasPrefix(got, "did not get it.\n") {
		t.Errorf("without a reason: %q", got)
	}
}

func TestTheSubjectOfANotice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		states []store.State
		want   string
	}{
		{nil, "Arrived after all"}, {[]store.State{store.Delivered}, "Arrived after all"},
		{[]store.State{store.Unconfirmed, store.Delivered}, "Perhaps not delivered"},
		{[]store.State{store.Unconfirmed, store.Failed}, "Not delivered"}, {[]store.State{store.Expired}, "Not delivered"},
		{[]store.State{store.Delivered, store.Cancelled}, "Not delivered"},
	} {
		f := failure{service: "Text messages", parts: []string{"Hello"}}
		for _, s := range c.states {
			f.told = append(f.told, store.Delivery{State: s})
		}
		h, body := parsed(t, notice(row, f, ann))
		if got := h.Get("Subject"); got != c.want+": Hello" {
			t.Errorf("%v: got %q, want %q", c.states, got, c.want)
		}
		if got := strings.Contains(body, "All its recipients have it after all."); got != (len(c.states) == 0) {
			t.Errorf("%v: the mail is\n%s", c.states, body)
		}
	}
}

// The well-known ports of WAP: IANA.
func TestWhatAPortIsFor(t *testing.T) {
	t.Parallel()
	for port, want := range map[int]string{
		2948: "WAP push", 2949: "WAP push", 9200: "WAP push", 9203: "WAP push", 9204: "visiting card", 9206: "visiting card",
		9205: "calendar", 9207: "calendar", 2947: "", 9208: "", 16000: "",
	} {
		if got := program(port); got == "" != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%d: got %q, want %q", port, got, want)
		}
	}
}
