package oms

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"omsbox/modem/sms"
	"omsbox/store"
)

// deliverXMS takes a message: once it answers ok, the texts are committed, and will be tried even if
// the power goes at once. What becomes of them is not known then: who wrote hears of it by mail if
// the network refuses one, or if it is in doubt whether one left.
func (s *Service) deliverXMS(c *call) string {
	if strings.TrimSpace(c.argument) == "" {
		return xmsResponse() // a probe, or a client that looks for the service
	}
	data, err := ParseXMSData(c.argument)
	if err != nil {
		return xmsResponse(responseError{code: invalidFormat, content: "xmsData: " + err.Error()})
	}
	return xmsResponse(s.deliver(c, data)...)
}

// deliver takes one message, and returns what is to be said of it; nothing, if all is well.
func (s *Service) deliver(c *call, data XMSData) []responseError {
	user, refused := s.admit(c, data.UserID, data.Password)
	if refused != nil {
		return []responseError{*refused}
	}
	message, errs := s.judge(c, user, data)
	if len(message.To) == 0 {
		return errs
	}
	wait := s.store.Wait()
	if data.Scheduled.After(s.store.Now()) {
		wait = 0
	}
	return s.enqueue(c, []store.Message{message}, [][]responseError{errs}, wait)[0]
}

// admit finds the user who may use the service that was called, or the error that tells why not.
func (s *Service) admit(c *call, userID, password string) (store.User, *responseError) {
	if s.store.Ended(c.service) {
		return store.User{}, &responseError{code: ceasedService} // for everybody: it needs no password
	}
	return s.signIn(c, userID, password)
}

// judge returns what of a message can be queued, and what is wrong with it; no recipients, if none of
// it can be.
func (s *Service) judge(c *call, user store.User, data XMSData) (store.Message, []responseError) {
	limits := s.store.Limits(c.service)
	if data.Format == MMS { // whatever requiredService says: the body knows best what it is
		return store.Message{}, s.judgeMMS(data, limits)
	}
	parts, refused := texts(data, limits, s.store.Coding())
	if refused != nil {
		return store.Message{}, []responseError{*refused}
	}
	to, errs := s.recipients(data, limits.Recipients)
	if len(to) == 0 {
		return store.Message{}, errs
	}
	if !s.store.Reachable(data.Scheduled) {
		return store.Message{}, append(errs, responseError{code: serviceNetwork})
	}
	return store.Message{
		User: user.ID, Source: store.SourceOMS, Service: c.service, Client: data.Client, SourceType: data.SourceType,
		ReplyPhone: data.ReplyPhone, CustomData: data.CustomData,
		Parts: parts, Scheduled: data.Scheduled, To: to, Digest: &data.Digest, Answers: true, Partly: true,
	}, errs
}

// judgeMMS says why a multimedia message is not taken.
func (s *Service) judgeMMS(data XMSData, limits store.Limits) []responseError {
	if _, offered := s.store.MMS(); !offered {
		return []responseError{{code: unregisteredService, content: "MMS_SENDER"}}
	}
	if refused := checkMMS(data, limits); refused != nil {
		return []responseError{*refused}
	}
	to, errs := s.recipients(data, limits.MMSRecipients)
	if len(to) == 0 {
		return errs
	}
	// MMS_SENDER is offered because a modem has shown that it can, but no row can hold a multimedia
	// message, so none is ever on its way: that is what its sender is to know.
	return append(errs, responseError{code: serviceNetwork})
}

// enqueue commits messages, all at once, and returns what is known by now of what became of each,
// beside what was wrong with it before. It waits that long for the modem's verdict.
func (s *Service) enqueue(c *call, messages []store.Message, before [][]responseError, wait time.Duration) [][]responseError {
	results, err := s.store.EnqueueAll(c, messages)
	if err != nil {
		results = slices.Repeat([]store.Result{{Err: err}}, len(messages))
	}
	notices := s.lowBalance(c)
	answers := make([][]responseError, len(messages))
	for i, m := range messages {
		if results[i].Err != nil {
			answers[i] = append(before[i], s.untaken(c, m, results[i].Err))
			continue
		}
		answers[i] = slices.Concat(s.taken(c, results[i], wait), before[i], notices)
	}
	return answers
}

// untaken tells why nothing of a message was queued.
func (s *Service) untaken(c *call, m store.Message, err error) responseError {
	var over *store.Over
	var no *store.Denied
	switch {
	case errors.As(err, &over):
		return beyond(over)
	case errors.As(err, &no): // by a setting that was changed just now
		return responseError{code: other, content: store.Sentence(no.Error())}
	case errors.Is(err, store.ErrNotices):
		return responseError{code: other, content: tooManyNotices}
	case errors.Is(err, store.ErrInvalid): // it quotes a number
		s.log.Error("the store refused a message", "user", m.User)
	case c.Err() == nil:
		s.log.Error("queue a message", "user", m.User, "err", err)
	}
	return responseError{code: other, content: unable}
}

// taken tells what is known of a message that was queued.
func (s *Service) taken(c *call, r store.Result, wait time.Duration) (errs []responseError) {
	c.owed = append(c.owed, owed{message: r.ID})
	if wait > 0 || r.Again { // else it is queued, and nothing more can be known yet
		errs, c.owed[len(c.owed)-1].told = lostOf(s.verdict(c, r.ID, wait))
	}
	if r.Over != nil {
		errs = append(errs, beyond(r.Over))
	}
	if !r.Update.IsZero() {
		errs = append(errs, responseError{code: serviceUpdate, content: r.Update.UTC().Format("2006-01-02T15:04:05Z")})
	}
	return errs
}

// beyond tells of a limit and of those whom it kept out.
func beyond(over *store.Over) responseError {
	e := responseError{code: perDayMsgLimit, content: fmt.Sprintf("%d SMS", over.Most)}
	if over.Monthly {
		e.code = perMonthMsgLimit
	}
	for _, to := range over.To {
		e.recipients = append(e.recipients, to.Typed)
	}
	return e
}

// lowBalance is what whoever sends is told where there will soon be no money left for it.
func (s *Service) lowBalance(c *call) []responseError {
	balance, low, err := s.store.LowBalance(c)
	if err != nil && c.Err() == nil {
		s.log.Error("look at the balance", "err", err)
	}
	if !low {
		return nil
	}
	return []responseError{{code: lowBalance, content: balance}}
}

// texts returns the parts of a text message, or why they are none.
func texts(data XMSData, limits store.Limits, coding sms.Coding) ([]string, *responseError) {
	most := limits.Parts
	if strings.EqualFold(data.SourceType, "calSummary") {
		most = limits.SummaryParts
	}
	if len(data.Content) > most {
		return nil, &responseError{code: other, content: fmt.Sprintf("At most %d text messages can be sent at once. Nothing was sent.", most)}
	}
	var parts []string
	for _, part := range data.Content {
		switch {
		case part.Type != "" && part.Type != "text/plain":
			return nil, &responseError{code: invalidMedia, content: part.ID}
		case strings.TrimSpace(part.Text) == "":
			continue
		case limits.TooLong(part.Text, coding) != nil:
			return nil, &responseError{code: lengthLimit, content: fmt.Sprintf("%d single-byte or %d double-byte characters", limits.SBCS, limits.DBCS)}
		case unsendable(part.Text):
			return nil, &responseError{code: invalidChar}
		}
		parts = append(parts, part.Text)
	}
	if len(parts) == 0 {
		return nil, &responseError{code: other, content: "The message has no text. Nothing was sent."}
	}
	return parts, nil
}

// unsendable says whether a text has characters that are none: control characters but tab and line
// ends, and the code points that Unicode sets aside for never being a character. No phone shows them,
// and some take the text to end there. Unicode 23.1, 23.7
func unsendable(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && !strings.ContainsRune("\t\n\r\u0085", r) || r >= 0xFDD0 && r <= 0xFDEF || r&0xFFFE == 0xFFFE
	})
}

// recipients returns the phones that a message goes to, each once, and what is wrong with the
// recipients. Where there are no phones, there is an error.
func (s *Service) recipients(data XMSData, most int) ([]store.Recipient, []responseError) {
	switch {
	case len(data.Recipients) > most:
		return nil, []responseError{{code: other, content: fmt.Sprintf("A message can have at most %d recipients. Nothing was sent.", most)}}
	case len(data.Recipients) == 0:
		return nil, []responseError{{code: other, content: "The message has no recipient. Nothing was sent."}}
	}
	var to []store.Recipient
	var refused []string
	var denied []responseError
	known := make(map[string]bool, len(data.Recipients)) // numbers, and what was typed for none
	for _, typed := range data.Recipients {
		recipient, err := s.store.Recipient(typed)
		var no *store.Denied
		switch {
		case errors.As(err, &no):
			if !known[no.Number] {
				denied, known[no.Number] = deny(denied, no, typed), true
			}
		case err != nil:
			if !known[typed] {
				refused, known[typed] = append(refused, typed), true
			}
		case !known[recipient.Number]:
			to, known[recipient.Number] = append(to, recipient), true
		}
	}
	if refused != nil {
		return to, append(denied, responseError{code: invalidRecipient, recipients: refused})
	}
	return to, denied
}

// deny adds a recipient whose number is denied to the errors, one for each reason. The number is a real
// one, so the code is other: clients show its content, which says what refuses the number.
func deny(errs []responseError, why *store.Denied, typed string) []responseError {
	reason := store.Sentence(why.Why.Words())
	i := slices.IndexFunc(errs, func(e responseError) bool { return e.content == reason })
	if i < 0 {
		i, errs = len(errs), append(errs, responseError{code: other, content: reason})
	}
	errs[i].recipients = append(errs[i].recipients, typed)
	return errs
}

// verdict returns the deliveries of a message as they are once nothing more will be tried for any
// of them, or the time is over, or the client is gone.
func (s *Service) verdict(c *call, message int64, wait time.Duration) []store.Delivery {
	bell := s.store.Watch(message)
	defer bell.Close()
	over := time.NewTimer(wait)
	defer over.Stop()
	for waiting := wait > 0; ; {
		deliveries, err := s.store.Deliveries(c, message)
		if err != nil {
			if c.Err() == nil {
				s.log.Error("look at what became of a message", "message", message, "err", err)
			}
			return nil // it is queued; a failure will be mailed
		}
		if !waiting || !slices.ContainsFunc(deliveries, func(d store.Delivery) bool { return !d.Settled() }) {
			return deliveries
		}
		select {
		case <-bell.C:
		case <-over.C:
			waiting = false // a last look
		case <-c.Done():
			return nil
		}
	}
}

// lostOf returns one error for each reason why deliveries are lost, and the ids of these
// deliveries. Why a network refuses a number is known in words only, so the code is other.
func lostOf(deliveries []store.Delivery) (errs []responseError, told []int64) {
	for _, d := range deliveries {
		if !d.Lost() {
			continue
		}
		told = append(told, d.ID)
		reason := "The network did not take the message."
		if d.Reason != "" {
			reason = store.Sentence(d.Reason)
		}
		i := slices.IndexFunc(errs, func(e responseError) bool { return e.content == reason })
		if i < 0 {
			i, errs = len(errs), append(errs, responseError{code: other, content: reason})
		}
		errs[i].recipients = append(errs[i].recipients, d.Typed)
	}
	return errs, told
}
