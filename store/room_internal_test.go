package store

import "testing"

// People are warned before a disk is full: below 200 MB on any that is large, below a tenth on a small one.
func TestHowMuchOfADiskIsToBeFree(t *testing.T) {
	t.Parallel()
	for total, least := range map[uint64]uint64{
		0: 0, 1_000_000_000: 100_000_000, 2_097_152_000: 209_715_200, 32_000_000_000: 209_715_200, 1 << 50: 209_715_200,
	} {
		if got := leastOn(total); got != least {
			t.Errorf("of a disk of %d octets %d are to be free, want %d", total, got, least)
		}
	}
}
