package mailer

import "testing"

// An answer whose history holds something that was passed on once sends its own words alone, whatever its subject.
func TestAnAnswerSendsNothingThatWasPassedOnBefore(t *testing.T) {
	t.Parallel()
	const text = "Please come at nine.\n\n-----Original Message-----\nFrom: Boss <boss@corp.example>\n" +
		"Sent: Monday, 3 May 2021 10:00\nTo: Ann <ann@corp.example>\nSubject: Secret\n\nThe salaries are below.\n\n" +
		"---------- Forwarded message ---------\nFrom: HR <hr@corp.example>\nDate: Mon, 3 May 2021\n" +
		"Subject: Salaries\nTo: Boss <boss@corp.example>\n\nAnn earns much.\n"
	for _, titled := range []bool{true, false} {
		mail := &traits{answers: true, titled: titled, from: "ann@corp.example", isBox: func(string) bool { return false }}
		if got := ownText(text, mail); got != "Please come at nine." {
			t.Errorf("with Re: in the subject %v: %q", titled, got)
		}
	}
}
