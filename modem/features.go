package modem

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// features are what a modem can do, as learned when it was set up.
type features struct {
	announcement string   // the AT+CNMI that it took; "" none
	asked        [5]int   // its parameters: mode, mt, bm, ds, bfr
	acks         bool     // +CMT and +CDS are to be acknowledged: AT+CSMS=1
	storage      string   // where what comes in is stored
	more         bool     // AT+CMMS holds the link for the next segment
	networks     []string // the registrations that it tells of
}

// ranges reads the sets of values in the answer to a test command, such as (0-2),(0,1),(2).
func ranges(answer string) (sets [][]int) {
	for part := range strings.SplitSeq(answer, "(") {
		inner, _, closed := strings.Cut(part, ")")
		if !closed {
			continue
		}
		set := []int{}
		for value := range strings.SplitSeq(inner, ",") {
			low, high, isRange := strings.Cut(value, "-")
			from, err := strconv.Atoi(strings.TrimSpace(low))
			if err != nil {
				continue
			}
			to := from
			if isRange {
				if to, err = strconv.Atoi(strings.TrimSpace(high)); err != nil || to > 255 {
					continue
				}
			}
			for n := from; n <= to; n++ {
				set = append(set, n)
			}
		}
		sets = append(sets, set)
	}
	return sets
}

// arrivals are the ways to be told of what comes in, the best first: mt for texts and ds for
// delivery reports. 1 is: texts are stored and announced by +CMTI, reports come as +CDS; 2 is:
// texts come as +CMT, reports are stored and announced by +CDSI. 3GPP TS 27.005 3.4.1
var arrivals = []struct{ mt, ds int }{{1, 1}, {1, 2}, {2, 1}, {2, 2}, {1, 0}, {2, 0}, {0, 1}, {0, 2}}

// announcements returns the AT+CNMI that a modem may take, the best first, by its answer to
// AT+CNMI=?; what any might, where that is "".
func announcements(answer string) (all [][5]int) {
	sets := ranges(answer)
	if len(sets) < 4 {
		sets = [][]int{{0, 1, 2, 3}, {0, 1, 2, 3}, {0}, {0, 1, 2}, {0, 1}}
	}
	if len(sets) == 4 {
		sets = append(sets, nil) // it knows no bfr
	}
	allowed := func(i, value int) bool { return len(sets[i]) == 0 && value == 0 || slices.Contains(sets[i], value) }
	for _, a := range arrivals {
		for _, mode := range []int{2, 1, 3} {
			for _, bfr := range []int{0, 1} {
				if allowed(0, mode) && allowed(1, a.mt) && allowed(3, a.ds) && allowed(4, bfr) {
					all = append(all, [5]int{mode, a.mt, 0, a.ds, bfr})
				}
			}
		}
	}
	const most = 24
	return all[:min(len(all), most)]
}

// chooseAnnouncement has the modem tell of what comes in, in the best way that it takes.
func (m *Modem) chooseAnnouncement(ctx context.Context, s *Session) error {
	test := ""
	info, err := s.Command(ctx, "+CNMI=?")
	if err != nil && over(err) {
		return err
	}
	if err == nil && len(info) > 0 {
		test = info[0]
	}
	for _, try := range []struct {
		ways [][5]int
		safe bool // only those that lose nothing
	}{{announcements(test), true}, {announcements(test), false}, {announcements(""), true}, {announcements(""), false}} {
		for _, n := range try.ways {
			if done, err := m.announce(ctx, s, n, try.safe); err != nil {
				return err
			} else if done {
				return m.learnService(ctx, s)
			}
		}
	}
	m.remark("it announces nothing that comes in: its storages are looked at every %v", m.Patience.Sweep)
	return m.learnService(ctx, s)
}

// announce asks the modem to tell of what comes in in one way, and says whether it does.
func (m *Modem) announce(ctx context.Context, s *Session, n [5]int, safe bool) (bool, error) {
	// With service 0 nothing that comes in has to be acknowledged within seconds; but what comes as
	// +CMT is nowhere else, and only with service 1 the SMSC keeps it until then. 27.005 3.2.1
	direct := n[1] == 2
	service := "+CSMS=0"
	if direct {
		service = "+CSMS=1"
	}
	_, err := s.Command(ctx, service)
	if err != nil && over(err) {
		return false, err
	}
	if direct && safe == (err != nil) {
		return false, nil
	}
	whole := fmt.Sprintf("+CNMI=%d,%d,%d,%d,%d", n[0], n[1], n[2], n[3], n[4])
	for _, line := range []string{whole, whole[:len(whole)-2]} { // some take no bfr
		_, err := s.Command(ctx, line)
		if err != nil && over(err) {
			return false, err
		}
		if err != nil {
			continue
		}
		m.features.announcement, m.features.asked = line, n
		kept, err := m.announces(ctx, s)
		if err != nil || kept {
			return kept, err
		}
		m.features.announcement = "" // it took it and did not do it
	}
	return false, nil
}

// learnService asks whether what comes directly is to be acknowledged.
func (m *Modem) learnService(ctx context.Context, s *Session) error {
	f := &m.features
	if f.announcement != "" && f.asked[3] == 0 {
		m.remark("it passes no delivery reports on: texts stay \"sent\"")
	}
	info, err := s.Command(ctx, "+CSMS?")
	if err != nil && over(err) {
		return err
	}
	f.acks = err == nil && len(info) > 0 && strings.HasPrefix(info[0], "1")
	return nil
}

// announces asks whether the modem still tells of what comes in as it was asked to. One that does
// not answer that is believed.
func (m *Modem) announces(ctx context.Context, s *Session) (bool, error) {
	info, err := s.Command(ctx, "+CNMI?")
	if err != nil || len(info) == 0 {
		if err != nil && over(err) {
			return false, err
		}
		return true, nil
	}
	fields := strings.Split(info[0], ",")
	for _, i := range []int{0, 1, 3} { // mode, mt, ds
		if i >= len(fields) {
			return true, nil
		}
		n, err := strconv.Atoi(strings.TrimSpace(fields[i]))
		if err != nil {
			return true, nil
		}
		if want := m.features.asked[i]; n != want && (n == 0 || i > 0) {
			return false, nil
		}
	}
	return true, nil
}

// chooseStorages finds the storages that messages may lie in, and has incoming ones stored on the
// SIM, else in the modem. 3GPP TS 27.005 3.2.2
func (m *Modem) chooseStorages(ctx context.Context, s *Session) error {
	info, err := s.Command(ctx, "+CPMS=?")
	if err != nil && over(err) {
		return err
	}
	// +CPMS: ("SM","ME","SR"),("SM","ME"),("SM","ME"): those to be read, those to be written, those
	// for what comes in.
	lists := []string{`"SM""ME"`, "", `"SM""ME"`}
	if err == nil && len(info) > 0 {
		if known := strings.Split(info[0], "("); len(known) >= 2 {
			lists = append(known[1:], known[1], known[1])
		}
	}
	m.storages = nil
	for _, name := range []string{"SM", "ME", "MT", "SR"} {
		if strings.Contains(lists[0], `"`+name+`"`) {
			m.storages = append(m.storages, &storage{name: name})
		}
	}
	chosen := ""
	for _, name := range []string{"SM", "ME", "MT"} {
		if !strings.Contains(lists[0]+lists[2], `"`+name+`"`) {
			continue
		}
		for _, line := range []string{fmt.Sprintf(`+CPMS="%[1]s","%[1]s","%[1]s"`, name), fmt.Sprintf(`+CPMS="%[1]s","%[1]s"`, name), fmt.Sprintf(`+CPMS="%s"`, name)} {
			info, err := s.Command(ctx, line)
			if err != nil && over(err) {
				return err
			}
			if err != nil {
				continue
			}
			if _, total := fill(info); total == 0 {
				break // there is none in it
			}
			chosen = name
			break
		}
		if chosen != "" {
			break
		}
	}
	if chosen == "" {
		return errors.New("the modem has no storage for text messages: its firmware may have no SMS")
	}
	m.features.storage = chosen
	return nil
}

// fill reads the answer to AT+CPMS=: how many messages lie in the storage that is read, and how
// many can; -1 where it does not say. 3GPP TS 27.005 3.2.2
func fill(info []string) (used, total int) {
	if len(info) == 0 {
		return -1, -1
	}
	fields := strings.Split(info[0], ",")
	if len(fields) < 2 {
		return -1, -1
	}
	return code(fields[0]), code(fields[1])
}
