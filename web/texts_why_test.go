package web_test

import (
	"strings"
	"testing"

	"omsbox/store/condition"
	"omsbox/web"
)

// Why a mail failed stands on the page in words, not as the row holds it.
func TestWhyATextWasNotMailedIsSaidInWords(t *testing.T) {
	t.Parallel()
	s := serve(t, web.Config{})
	ann := addUser(t, s.store, "ann")
	comes(t, s.store, "Come over!", 0, ann.ID)
	m, err := s.store.ClaimMail(t.Context())
	check(t, err)
	why := condition.New(condition.MailHeldTooLong, "answer", "550 5.1.8 not your address")
	check(t, s.store.MailFail(t.Context(), m.ID, why.Row()))
	b := s.browser(t)
	b.enter(t, "ann")
	got := b.get(t, "/texts")
	says(t, got, 200, "It could not be mailed to you: ", "550 5.1.8 not your address")
	if strings.Contains(got.body, string(condition.MailHeldTooLong)) {
		t.Errorf("the page shows a code: %s", got.body)
	}
}
