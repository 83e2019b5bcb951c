package modem_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"omsbox/modem"
	"omsbox/modem/simulator"
	"omsbox/store"
)

// opens asks what is behind what an opener opens.
func opens(t testing.TB, open func(context.Context) (io.ReadWriteCloser, error)) (imei string, err error) {
	t.Helper()
	port, err := open(soon(t))
	if err != nil {
		return "", err
	}
	s := modem.NewSession(port, impatient(), quiet())
	defer s.Close()
	answer, err := s.Command(soon(t), "+CGSN")
	if err != nil {
		return "", err
	}
	if len(answer) != 1 { // not only: this runs beside the test too
		return "", fmt.Errorf("AT+CGSN is answered with %q, want one line", answer)
	}
	return answer[0], nil
}

func TestANamedStickIsFoundAgainUnderAnotherName(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	one, _ := simulated(t, simulator.Options{IMEI: imei1})
	two, _ := simulated(t, simulator.Options{IMEI: imei2})
	unplug := b.plug(huawei("1-1.2", silent(t), one), "ttyUSB0", "ttyUSB1")
	open, err := b.Opener(b.Dev + "/ttyUSB1")
	check(t, err)
	for _, now := range []struct {
		when string
		plug func()
		want string
	}{
		{"first", func() {}, imei1},
		{"back under another name", func() { unplug(); unplug = b.plug(huawei("1-1.2", silent(t), one), "ttyUSB2", "ttyUSB3") }, imei1},
		{"while another stick has its name", func() { b.plug(huawei("1-1.3", silent(t), two), "ttyUSB0", "ttyUSB1") }, imei1},
		{"gone, so that the name counts", func() { unplug() }, imei2},
	} {
		now.plug()
		got, err := opens(t, open)
		if got != now.want || err != nil {
			t.Errorf("%s: it opens %q, %v", now.when, got, err)
		}
	}
	open, err = b.Opener(b.Dev + "/ttyUSB7")
	check(t, err)
	if _, err := open(soon(t)); err == nil || !strings.Contains(err.Error(), "there is no "+b.Dev+"/ttyUSB7") {
		t.Errorf("a device that is not there gives %v", err)
	}
}

func TestAModemIsOpenedByItsIMEIOrItsPlace(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	one, _ := simulated(t, simulator.Options{IMEI: imei1})
	two, _ := simulated(t, simulator.Options{IMEI: imei2})
	unplug := b.plug(huawei("1-1.2", one), "ttyUSB0")
	unplug2 := b.plug(huawei("1-1.3", two), "ttyUSB1")
	byIMEI, err := b.Opener("imei:" + imei2)
	check(t, err)
	byPlace, err := b.Opener("usb:1-1.2")
	check(t, err)
	ask := func(byIMEIWant, byPlaceWant string) {
		t.Helper()
		if got, err := opens(t, byIMEI); got != byIMEIWant {
			t.Errorf("by its IMEI: %q, %v", got, err)
		}
		if got, err := opens(t, byPlace); got != byPlaceWant {
			t.Errorf("by its place: %q, %v", got, err)
		}
	}
	ask(imei2, imei1)
	unplug()
	unplug2()
	if _, err := opens(t, byIMEI); err == nil || !strings.Contains(err.Error(), "the modem imei:"+imei2+" is not plugged in") {
		t.Errorf("unplugged it gives %v", err)
	}
	b.plug(huawei("1-1.2", two), "ttyUSB0")
	ask(imei2, imei2)
}

// serving runs a Finder, and gives what it serves as it comes.
func serving(t testing.TB, b *box, change ...func(*modem.Finder)) (modems <-chan served, reports <-chan string) {
	t.Helper()
	finder := modem.NewFinder(quiet())
	finder.Tree, finder.Pause = b.Tree, 20*time.Millisecond
	for _, f := range change {
		f(finder)
	}
	texts := make(chan string, 256)
	finder.Report = func(_ context.Context, _ bool, text string) error {
		texts <- text
		return nil
	}
	found := make(chan served, 16)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- finder.Run(ctx, func(ctx context.Context, device string, open func(context.Context) (io.ReadWriteCloser, error)) error {
			found <- served{device, open}
			<-ctx.Done()
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		check(t, ends(t, done))
	})
	return found, texts
}

type served struct {
	device string
	open   func(context.Context) (io.ReadWriteCloser, error)
}

func until(t testing.TB, reports <-chan string, want string) {
	t.Helper()
	for {
		if strings.Contains(next(t, reports), want) {
			return
		}
	}
}

func TestModemsAreServedByTheirIMEIWhereverTheyArePluggedIn(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	modems, reports := serving(t, b)
	until(t, reports, "no modem is plugged in")
	one, sim := simulated(t, simulator.Options{IMEI: imei1})
	two, _ := simulated(t, simulator.Options{IMEI: imei2})
	unplug := b.plug(huawei("1-1.2", silent(t), one), "ttyUSB0", "ttyUSB1")
	first := next(t, modems)
	if got, err := opens(t, first.open); first.device != "imei:"+imei1 || got != imei1 || err != nil {
		t.Fatalf("%s is served and opens %q, %v", first.device, got, err)
	}
	until(t, reports, "found imei:"+imei1+" at "+b.Dev+"/ttyUSB1")

	unplug()
	until(t, reports, "no modem is plugged in")
	if _, err := first.open(soon(t)); err == nil || !strings.Contains(err.Error(), "is not plugged in") {
		t.Fatalf("an unplugged modem gives %v", err)
	}
	back := make(chan error, 1)
	go func() {
		got, err := opens(t, first.open) // it waits
		if err == nil && got != imei1 {
			err = errors.New("it opens " + got)
		}
		back <- err
	}()
	// Its old name and its old place go to another stick of the same make before it returns.
	b.plug(huawei("1-1.2", silent(t), two), "ttyUSB0", "ttyUSB1")
	second := next(t, modems)
	if got, err := opens(t, second.open); second.device != "imei:"+imei2 || got != imei2 || err != nil {
		t.Fatalf("%s is served and opens %q, %v", second.device, got, err)
	}
	b.plug(huawei("1-1.4", silent(t), one), "ttyUSB2", "ttyUSB3")
	check(t, next(t, back))
	if got, err := opens(t, second.open); got != imei2 || err != nil {
		t.Errorf("then the other opens %q, %v", got, err)
	}
	select {
	case again := <-modems:
		t.Errorf("%s is served twice", again.device)
	default:
	}
	check(t, sim.Close())
}

// A modem that is away is waited for, but not for ever: who serves it tells meanwhile that it is not there.
func TestTheWaitForAModemThatIsAwayEnds(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	const wait = 50 * time.Millisecond
	modems, reports := serving(t, b, func(f *modem.Finder) { f.Return = wait })
	port, _ := simulated(t, simulator.Options{IMEI: imei1})
	unplug := b.plug(huawei("1-1.2", port), "ttyUSB0")
	found := next(t, modems)
	unplug()
	until(t, reports, "no modem is plugged in")
	for i, least := range []time.Duration{0, wait, wait} { // the first time it is told at once
		began := time.Now()
		_, err := found.open(soon(t))
		if err == nil || !strings.Contains(err.Error(), "is not plugged in") {
			t.Errorf("try %d: %v", i+1, err)
		}
		if took := time.Since(began); took < least {
			t.Errorf("try %d took %v, want %v at least", i+1, took, least)
		}
	}
}

func TestTextsGoOnWhenAStickReturnsUnderAnotherName(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	sim := simulator.New(simulator.Options{IMEI: imei1})
	t.Cleanup(func() { sim.Close() })
	// plugIn connects the modem to a new line, and returns what cuts it.
	plugIn := func(names ...string) (unplug func()) {
		l := newLine(t)
		port, err := sim.Open()
		check(t, err)
		go io.Copy(port, l)
		go io.Copy(l, port)
		remove := b.plug(huawei("1-1.2", silent(t), l.name), names...)
		return func() {
			remove()
			l.Close()
			port.Close()
		}
	}
	unplug := plugIn("ttyUSB0", "ttyUSB1")
	s, err := store.Create(context.Background(), dataDir(t), quiet())
	check(t, err)
	t.Cleanup(func() { s.Close() })
	user, err := s.AddUser(t.Context(), store.User{Login: "ann", Mail: "ann@example.org"}, "secret")
	check(t, err)
	finder := modem.NewFinder(quiet())
	finder.Tree, finder.Pause = b.Tree, 20*time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- finder.Run(ctx, func(ctx context.Context, device string, open func(context.Context) (io.ReadWriteCloser, error)) error {
			m := modem.New(s, device, open, quiet())
			m.Patience = impatient()
			return m.Run(ctx)
		})
	}()
	t.Cleanup(func() {
		cancel()
		check(t, ends(t, done, sim))
	})
	texts := &bench{Store: s, sim: sim, user: user}
	texts.becomes(t, texts.write(t, "before", number), store.Delivered)
	unplug()
	waiting := texts.write(t, "between", number)
	plugIn("ttyUSB4", "ttyUSB5")
	texts.becomes(t, waiting, store.Delivered)
	if got := sim.Count(); got != 2 {
		t.Errorf("%d texts left, want 2", got)
	}
}

func TestSticksWithTheSameIMEIAreServedByTheirPlace(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.plug(huawei("1-1.2", answering(t, plain(imei1))), "ttyUSB0")
	b.plug(huawei("1-1.3", answering(t, plain(imei1))), "ttyUSB1")
	b.plug(huawei("1-1.4", answering(t, plain("000000000000000"))), "ttyUSB2")
	modems, _ := serving(t, b)
	devices := []string{next(t, modems).device, next(t, modems).device, next(t, modems).device}
	slices.Sort(devices)
	if devices[0] != "imei:"+imei1 || devices[1] != "usb:1-1.2" && devices[1] != "usb:1-1.3" || devices[2] != "usb:1-1.4" {
		t.Errorf("served are %q", devices)
	}
}

func TestWhyNothingIsFoundIsSaidAndLookedAtAgain(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	port, _ := simulated(t, simulator.Options{IMEI: imei1})
	b.plug(huawei("1-1.2", port), "ttyUSB0")
	b.write("         1", b.Run, "lock/LCK..ttyUSB0")
	modems, reports := serving(t, b)
	until(t, reports, "no modem is found: "+b.Dev+"/ttyUSB0 is held by ")
	check(t, os.Remove(b.Run+"/lock/LCK..ttyUSB0"))
	if got := next(t, modems).device; got != "imei:"+imei1 {
		t.Errorf("%s is served", got)
	}
	until(t, reports, "found imei:"+imei1+" at "+b.Dev+"/ttyUSB0")
}
