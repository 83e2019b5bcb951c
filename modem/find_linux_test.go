package modem_test

import (
	"io"
	"os"
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
	check(b.t, b.Detect(soon(b.t), &out, quiet()))
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
	t.Parallel()
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
	got := modem.USB{Location: p.USB.Location, Vendor: p.USB.Vendor, ID: p.USB.ID, Maker: p.USB.Maker, Product: p.USB.Product, Serial: p.USB.Serial}
	if got != want || p.Interface != 1 || p.Driver != "option" || p.UART ||
		p.Path != b.Dev+"/ttyUSB9" || p.Stable != b.Dev+"/serial/by-id/usb-HUAWEI_Mobile-if01-port0" {
		t.Errorf("the stick's second port is %+v", p)
	}
}

func TestDetectTellsAllOfAStick(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	port, _ := simulated(t, simulator.Options{IMEI: imei1, ICCID: "8944200000000000006", IMSI: "234100000000001"})
	b.plug(huawei("1-1.2", silent(t), silent(t), port), "ttyUSB0", "ttyUSB1", "ttyUSB2")
	began := time.Now()
	got := b.detect()
	contains(t, got, "omsbox Simulator", imei1, "8944200000000000006, IMSI 234100000000001",
		b.Dev+"/ttyUSB2 (HUAWEI Mobile 12d1:1506 at USB 1-1.2, interface 2): it is the only port of the modem that answers",
		b.Dev+"/ttyUSB0 (HUAWEI Mobile 12d1:1506 at USB 1-1.2, interface 0): does not answer AT commands",
		"omsbox serve -modem "+b.Dev+"/serial/by-id/usb-HUAWEI_Mobile-if02-port0")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("two silent ports and one modem took %v", took)
	}
}

func TestOfSeveralPortsTheOneThatAnnouncesIsChosen(t *testing.T) {
	t.Parallel()
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
		{name: "the other one does not know who it is", stick: quectel, want: 2, why: "the only port",
			ports: []func(line, string) []string{nil, unlike(plain(imei1), map[string][]string{"AT+CGSN": {"ERROR"}}), plain(imei1)}},
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

func TestTheRateOfAUARTIsFound(t *testing.T) {
	t.Parallel()
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
		p, err := open(soon(t))
		check(t, err)
		s := modem.NewSession(p, impatient(), quiet())
		if _, err := s.Command(soon(t), ""); err != nil {
			t.Errorf("opened by its name: %v", err)
		}
		check(t, s.Close())
		if took := time.Since(began); took > atMost {
			t.Errorf("it took %v to open it", took) // the second time the rate is known
		}
	}
}

func TestTheConsoleIsNoModem(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.uart("ttyS0", answering(t, plain(imei1)), "4")
	b.write("tty0 ttyS0", b.Sys, "class/tty/console/active")
	contains(t, b.detect(), "this computer's own console", "raspi-config", "No modem was found")
}

func TestThePortForAnnouncementsOfEachFamilyIsFound(t *testing.T) {
	t.Parallel()
	want := map[string]string{"huawei-e1550": "ttyUSB2", "sim800": "ttyAMA0 at 115200 baud", "sim7600": "ttyUSB2", "ec25": "ttyUSB2", "zte-mf190": "ttyUSB1"}
	for _, profile := range simulator.Profiles() {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			sim := simulator.New(simulator.Options{Profile: profile, IMEI: imei1, ICCID: "8944200000000000006"})
			t.Cleanup(func() { sim.Close() })
			var bus simulator.Bus
			bus.Attach(sim, "1-1.2")
			b, stick, names := newBox(t), huawei("1-1.2"), []string(nil)
			for _, p := range bus.Ports() {
				l := newLine(t)
				port, err := bus.Open(p.Name)
				check(t, err)
				go io.Copy(port, l)
				go io.Copy(l, port)
				stick.vendor, stick.id, stick.ports = p.Vendor, p.Product, append(stick.ports, l.name)
				names = append(names, p.Name)
			}
			if stick.vendor == "" { // it has a UART and no USB
				b.uart("ttyAMA0", stick.ports[0], "32")
			} else {
				b.plug(stick, names...)
			}
			contains(t, b.detect(), imei1, "8944200000000000006", "  port     "+b.Dev+"/"+want[profile]+" (")
		})
	}
}

func TestSticksWithoutSerialPortAreNamed(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	b := newBox(t)
	one, _ := simulated(t, simulator.Options{IMEI: imei1})
	two, _ := simulated(t, simulator.Options{IMEI: imei2})
	b.plug(huawei("1-1.2", one), "ttyUSB0")
	b.plug(huawei("1-1.3", two), "ttyUSB1")
	got := b.detect()
	// Both have the same name in /dev/serial/by-id, which leads to one of them.
	contains(t, got, imei1, imei2, "-modem "+b.Dev+"/serial/by-path/platform-usb-0:1-1.2:1.0-port0", "-modem "+b.Dev+"/serial/by-path/platform-usb-0:1-1.3:1.0-port0")
}
