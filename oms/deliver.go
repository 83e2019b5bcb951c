package oms

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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

// deliver takes one message, and returns what went wrong with it; nothing, if all is well.
func (s *Service) deliver(c *call, data XMSData) []responseError {
	user, refused := s.signIn(c, data.UserID, data.Password)
	if refused != nil {
		return []responseError{*refused}
	}
	message, errs := s.judge(user, data)
	if len(message.To) == 0 {
		return errs
	}
	wait := s.store.Wait()
	if data.Scheduled.After(s.store.Now()) {
		wait = 0
	}
	return s.enqueue(c, message, errs, wait)
}

// judge returns what of a message can be queued, and what is wrong with it; no recipients, if none of
// it can be.
func (s *Service) judge(user store.User, data XMSData) (store.Message, []responseError) {
	parts, refused := texts(data)
	if refused != nil {
		return store.Message{}, []responseError{*refused}
	}
	to, refused := s.recipients(data)
	var errs []responseError
	if refused != nil {
		errs = append(errs, *refused)
	}
	return store.Message{
		User: user.ID, Source: store.SourceOMS, Client: data.Client, SourceType: data.SourceType,
		Parts: parts, Scheduled: data.Scheduled, To: to, Digest: &data.Digest, Answers: true,
	}, errs
}

// enqueue commits a message, and returns what is known by now of what became of it, beside what was
// wrong with it before. It waits that long for the modem's verdict.
func (s *Service) enqueue(c *call, message store.Message, errs []responseError, wait time.Duration) []responseError {
	id, again, err := s.store.Enqueue(c, message)
	if err != nil {
		switch {
		case errors.Is(err, store.ErrInvalid): // it quotes a number
			s.log.Error("the store refused a message", "user", message.User)
		case c.Err() == nil:
			s.log.Error("queue a message", "user", message.User, "err", err)
		}
		return []responseError{{code: other, content: unable}}
	}
	c.owed = append(c.owed, owed{message: id})
	if wait > 0 || again { // else it is queued, and nothing more can be known yet
		lost, told := lostOf(s.verdict(c, id, wait))
		c.owed[len(c.owed)-1].told = told
		errs = append(lost, errs...)
	}
	return s.warn(c, errs)
}

// warn adds to what went wrong with a message that was taken what its sender should know besides.
func (s *Service) warn(c *call, errs []responseError) []responseError {
	balance, low, err := s.store.LowBalance(c)
	if err != nil && c.Err() == nil {
		s.log.Error("look at the balance", "err", err)
	}
	switch {
	case !low:
		return errs
	case len(errs) == 0: // the first one counts
		errs = []responseError{{code: accepted}}
	}
	return append(errs, responseError{code: lowBalance, content: balance})
}

// texts returns the parts of a text message, or why they are none.
func texts(data XMSData) ([]string, *responseError) {
	if data.Format == MMS {
		return nil, &responseError{code: unregisteredService, content: MMS}
	}
	most := maxMessages
	if strings.EqualFold(data.SourceType, "calSummary") {
		most = maxSummaryMessages
	}
	if len(data.Content) > most {
		return nil, &responseError{code: other, content: fmt.Sprintf("At most %d text messages can be sent at once. Nothing was sent.", most)}
	}
	var parts []string
	for _, part := range data.Content {
		if part.Type != "" && part.Type != "text/plain" {
			return nil, &responseError{code: invalidMedia, content: part.ID}
		}
		if strings.TrimSpace(part.Text) == "" {
			continue
		}
		if tooLong(part.Text) {
			return nil, &responseError{code: lengthLimit, content: fmt.Sprintf("%d single-byte or %d double-byte characters", maxSBCS, maxDBCS)}
		}
		parts = append(parts, part.Text)
	}
	if len(parts) == 0 {
		return nil, &responseError{code: other, content: "The message has no text. Nothing was sent."}
	}
	return parts, nil
}

// tooLong judges a part by what serviceInfo promises. Characters are those of the client, which
// counts UTF-16 units.
func tooLong(text string) bool {
	units, most := 0, maxSBCS
	for _, r := range text {
		if units++; r > 0xFFFF {
			units++
		}
		if r >= utf8.RuneSelf {
			most = maxDBCS
		}
	}
	return units > most
}

// recipients returns the phones that a message goes to, each once, and the error that tells which
// recipients are none. Where there are no phones, there is an error.
func (s *Service) recipients(data XMSData) ([]store.Recipient, *responseError) {
	switch {
	case len(data.Recipients) > maxRecipients:
		return nil, &responseError{code: other, content: fmt.Sprintf("A message can have at most %d recipients. Nothing was sent.", maxRecipients)}
	case len(data.Recipients) == 0:
		return nil, &responseError{code: other, content: "The message has no recipient. Nothing was sent."}
	}
	var to []store.Recipient
	var refused []string
	for _, typed := range data.Recipients {
		number, err := s.store.Number(typed)
		switch {
		case err != nil:
			if !slices.Contains(refused, typed) {
				refused = append(refused, typed)
			}
		case !slices.ContainsFunc(to, func(r store.Recipient) bool { return r.Number == number }):
			to = append(to, store.Recipient{Number: number, Typed: typed})
		}
	}
	if refused != nil {
		return to, &responseError{code: invalidRecipient, recipients: refused}
	}
	return to, nil
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
