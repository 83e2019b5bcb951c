package modem

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Which of several ports of one stick is the right one?
//
// Most sticks take AT commands on two ports, one meant for the dial-up connection, and many give
// their unsolicited result codes on one of them only: on the other one all works except that +CMTI
// and +CDS never come. Tables of makes and interface numbers are never complete, and a firmware may
// be told to use another layout (AT^SETPORT); provoking a URC that is certain to come needs
// AT+CFUN or AT+COPS, which throws the SIM out of the network. So evidence is gathered, and the
// strongest is believed:
//
//  1. the port was heard to say something unasked: all ports of the stick are kept open while they
//     are asked one after the other, and Huawei's sticks hardly ever keep quiet for long;
//  2. the modem itself says it: AT^GETPORTMODE (Huawei) gives the interface of its "PCUI" port,
//     AT+QURCCFG="urcport" (Quectel) the name of the port;
//  3. udev's database: whoever has ModemManager installed has its rules too, which mark the ports
//     of several hundred sticks;
//  4. what the USB interface says of itself: Huawei numbers its kinds of ports;
//  5. the place: the first port that is not interface 0, since that one is the dial-up port of the
//     sticks that have another one behind it.
//
// Should that be wrong, texts come late and not never: what is stored is looked at every minute.
const (
	byPlace = iota
	byInterface
	byTag
	byModem
	byEar
)

// choose returns the index of the port that is likely to give unsolicited result codes, and why.
// All of them answered.
func choose(ctx context.Context, t Tree, asked []*Probe) (chosen int, why string) {
	if len(asked) == 1 {
		return 0, "it is the only port of the modem that answers"
	}
	said := askForURCPort(ctx, asked)
	weight := func(i int) (evidence int, why string) {
		p := asked[i].Port
		tags, _ := t.tags("c" + p.node)
		switch {
		case asked[i].tap.heardUnasked() != "":
			return byEar, "it was heard to announce something by itself"
		case said.port == i:
			return byModem, "the modem says " + said.words
		case tags["ID_MM_PORT_TYPE_AT_PRIMARY"] != "":
			return byTag, "ModemManager's rules know it as the first port for AT commands"
		case p.USB.Vendor == "12d1" && slices.Contains(pcui, p.Protocol):
			return byInterface, "its USB interface is Huawei's kind for announcements (PCUI)"
		}
		return byPlace, "it is the first port that answers and is not the dial-up port"
	}
	place := func(i int) int {
		if asked[i].Port.Interface == 0 {
			return 1 << 8
		}
		return asked[i].Port.Interface
	}
	order := make([]int, len(asked))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, _ := weight(a)
		y, _ := weight(b)
		return cmp.Or(cmp.Compare(y, x), cmp.Compare(place(a), place(b)))
	})
	_, why = weight(order[0])
	return order[0], why
}

// pcui are the protocols of Huawei's vendor-specific interfaces for AT commands beside the dial-up port.
var pcui = []string{"ff/01/02", "ff/01/12", "ff/02/02", "ff/02/12", "ff/03/02", "ff/03/12", "ff/ff/02", "ff/ff/12"}

// urcPort is what a modem says of where it gives its unsolicited result codes.
type urcPort struct {
	port  int // index, -1 where it is not told
	words string
}

// askForURCPort asks a modem of a make that can be asked. Others are not asked: there are firmwares
// that do not survive every question.
func askForURCPort(ctx context.Context, asked []*Probe) urcPort {
	unknown := urcPort{port: -1}
	session := asked[0].session
	switch asked[0].Port.USB.Vendor {
	case "12d1":
		answer, err := session.Command(ctx, "^GETPORTMODE")
		if err != nil {
			return unknown
		}
		number := parsePortMode(answer)
		for i, p := range asked {
			if number >= 0 && p.Port.Interface == number {
				return urcPort{i, fmt.Sprintf("its port for announcements (PCUI) is number %d", number)}
			}
		}
	case "2c7c":
		answer, err := session.Command(ctx, `+QURCCFG="urcport"`)
		if err != nil {
			return unknown
		}
		// "usbat" is the AT port and "usbmodem" the dial-up port behind it.
		switch name := parseURCPort(answer); name {
		case "usbat":
			return urcPort{0, `that it announces on "usbat"`}
		case "usbmodem":
			return urcPort{len(asked) - 1, `that it announces on "usbmodem"`}
		}
	}
	return unknown
}

// parsePortMode returns the interface of the PCUI port in the answer to AT^GETPORTMODE, which looks
// like "TYPE:WCDMA:Qualcomm ,MDM:0 ,DIAG:1,PCUI:2"; -1 where it holds none.
func parsePortMode(answer []string) int {
	for _, field := range strings.FieldsFunc(strings.ToUpper(strings.Join(answer, ",")), func(r rune) bool { return r == ',' || r == ';' }) {
		name, number, ok := strings.Cut(strings.TrimSpace(field), ":")
		if !ok || strings.TrimSpace(name) != "PCUI" {
			continue
		}
		if n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 8); err == nil {
			return int(n)
		}
	}
	return -1
}

// parseURCPort returns the name in the answer to AT+QURCCFG="urcport", which is "urcport","usbat";
// "" where it holds none.
func parseURCPort(answer []string) string {
	for _, line := range answer {
		if option, name, ok := strings.Cut(strings.ToLower(line), ","); ok && strings.Trim(option, `" `) == "urcport" {
			return strings.Trim(name, `" `)
		}
	}
	return ""
}
