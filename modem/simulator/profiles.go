package simulator

import (
	"fmt"
	"strings"
)

// profiles are the families of modems whose ways are known from what people and
// makers published. Each names where; what no source tells is as in the standard,
// and what was chosen so that a test meets a way of which only hearsay is known is
// said to be assumed.
func profiles() map[string]profile {
	return map[string]profile{
		"huawei-e1550": huawei(),
		"sim800":       sim800(),
		"sim7600":      sim7600(),
		"ec25":         ec25(),
		"zte-mf190":    zte(),
	}
}

// huawei is a 3G stick: E1550, E1752, E173, E3131 and their like.
//
//   - ATI: https://github.com/wdoekes/asterisk-chan-dongle/issues/29
//   - COMMAND NOT SUPPORT: https://github.com/gammu/gammu/issues/385
//   - ME with 23 slots and SM with 50; ^BOOT, ^RSSI, ^MODE and ^SRVST between command
//     and answer: https://github.com/gammu/gammu/issues/126 (E1752)
//   - SR with 20 slots: https://github.com/gammu/gammu/issues/490 (E3531)
//   - indexes from 0: https://github.com/gammu/gammu/issues/550 (+CMTI: "ME",0)
//   - AT+CNMI=?, and that +CDSI names SR: https://github.com/gammu/gammu/issues/408
//   - USSD packed: https://hsmr.cc/Projekte/HuaweiE173 and
//     https://stackguides.com/questions/11604367/pdu-gsm-7bit-encoding
//   - AT^CURC=0: https://hsmr.cc/Projekte/HuaweiE173
//   - AT^PORTSEL=1, which chooses the port of unsolicited result codes: gammu 1.42 asks it of every
//     Huawei stick, and goes no further without
//   - ^CPIN, ^ICCID, ^RESET: HUAWEI UMTS Datacard Modem AT Command Interface Specification V2.3
//   - assumed: that the first port gives no unsolicited result codes and the second
//     never answers
func huawei() profile {
	return profile{
		maker: "huawei", model: "E1550", revision: "11.608.14.15.311",
		ati:    []string{"Manufacturer: huawei", "Model: E1550", "Revision: 11.608.14.15.311", "IMEI: %s", "+GCAP: +CGSM,+DS,+ES"},
		ports:  []PortKind{PortAT, PortDiagnostic, PortURC},
		vendor: "12d1", product: "1001",
		boot:    []string{"^SRVST:2", "^SIMST:1", "^RSSI:20", "^MODE:3,3"},
		chatter: []string{"^RSSI:20", "^BOOT:35323129,0,0,0,26", "^MODE:5,4", "^DSFLOWRPT:0000001E,00000000,00000000,0000000000000000,0000000000000000,0003E800,0003E800"},
		sm:      50, me: 23, sr: 20,
		memories:  [3]string{`"ME","MT","SM","SR"`, `"ME","MT","SM","SR"`, `"ME","MT","SM","SR"`},
		preferred: [3]string{"SM", "SM", "SM"},
		cnmi:      "(0,1,2),(0,1,2,3),(0,2),(0,1,2),(0,1)",
		iccid:     map[string]string{"^ICCID": "^ICCID: "},
		clac:      "line",
		unknown:   "COMMAND NOT SUPPORT",
		resets:    []string{"^RESET"},
		ussd:      ussdPacked,
		less:      []string{"+CCID", "+ICCID", "+CPINR"},
		more: map[string]command{
			"^CURC": choice("(0,1)", 1, func(t *settings) *int { return &t.curc }),
			"^CPIN": func(s *Simulator, c *call) error {
				if s.sim.absent {
					return cmeNoSIM
				}
				left := ""
				if s.sim.closed() != nil {
					left = fmt.Sprint(s.sim.tries)
				}
				c.say(fmt.Sprintf("^CPIN: %s,%s,%d,%d,10,3", s.sim.pinState(), left, s.sim.pukTries, s.sim.tries))
				return nil
			},
			"^PORTSEL": accepted,
			"^SYSINFO": identity("^SYSINFO:2,3,0,5,1,,4"),
		},
	}
}

// sim800 is SIMCom's 2G module on a serial line.
//
//   - boot lines, UNDER-VOLTAGE WARNNING, *PSUTTZ, DST: SIM800 Series AT Command
//     Manual V1.09, the table of unsolicited result codes, pages 351 and 352
//   - an alpha field that is empty, AT+CCID, AT+SPIC, AT+CNMI=?: the same manual
//   - +CMTI with "MMS PUSH": SIM800 Series MMS Application Note V1.00
//   - assumed: the texts of ATI, AT+CGMM and AT+CGMR, of one firmware among many
func sim800() profile {
	return profile{
		maker: "SIMCOM_Ltd", model: "SIMCOM_SIM800L", revision: "1418B05SIM800L24",
		ati: []string{"SIM800 R14.18"}, cgmr: "Revision:",
		uart:    true,
		boot:    []string{"RDY", "+CFUN: 1", "+CPIN: READY", "Call Ready", "SMS Ready"},
		chatter: []string{"UNDER-VOLTAGE WARNNING", "*PSUTTZ: 2026,11,21,20,31,32,\"+8\",0", "DST: 0", "+CIEV: 10,\"26201\",\"Simulated\",\"Simulated\", 0, 0"},
		sm:      30, me: 20, sr: 10,
		memories:  [3]string{`"SM","ME","MT"`, `"SM","ME","MT"`, `"SM","ME","MT"`},
		preferred: [3]string{"SM", "SM", "SM"},
		first:     1,
		cnmi:      "(0-3),(0-3),(0,2,3),(0-2),(0,1)",
		cnmiFirst: [5]int{2, 1, 0, 0, 0},
		alpha:     `""`,
		mmsPush:   true,
		iccid:     map[string]string{"+CCID": "", "+ICCID": "+ICCID: "},
		less:      []string{"+CPINR", "+CEREG"},
		more:      map[string]command{"+SPIC": spic, "+CMMSINIT": accepted},
	}
}

// sim7600 is SIMCom's LTE module on USB.
//
//   - indexes from 0, AT+CICCID, AT+SPIC, AT+CRESET: SIM7500_SIM7600 Series AT Command
//     Manual V1.07, such as https://www.easymanua.ls/simcom/sim7500-series/manual?p=172
//   - an alpha field that is empty: the same, p=168
//   - ATI, AT+CPMS=?, ME with 23 slots, "SMS DONE" and "PB DONE" after AT+CRESET,
//     AT+CNMI=1,1,0,1 refused by firmware LE20B04SIM7600G22: transcripts of owners of
//     SIM7600G-H boards in public repositories
//   - assumed: that flash messages are passed on, and what the ports that are not
//     for AT do
func sim7600() profile {
	return profile{
		maker: "SIMCOM INCORPORATED", model: "SIMCOM_SIM7600G-H", revision: "LE20B04SIM7600G22", cgmr: "+CGMR: ",
		ati:    []string{"Manufacturer: SIMCOM INCORPORATED", "Model: SIMCOM_SIM7600G-H", "Revision: SIM7600M22_V2.0", "IMEI: %s", "+GCAP: +CGSM"},
		ports:  []PortKind{PortDiagnostic, PortDiagnostic, PortURC, PortAT, PortDiagnostic},
		vendor: "1e0e", product: "9001",
		boot:    []string{"+CPIN: READY", "SMS DONE", "PB DONE"},
		chatter: []string{"+CGEV: ME PDN ACT 1", "+SIMCARD: AVAILABLE"},
		sm:      50, me: 23, sr: 50,
		memories:  [3]string{`"ME","MT","SM","SR"`, `"ME","MT","SM"`, `"ME","SM"`},
		preferred: [3]string{"ME", "ME", "ME"},
		cnmi:      "(0,1,2),(0,1,2,3),(0,2),(0,1,2),(0,1)",
		refuses:   func(n [5]int) bool { return n[0] == 1 },
		cnmiFirst: [5]int{2, 1, 0, 0, 0},
		flash:     true,
		alpha:     `""`,
		iccid:     map[string]string{"+CICCID": "+ICCID: "},
		clac:      "names",
		resets:    []string{"+CRESET"},
		less:      []string{"+CCID", "+ICCID", "+CPINR"},
		more:      map[string]command{"+SPIC": spic},
	}
}

// ec25 is Quectel's LTE module on USB.
//
//   - +CDSI names SM while the report lies in SR, and AT+CMGR of an empty slot
//     answers OK alone: https://github.com/IchthysMaranatha/asterisk-chan-quectel/pull/75
//   - ATI, AT+QPINC?, AT+QCCID, AT+CPMS=?, AT+CNMI=?, AT+QURCCFG, the boot lines:
//     Quectel EC25&EC21 AT Commands Manual V1.3,
//     https://usermanual.wiki/Document/QuectelEC2526EC21ATCommandsManualV13.1100970659/help
//   - AT+QRST, of the older UC20 and EC20: scripts of their owners in public repositories
//   - assumed: that the ports that are not for AT never answer
func ec25() profile {
	return profile{
		maker: "Quectel", model: "EC25", revision: "EC25EFAR06A10M4G",
		ati:    []string{"Quectel", "EC25", "Revision: EC25EFAR06A10M4G"},
		ports:  []PortKind{PortDiagnostic, PortDiagnostic, PortURC, PortAT},
		vendor: "2c7c", product: "0125",
		boot:    []string{"RDY", "+CFUN: 1", "+CPIN: READY", "+QUSIM: 1", "+QIND: SMS DONE", "+QIND: PB DONE"},
		chatter: []string{`+QIND: "csq",20,99`, `+QIND: "act","LTE"`, "+CGREG: 1"},
		sm:      50, me: 23, sr: 50,
		memories:  [3]string{`"SM","ME","MT","SR"`, `"SM","ME","MT"`, `"SM","ME"`},
		preferred: [3]string{"ME", "ME", "ME"},
		cnmi:      "(0-2),(0-3),(0,2),(0-2),(0,1)",
		cnmiFirst: [5]int{2, 1, 0, 0, 0},
		emptySlot: true,
		cdsi:      "SM",
		iccid:     map[string]string{"+QCCID": "+QCCID: ", "+CCID": "+CCID: ", "+ICCID": "+ICCID: "},
		clac:      "names",
		resets:    []string{"+QRST"},
		less:      []string{"+CPINR"},
		more: map[string]command{
			"+QURCCFG": (*Simulator).urcPort,
			"+QPINC": func(s *Simulator, c *call) error {
				if s.sim.absent {
					return cmeNoSIM
				}
				c.say(fmt.Sprintf(`+QPINC: "SC",%d,%d`, s.sim.tries, s.sim.pukTries))
				c.say(`+QPINC: "P2",3,10`)
				return nil
			},
		},
	}
}

// zte is a 3G stick: MF180, MF190, MF626 and their like.
//
//   - AT+CGMI: https://github.com/gammu/gammu/issues/119 (MF180)
//   - SM with 50 slots and SR with 100, +CDSI: "SR",50 amid another command's answer:
//     https://github.com/gammu/gammu/issues/209 (MF626)
//   - +ZUSIMR:2 until AT+CPMS? is asked, +ZPASR, +ZDONR: ModemManager's ZTE plugin,
//     https://gitlab.freedesktop.org/mobile-broadband/ModemManager
//   - AT+ZCDRUN=8, which turns the disk with the drivers off: gammu 1.42 asks it of every ZTE stick
//   - AT+ZPINPUK=?: the plugin of oFono and of OpenWrt's mobile daemon
//   - assumed: USSD answers in UCS2 whatever AT+CSCS says, AT+ZRST (which ZTE's modules
//     have), which port does what, and the texts of ATI
func zte() profile {
	return profile{
		maker: "ZTE CORPORATION", model: "MF190", revision: "BD_P673A2V1.0.0B09",
		ati:    []string{"Manufacturer: ZTE CORPORATION", "Model: MF190", "Revision: BD_P673A2V1.0.0B09", "IMEI: %s", "+GCAP: +CGSM,+DS,+ES"},
		ports:  []PortKind{PortDiagnostic, PortURC, PortAT},
		vendor: "19d2", product: "0117",
		boot:    []string{"+ZUSIMR:2", `+ZPASR: "UMTS"`, `+ZDONR: "Simulated",262,1,"CS_PS","ROAM_OFF"`},
		chatter: []string{"+ZUSIMR:2", `+ZPASR: "HSDPA"`},
		sm:      50, me: 100, sr: 100,
		memories:  [3]string{`"ME","MT","SM","SR"`, `"ME","MT","SM","SR"`, `"ME","MT","SM","SR"`},
		preferred: [3]string{"SM", "SM", "SM"},
		cnmi:      "(0,1,2),(0,1,2,3),(0,2),(0,1,2),(0,1)",
		iccid:     map[string]string{"+ICCID": "+ICCID: "},
		clac:      "line",
		resets:    []string{"+ZRST"},
		ussd:      ussdUCS2,
		less:      []string{"+CCID", "+CPINR"},
		more: map[string]command{
			"+ZCDRUN": accepted,
			"+ZPINPUK": func(s *Simulator, c *call) error {
				c.say(fmt.Sprintf("+ZPINPUK: %d,%d", s.sim.tries, s.sim.pukTries))
				return nil
			},
			"+CPMS": func(s *Simulator, c *call) error {
				s.settings.curc = 0 // it nags until somebody looks
				return s.preferredStorage(c)
			},
		},
	}
}

// spic is SIMCom's command for the tries that are left.
func spic(s *Simulator, c *call) error {
	if s.sim.absent {
		return cmeNoSIM
	}
	c.say(fmt.Sprintf("+SPIC: %d,%d,3,10", s.sim.tries, s.sim.pukTries))
	return nil
}

// urcPort is AT+QURCCFG="urcport": of the ports that answer, the one that gives
// unsolicited result codes.
func (s *Simulator) urcPort(c *call) error {
	if !strings.EqualFold(c.arg(0), "urcport") {
		return cmeWrongParameters
	}
	var answering []*outlet
	for _, o := range s.ports {
		if o.kind != PortDiagnostic {
			answering = append(answering, o)
		}
	}
	names := []string{"usbat", "usbmodem"}
	if len(c.args) == 1 {
		for i, o := range answering {
			if o.kind == PortURC {
				c.say(fmt.Sprintf("+QURCCFG: %q,%q", "urcport", names[i]))
			}
		}
		return nil
	}
	for i, o := range answering {
		if i < len(names) && strings.EqualFold(c.arg(1), names[i]) {
			for _, other := range answering {
				other.kind = PortAT
			}
			o.kind = PortURC
			return nil
		}
	}
	return cmeWrongParameters
}
