package store

import (
	"encoding/json"
	"sync"
)

// What is known of the answer that told a client what became of its message. Whoever looks for those that
// are not written says so, as answer <> 1: the index messages_open has them alone.
const (
	answerOwed    = 0 // not written yet
	answerWritten = 1 // written, or nobody waits for one
	answerLost    = 2 // the client was gone, or this process was, or nobody ever knows
)

// answers are those of which is still to be stored what became of them. One change takes all there are:
// it costs as much as one answer alone would. If it fails, they wait for the next.
type answers struct {
	// turn is held until the change is in the writer's line: whatever is handed over once Answered has
	// returned comes behind it. Else the same text sent again would be taken for a repeated request.
	turn sync.Mutex

	mu            sync.Mutex
	written, lost []int64 // messages
	told          []int64 // deliveries
	waits         bool    // a change that takes them, for its turn
}

// Answered records whether the answer to a message that has one (Message.Answers) was written,
// and which deliveries' failures it told. Those that it did not tell are mailed. It does not wait
// for the commit.
func (s *Store) Answered(message int64, written bool, told []int64) {
	a := &s.answers
	a.turn.Lock()
	defer a.turn.Unlock()
	a.mu.Lock()
	waits := a.waits
	a.waits = true
	if written {
		a.written, a.told = append(a.written, message), append(a.told, told...)
	} else {
		a.lost = append(a.lost, message)
	}
	a.mu.Unlock()
	if waits {
		return
	}
	s.writeLater(func(t *tx) error {
		a.mu.Lock()
		a.waits = false
		written, lost, told := a.written, a.lost, a.told
		a.mu.Unlock()
		t.then(func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.written, a.lost, a.told = a.written[len(written):], a.lost[len(lost):], a.told[len(told):]
		})
		if len(told) > 0 {
			if _, err := t.exec(`UPDATE deliveries SET notice = -1 WHERE id IN (SELECT value FROM json_each(?)) AND notice = 0`, list64(told)); err != nil {
				return err
			}
		}
		if err := t.answered(answerWritten, written); err != nil {
			return err
		}
		return t.answered(answerLost, lost)
	})
}

// answered closes the time in which failures might still be told by the answers to these messages.
func (t *tx) answered(answer int, messages []int64) error {
	if len(messages) == 0 {
		return nil
	}
	all := list64(messages)
	if _, err := t.exec(`UPDATE messages SET answer = ? WHERE id IN (SELECT value FROM json_each(?)) AND answer <> 1`, answer, all); err != nil {
		return err
	}
	type untold struct{ message, delivery int64 }
	failures, err := within(t, func(r scanner) (u untold, err error) {
		return u, r.Scan(&u.message, &u.delivery)
	}, `SELECT message_id, id FROM deliveries WHERE message_id IN (SELECT value FROM json_each(?)) AND notice = 0 AND state IN ('failed', 'expired', 'unconfirmed')
		ORDER BY id`, all)
	if err != nil {
		return err
	}
	for _, u := range failures {
		if err := t.tell(u.message, u.delivery); err != nil {
			return err
		}
	}
	return nil
}

// list64 is what json_each makes rows of.
func list64(ids []int64) string {
	text, _ := json.Marshal(ids) // numbers always can be
	return string(text)
}
