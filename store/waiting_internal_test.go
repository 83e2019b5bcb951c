package store

import (
	"strings"
	"testing"
)

func TestWhatWaitsIsFoundWithoutALookAtTheHistory(t *testing.T) {
	t.Parallel()
	s := openInside(t)
	plan, err := list(t.Context(), s, func(r scanner) (step string, err error) {
		var id, parent, unused int
		return step, r.Scan(&id, &parent, &unused, &step)
	}, "EXPLAIN QUERY PLAN "+whatWaits, 1, 100, 100)
	if err != nil || len(plan) == 0 {
		t.Fatal(plan, err)
	}
	for _, step := range plan {
		for _, table := range []string{"deliveries", "messages", "message_parts", "d", "m"} {
			if strings.HasPrefix(step+" ", "SCAN "+table+" ") {
				t.Errorf("it looks at all there is: %s", step)
			}
		}
	}
}
