package sms

// maxUserData is how many octets of user data a TPDU has, header included.
// 3GPP TS 23.040 9.2.3.24
const maxUserData = 140

// room is how many octets a header with elements of this size leaves free. Of
// septets that is room*8/7, since 140 octets are 160 of them and the text starts
// at a septet boundary.
func room(elements int) int {
	if elements == 0 {
		return maxUserData
	}
	return maxUserData - 1 - elements // UDHL
}

// A split finds where user data is cut into segments, without parting what
// belongs together: an escape and its septet, a surrogate pair. It counts
// septets or octets.
type split struct {
	single, part int // what a lone segment holds, and one of several
	total        int
	starts       []int // of the second segment and the following, if there are several
}

// add goes on by a character of size n.
func (s *split) add(n int) {
	start := 0
	if len(s.starts) > 0 {
		start = s.starts[len(s.starts)-1]
	}
	if s.total+n-start > s.part {
		s.starts = append(s.starts, s.total)
	}
	s.total += n
}

func (s *split) segments() int {
	if s.total <= s.single {
		return 1
	}
	return 1 + len(s.starts)
}

// cut cuts what was added into its segments.
func (s *split) cut(b []byte) [][]byte {
	if s.segments() == 1 {
		return [][]byte{b}
	}
	pieces, start := make([][]byte, 0, s.segments()), 0
	for _, next := range s.starts {
		pieces = append(pieces, b[start:next:next])
		start = next
	}
	return append(pieces, b[start:])
}
