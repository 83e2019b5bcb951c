package store

import (
	"strings"
	"testing"
)

// What a client sends beside the text is kept, but no more of it than the rows are meant for: nobody fills the
// disk with an attribute.
func TestWhatIsKeptOfARequestIsBounded(t *testing.T) {
	t.Parallel()
	s := openInside(t)
	kept := func(sent string) map[string]string {
		id, _, err := s.Enqueue(t.Context(), Message{Source: SourceOMS, Client: sent, SourceType: sent, ReplyPhone: sent, CustomData: sent,
			Parts: []string{"hello"}, To: []Recipient{{Number: "+447911123456", Typed: sent}}})
		if err != nil {
			t.Fatal(err)
		}
		columns := map[string]string{}
		for _, column := range []string{"m.client", "m.source_type", "m.reply_phone", "m.custom_data", "d.typed"} {
			var text string
			if err := s.read.QueryRow(`SELECT `+column+` FROM messages m JOIN deliveries d ON d.message_id = m.id WHERE m.id = ?`, id).Scan(&text); err != nil {
				t.Fatal(err)
			}
			columns[column] = text
		}
		return columns
	}
	for column, most := range map[string]int{ // octets
		"m.client": 100, "m.source_type": 40, "m.reply_phone": 40, "m.custom_data": 1000, "d.typed": 100,
	} {
		whole := strings.Repeat("x", most)
		if got := kept(whole)[column]; got != whole {
			t.Errorf("of %d octets %s has %q", most, column, got)
		}
		if got := kept(whole + "x")[column]; got != whole+"…" {
			t.Errorf("of %d octets %s has %q", most+1, column, got)
		}
	}
}
