package modem_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"omsbox/modem"
	"omsbox/modem/simulator"
)

const imei1, imei2 = "350000000000006", "350000000000014"

func huawei(at string, ports ...string) usb {
	return usb{at: at, vendor: "12d1", id: "1506", maker: "HUAWEI", product: "Mobile", driver: "option", protocol: "ff/02/01", ports: ports}
}

func (b *box) detect() string {
	b.t.Helper()
	var out strings.Builder
	check(b.t, b.Detect(b.t.Context(), &out, quiet()))
	return out.String()
}

func contains(t testing.TB, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("there is no %q in:\n%s", w, text)
		}
	}
}

func TestPortsAreReadFromSysfs(t *testing.T) {
	b := newBox(t)
	b.plug(huawei("1-1.2", silent(t), silent(t)), "ttyUSB10", "ttyUSB9")
	b.uart("ttyAMA0", silent(t), "32")
	b.uart("ttyS0", silent(t), "0") // announced, and not there
	b.link("ttyAMA0", b.Dev, "serial0")
	check(t, os.MkdirAll(b.Sys+"/class/tty/tty1", 0o755)) // a virtual terminal
	ports, err := b.Ports()
	check(t, err)
	if len(ports) != 3 {
		t.Fatalf("got %+v", ports)
	}
	if p := ports[0]; p.Path != b.Dev+"/ttyAMA0" || !p.UART || p.Stable != b.Dev+"/serial0" {
		t.Errorf("the UART is %+v", p)
	}
	p := ports[2]
	want := modem.USB{Location: "1-1.2", Vendor: "12d1", ID: "1506", Maker: "HUAWEI", Product: "Mobile"}
	if p.USB.Location != want.Location || p.USB.String() != want.String() || p.Interface != 1 || p.Driver != "option" || p.UART ||
		p.Path != b.Dev+"/ttyUSB9" || p.Stable != b.Dev+"/serial/by-id/usb-HUAWEI_Mobile-if01-port0" {
		t.Errorf("the stick's second port is %+v", p)
	}
}

func TestDetectTellsAllOfAStick(t *testing.T) {
	b := newBox(t)
	port, _ := simulated(t, simulator.Options{IMEI: imei1, ICCID: "8944200000000000006", IMSI: "234100000000001"})
	b.plug(huawei("1-1.2", silent(t), silent(t), port), "ttyUSB0", "ttyUSB1", "ttyUSB2")
	began := time.Now()
	got := b.detect()
	contains(t, got, "omsbox Simulator", imei1, "8944200000000000006, IMSI 234100000000001",
		b.Dev+"/ttyUSB2 (HUAWEI Mobile 12d1:1506 at USB 1-1.2, interface 2): it is the only port that answers",
		b.Dev+"/ttyUSB0 (HUAWEI Mobile 12d1:1506 at USB 1-1.2, interface 0): does not answer AT commands",
		"omsbox serve -modem "+b.Dev+"/serial/by-id/usb-HUAWEI_Mobile-if02-port0")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("two silent ports and one modem took %v", took)
	}
}

func TestOfSeveralPortsTheOneThatAnnouncesIsChosen(t *testing.T) {
	// talkative says something unasked after a command.
	talkative := func(l line, command string) []string {
		return append(plain(imei1)(l, command), "^RSSI: 17")
	}
	quectel := huawei("1-1.2")
	quectel.vendor, quectel.id = "2c7c", "0125"
	for _, tt := range []struct {
		name  string
		stick usb
		ports []func(line, string) []string
		tags  string // udev's, of the port that is to be chosen
		want  int
		why   string
	}{
		{name: "it was heard", stick: huawei("1-1.2"), want: 2, why: "heard",
			ports: []func(line, string) []string{plain(imei1), nil, talkative}},
		{name: "Huawei's says it", stick: huawei("1-1.2"), want: 2, why: "(PCUI) is number 2",
			ports: []func(line, string) []string{
				unlike(plain(imei1), map[string][]string{"AT^GETPORTMODE": {"^GETPORTMODE:TYPE:WCDMA:Qualcomm ,MDM:0 ,DIAG:1,PCUI:2", "OK"}}),
				plain(imei1), plain(imei1)}},
		{name: "Quectel's says it", stick: quectel, want: 2, why: "usbmodem",
			ports: []func(line, string) []string{
				nil, unlike(plain(imei1), map[string][]string{`AT+QURCCFG="urcport"`: {`+QURCCFG: "urcport","usbmodem"`, "OK"}}), plain(imei1)}},
		{name: "udev knows it", stick: quectel, want: 2, why: "ModemManager's rules", tags: "ID_MM_PORT_TYPE_AT_PRIMARY=1",
			ports: []func(line, string) []string{nil, plain(imei1), plain(imei1)}},
		{name: "nobody knows", stick: quectel, want: 1, why: "not the dial-up port",
			ports: []func(line, string) []string{plain(imei1), plain(imei1), plain(imei1)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBox(t)
			var names []string
			for i, answer := range tt.ports {
				port := silent(t)
				if answer != nil {
					port = answering(t, answer)
				}
				tt.stick.ports = append(tt.stick.ports, port)
				names = append(names, []string{"ttyUSB0", "ttyUSB1", "ttyUSB2"}[i])
			}
			b.plug(tt.stick, names...)
			if tt.tags != "" {
				b.write("E:"+tt.tags, b.Run, "udev/data/c188:2")
			}
			got := b.detect()
			_, line, _ := strings.Cut(got, "  port ")
			line, _, _ = strings.Cut(line, "\n")
			contains(t, line, names[tt.want]+" ", tt.why)
			if n := strings.Count(got, "IMEI  "); n != 1 {
				t.Errorf("it is taken for %d modems:\n%s", n, got)
			}
		})
	}
}

func TestAPortThatAnotherProgramHasIsLeftAlone(t *testing.T) {
	b := newBox(t)
	heard := make(chan string, 16)
	b.plug(huawei("1-1.2", answering(t, func(_ line, command string) []string {
		heard <- command
		return []string{"OK"}
	})), "ttyUSB0")
	port, err := os.OpenFile(b.Dev+"/ttyUSB0", os.O_RDWR|unix.O_NOCTTY, 0)
	check(t, err)
	other := exec.Command("sleep", "60")
	other.ExtraFiles = []*os.File{port}
	check(t, other.Start())
	port.Close()
	defer func() {
		other.Process.Kill()
		other.Wait()
	}()
	contains(t, b.detect(), "held by sleep (process ", "No modem was found")
	open, err := b.Opener(b.Dev + "/ttyUSB0")
	check(t, err)
	_, err = open(t.Context())
	var held *modem.HeldError
	if !errors.As(err, &held) || len(held.By) != 1 || held.By[0].PID != other.Process.Pid {
		t.Errorf("opening it gives %v", err)
	}
	select {
	case got := <-heard:
		t.Errorf("it was disturbed by %q", got)
	default:
	}
}

func TestALockFileIsHeeded(t *testing.T) {
	b := newBox(t)
	port, _ := simulated(t, simulator.Options{})
	b.plug(huawei("1-1.2", port), "ttyUSB0")
	b.write("         1", b.Run, "lock/LCK..ttyUSB0") // the first process is always there
	contains(t, b.detect(), "held by ", "(process 1)")
	b.write(" 999999999", b.Run, "lock/LCK..ttyUSB0")
	contains(t, b.detect(), "omsbox Simulator")
}

func TestModemManagerIsNamedWithTheRuleThatFreesTheStick(t *testing.T) {
	b := newBox(t)
	port, _ := simulated(t, simulator.Options{})
	b.plug(huawei("1-1.2", port), "ttyUSB0")
	b.Proc = filepath.Join(filepath.Dir(b.Sys), "proc") // where ModemManager runs, and shows its files to root alone
	b.write("ModemManager", b.Proc, "512", "comm")
	b.write("E:ID_MM_CANDIDATE=1", b.Run, "udev/data/c188:0")
	const rule = `ATTRS{idVendor}=="12d1", ATTRS{idProduct}=="1506", ENV{ID_MM_DEVICE_IGNORE}="1"`
	contains(t, b.detect(), "held by ModemManager", "/etc/udev/rules.d/78-omsbox.rules", rule, "sudo udevadm control --reload", "sudo udevadm trigger",
		"sudo systemctl disable --now ModemManager")
	open, err := b.Opener(b.Dev + "/ttyUSB0")
	check(t, err)
	_, err = open(t.Context())
	if err == nil {
		t.Fatal("a stick of ModemManager's was opened")
	}
	contains(t, err.Error(), "ModemManager", rule)
	if n := len(strings.Replace(err.Error(), b.Dev, "/dev", 1)); n > 300 {
		t.Errorf("too long for a row: %d characters", n)
	}

	b.write("E:ID_MM_CANDIDATE=1\nE:ID_MM_DEVICE_IGNORE=1", b.Run, "udev/data/c188:0")
	contains(t, b.detect(), "omsbox Simulator")
}

func TestTheRateOfAUARTIsFound(t *testing.T) {
	b := newBox(t)
	port := answering(t, func(l line, command string) []string {
		if l.rate(t) != unix.B9600 {
			return []string{"\xfe\x80\x00"}
		}
		return plain(imei1)(l, command)
	})
	b.uart("ttyAMA0", port, "32")
	contains(t, b.detect(), imei1, "ttyAMA0 at 9600 baud")

	open, err := b.Opener(b.Dev + "/ttyAMA0")
	check(t, err)
	for _, atMost := range []time.Duration{5 * time.Second, 500 * time.Millisecond} {
		began := time.Now()
		p, err := open(t.Context())
		check(t, err)
		s := modem.NewSession(p, impatient(), quiet())
		if _, err := s.Command(t.Context(), ""); err != nil {
			t.Errorf("opened by its name: %v", err)
		}
		check(t, s.Close())
		if took := time.Since(began); took > atMost {
			t.Errorf("it took %v to open it", took) // the second time the rate is known
		}
	}
}

func TestTheConsoleIsNoModem(t *testing.T) {
	b := newBox(t)
	b.uart("ttyS0", answering(t, plain(imei1)), "4")
	b.write("tty0 ttyS0", b.Sys, "class/tty/console/active")
	contains(t, b.detect(), "this computer's own console", "raspi-config", "No modem was found")
}

func TestSticksWithoutSerialPortAreNamed(t *testing.T) {
	for _, tt := range []struct {
		name string
		usb  usb
		want string
	}{
		{"HiLink", usb{at: "1-1.3", vendor: "12d1", id: "14dc", maker: "HUAWEI", product: "HUAWEI Mobile"}, "router"},
		{"a router by its driver", usb{at: "1-1.3", vendor: "19d2", id: "9999", class: "02", driver: "cdc_ether"}, "router"},
		{"still a disk", usb{at: "1-1.3", vendor: "12d1", id: "1f01"}, "usb_modeswitch"},
		{"a disk by its class", usb{at: "1-1.3", vendor: "19d2", id: "9998", class: "08", driver: "usb-storage"}, "usb_modeswitch"},
		{"MBIM", usb{at: "1-1.3", vendor: "1199", id: "9079", class: "02", driver: "cdc_mbim"}, "no port for AT commands"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBox(t)
			b.plug(tt.usb)
			contains(t, b.detect(), tt.want, tt.usb.vendor+":"+tt.usb.id+" at USB 1-1.3", "No modem was found")
		})
	}
	b := newBox(t)
	b.plug(usb{at: "1-1.3", vendor: "046d", id: "c31c", maker: "Logitech", product: "Keyboard"})
	if got := b.detect(); strings.Contains(got, "Logitech") {
		t.Errorf("a keyboard is taken for a modem:\n%s", got)
	}
}

func TestTwoSticksOfAMakeAreNotMixedUp(t *testing.T) {
	b := newBox(t)
	one, _ := simulated(t, simulator.Options{IMEI: imei1})
	two, _ := simulated(t, simulator.Options{IMEI: imei2})
	b.plug(huawei("1-1.2", one), "ttyUSB0")
	b.plug(huawei("1-1.3", two), "ttyUSB1")
	got := b.detect()
	// Both have the same name in /dev/serial/by-id, which leads to one of them.
	contains(t, got, imei1, imei2, "-modem "+b.Dev+"/serial/by-path/platform-usb-0:1-1.2:1.0-port0", "-modem "+b.Dev+"/serial/by-path/platform-usb-0:1-1.3:1.0-port0")
}

// opens asks what is behind what an opener opens.
func opens(t testing.TB, open func(context.Context) (io.ReadWriteCloser, error)) (imei string, err error) {
	t.Helper()
	port, err := open(t.Context())
	if err != nil {
		return "", err
	}
	s := modem.NewSession(port, impatient(), quiet())
	defer s.Close()
	answer, err := s.Command(t.Context(), "+CGSN")
	if err != nil {
		return "", err
	}
	return answer[0], nil
}

func TestANamedStickIsFoundAgainUnderAnotherName(t *testing.T) {
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
	if _, err := open(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no "+b.Dev+"/ttyUSB7") {
		t.Errorf("a device that is not there gives %v", err)
	}
}

func TestAModemIsOpenedByItsIMEIOrItsPlace(t *testing.T) {
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
func serving(t testing.TB, b *box) (modems <-chan served, reports <-chan string) {
	t.Helper()
	finder := modem.NewFinder(quiet())
	finder.Tree, finder.Pause = b.Tree, 20*time.Millisecond
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
		check(t, <-done)
	})
	return found, texts
}

type served struct {
	device string
	open   func(context.Context) (io.ReadWriteCloser, error)
}

func next[T any](t testing.TB, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
	}
	return v
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
	if _, err := first.open(t.Context()); err == nil || !strings.Contains(err.Error(), "is not plugged in") {
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

func TestSticksWithTheSameIMEIAreServedByTheirPlace(t *testing.T) {
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
