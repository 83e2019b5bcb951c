package sms_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"omsbox/modem/sms"
)

const (
	from = "0B 91 5155214365F7 " // +15551234567
	scts = "62111222132304 "     // 2026-11-21 22:31:32 +10:00
)

// arrived is when the texts below passed their message centre.
var arrived = time.Date(2026, 11, 21, 22, 31, 32, 0, time.FixedZone("", 10*60*60))

// with is what most of the texts below have in common, and what a change makes of it.
func with(change func(*sms.Deliver)) sms.Deliver {
	d := sms.Deliver{From: "+15551234567", SCTS: arrived, Class: -1}
	change(&d)
	return d
}

var delivers = []struct {
	name, tpdu string
	want       sms.Deliver
}{
	{"an example known everywhere", "04 0BC87238880900F1 00 00 99309251619580 0A E8329BFD4697D9EC37",
		sms.Deliver{From: "27838890001", SCTS: time.Date(1999, 3, 29, 15, 16, 59, 0, time.FixedZone("", 2*60*60)), Class: -1, Text: "hellohello"}},
	{"another one", "04 0B911346610089F6 00 00 20806291731408 0C C8F71D14969741F977FD07",
		sms.Deliver{From: "+31641600986", SCTS: time.Date(2002, 8, 26, 19, 37, 41, 0, time.UTC), Class: -1, Text: "How are you?"}},
	{"a zone west of Greenwich", "04" + from + "00 00 6211122213238A 00",
		with(func(d *sms.Deliver) { d.SCTS = time.Date(2026, 11, 21, 22, 31, 32, 0, time.FixedZone("", -7*60*60)) })},
	{"an alphanumeric sender", "04 0BD0C7F7FBCC2E03 00 00" + scts + "01 35",
		with(func(d *sms.Deliver) { d.From, d.Text = "Google", "5" })},
	{"an alphanumeric sender of 11 characters", "04 14D041E19058341E9149E512 00 00" + scts + "01 35",
		with(func(d *sms.Deliver) { d.From, d.Text = "ABCDEFGHIJK", "5" })},
	{"an alphanumeric sender with umlauts", "04 06D05B2E00 00 00" + scts + "01 35",
		with(func(d *sms.Deliver) { d.From, d.Text = "ÄÖ@", "5" })},
	{"no sender", "04 0081 00 00" + scts + "01 35",
		with(func(d *sms.Deliver) { d.From, d.Text = "", "5" })},
	{"an odd number without fill", "04 05812143 05 00 00" + scts + "01 35",
		with(func(d *sms.Deliver) { d.From, d.Text = "12345", "5" })},
	{"the extension table", "04" + from + "00 00" + scts + "03 B54D19",
		with(func(d *sms.Deliver) { d.Text = "5€" })},
	{"a flash message in UTF-16", "04" + from + "00 18" + scts + "04 D83DDE00",
		with(func(d *sms.Deliver) { d.DCS, d.Class, d.Text = 0x18, 0, "😀" })},
	{"a part, 8-bit reference", "44" + from + "00 00" + scts + "0F 050003570202 F0783C1E8FC7E3F1",
		with(func(d *sms.Deliver) { d.Text, d.Concat = "xxxxxxxx", sms.Concat{Ref: 0x57, Total: 2, Seq: 2} })},
	{"a part, 16-bit reference", "44" + from + "00 08" + scts + "09 06080412340302 044F",
		with(func(d *sms.Deliver) {
			d.DCS, d.Text, d.Concat = 8, "я", sms.Concat{Ref: 0x1234, Total: 3, Seq: 2, Wide: true}
		})},
	{"a part that cannot be, part 3 of 2, is a message", "44" + from + "00 08" + scts + "08 050003570203 044F",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "я" })},
	{"a WAP push", "44" + from + "00 04" + scts + "0E 0B05040B8423F0000321030 1 0601",
		with(func(d *sms.Deliver) {
			d.DCS, d.Data, d.Port, d.Concat = 4, []byte{6, 1}, sms.Port{Dest: 2948, Source: 9200}, sms.Concat{Ref: 0x21, Total: 3, Seq: 1}
		})},
	{"8-bit ports", "44" + from + "00 04" + scts + "06 040402F0F1 09",
		with(func(d *sms.Deliver) { d.DCS, d.Data, d.Port = 4, []byte{9}, sms.Port{Dest: 0xF0, Source: 0xF1} })},
	{"empty data is data", "04" + from + "00 04" + scts + "00",
		with(func(d *sms.Deliver) { d.DCS, d.Data = 4, []byte{} })},
	{"Turkish single shift", "44" + from + "00 00" + scts + "08 03240101 086FCE",
		with(func(d *sms.Deliver) { d.Text = "ağ" })},
	{"Turkish locking shift", "44" + from + "00 00" + scts + "09 03250101 601C3A60",
		with(func(d *sms.Deliver) { d.Text = "ğışç" })},
	{"an unknown language is the default alphabet", "44" + from + "00 00" + scts + "06 032501C8 A803",
		with(func(d *sms.Deliver) { d.Text = "u" })},
	{"voice mail waiting, by TP-DCS", "04" + from + "00 C8" + scts + "00",
		with(func(d *sms.Deliver) {
			d.DCS, d.Waiting = 0xC8, sms.Waiting{Indicated: true, Active: true, Discard: true}
		})},
	{"no more e-mail, UCS2, to be kept", "04" + from + "00 E2" + scts + "02 044F",
		with(func(d *sms.Deliver) { d.DCS, d.Text, d.Waiting = 0xE2, "я", sms.Waiting{Indicated: true, Kind: 2} })},
	{"e-mail by header, to be discarded", "44" + from + "00 00" + scts + "05 04 01020201",
		with(func(d *sms.Deliver) {
			d.Waiting = sms.Waiting{Indicated: true, Active: true, Discard: true, Kind: 2, Count: 1}
		})},
	{"two faxes, by header", "44" + from + "00 00" + scts + "05 04 01028102",
		with(func(d *sms.Deliver) { d.Waiting = sms.Waiting{Indicated: true, Active: true, Kind: 1, Count: 2} })},
	{"no fax, but voice mail, by header", "44" + from + "00 00" + scts + "0A 08 01028003 01028100",
		with(func(d *sms.Deliver) { d.Waiting = sms.Waiting{Indicated: true, Active: true, Count: 3} })},
	{"no fax, then voice mail, by header", "44" + from + "00 00" + scts + "0A 08 01028100 01028003",
		with(func(d *sms.Deliver) { d.Waiting = sms.Waiting{Indicated: true, Active: true, Count: 3} })},
	{"two kinds by header, to be discarded", "44" + from + "00 00" + scts + "0A 08 01020102 01020003",
		with(func(d *sms.Deliver) {
			d.Waiting = sms.Waiting{Indicated: true, Active: true, Discard: true, Kind: 1, Count: 2}
		})},
	{"voice mail by both, kept if one of them wants it", "44" + from + "00 D8" + scts + "07 04 01020005 D400",
		with(func(d *sms.Deliver) {
			d.DCS, d.Text, d.Waiting = 0xD8, "5", sms.Waiting{Indicated: true, Active: true, Count: 5}
		})},

	// Where others give up.
	{"a reserved TP-DCS is the default alphabet", "04" + from + "00 84" + scts + "01 35",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 0x84, "5" })},
	{"half a UTF-16 unit is dropped", "04" + from + "00 08" + scts + "03 044F04",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "я" })},
	{"half a surrogate pair is U+FFFD", "04" + from + "00 08" + scts + "06 0041D83D0042",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "A\uFFFDB" })},
	{"a date that is none", "04" + from + "00 00 FFFFFFFFFFFFFF 01 35",
		with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Time{}, "5" })},
	{"a thirteenth month", "04" + from + "00 00 62311222132304 01 35",
		with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Time{}, "5" })},
	{"a zone that is none", "04" + from + "00 00 621112221323F4 01 35",
		with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Date(2026, 11, 21, 22, 31, 32, 0, time.UTC), "5" })},
	{"an escape without a character in a sender", "04 04D0B50D 00 00" + scts + "01 35",
		with(func(d *sms.Deliver) { d.From, d.Text = "5 ", "5" })},
	{"a header longer than all is text", "44" + from + "00 08" + scts + "02 0441",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "с" })},
	{"a header longer by one than the octets behind it is text", "44" + from + "00 08" + scts + "04 0400 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "ЀA" })},
	{"a header as long as the octets behind it is all", "44" + from + "00 08" + scts + "04 03 700141",
		with(func(d *sms.Deliver) { d.DCS = 8 })},
	{"a header shorter by one leaves half a unit", "44" + from + "00 08" + scts + "04 02 7000 41",
		with(func(d *sms.Deliver) { d.DCS = 8 })},
	{"a header longer by one, of septets", "44" + from + "00 00" + scts + "04 04016335",
		with(func(d *sms.Deliver) { d.Text = "è$ø+" })},
	{"a header that is all, of septets", "44" + from + "00 00" + scts + "05 03 70010000",
		with(func(d *sms.Deliver) {})},
	{"a header that is all, of octets", "44" + from + "00 04" + scts + "03 02 7000",
		with(func(d *sms.Deliver) { d.DCS, d.Data = 4, []byte{} })},
	{"a header with one octet behind it, of octets", "44" + from + "00 04" + scts + "04 02 7000 41",
		with(func(d *sms.Deliver) { d.DCS, d.Data = 4, []byte{0x41} })},
	{"a header as long as the octets behind it, of septets", "44" + from + "00 00" + scts + "05 04 70010000",
		with(func(d *sms.Deliver) {})},
	{"a header longer by one, of octets", "44" + from + "00 04" + scts + "03 03 7000",
		with(func(d *sms.Deliver) { d.DCS, d.Data = 4, []byte{3, 0x70, 0} })},
	{"a header of no length", "44" + from + "00 08" + scts + "03 00 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "A" })},
	{"a header and no user data", "44" + from + "00 08" + scts + "00",
		with(func(d *sms.Deliver) { d.DCS = 8 })},
	{"part 0 of 2", "44" + from + "00 08" + scts + "08 050003570200 044F", with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "я" })},
	{"part 1 of 0", "44" + from + "00 08" + scts + "08 050003570001 044F", with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "я" })},
	{"part 0 of 0, 16-bit reference", "44" + from + "00 08" + scts + "09 06080412340000 044F",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "я" })},
	{"a place that cannot be beside one that can", "44" + from + "00 08" + scts + "0D 0A 0003570201 0003000000 044F",
		with(func(d *sms.Deliver) { d.DCS, d.Text, d.Concat = 8, "я", sms.Concat{Ref: 0x57, Total: 2, Seq: 1} })},
	{"EMS: words in bold, and a picture", "44" + from + "00 08" + scts + "0B 08 0A03000110 0D0100 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text, d.Objects = 8, "A", true })},
	{"EMS: a predefined sound, the first kind of object", "44" + from + "00 08" + scts + "07 04 0B020001 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text, d.Objects = 8, "A", true })},
	{"EMS: a variable picture, the last kind of object", "44" + from + "00 08" + scts + "06 03 120100 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text, d.Objects = 8, "A", true })},
	{"EMS: words in bold", "44" + from + "00 08" + scts + "08 05 0A03000110 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "A" })},
	{"EMS: an extended object", "44" + from + "00 08" + scts + "06 03 140141 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text, d.Objects = 8, "A", true })},
	{"EMS: a vector graphic", "44" + from + "00 08" + scts + "06 03 180141 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text, d.Objects = 8, "A", true })},
	{"EMS: a small vector graphic", "44" + from + "00 08" + scts + "06 03 190141 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text, d.Objects = 8, "A", true })},
	{"EMS: a prompt alone", "44" + from + "00 08" + scts + "06 03 130101 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "A" })},
	{"a control message", "44" + from + "00 04" + scts + "05 04 09020102",
		with(func(d *sms.Deliver) { d.DCS, d.Data, d.Control = 4, []byte{}, true })},
	{"a control message of no length", "44" + from + "00 04" + scts + "03 02 0900",
		with(func(d *sms.Deliver) { d.DCS, d.Data, d.Control = 4, []byte{}, true })},
	{"a hyperlink", "44" + from + "00 08" + scts + "09 06 210400000101 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "A" })},
	{"an address for answers", "44" + from + "00 08" + scts + "0B 08 2206 089121436587 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text, d.ReplyTo = 8, "A", "+12345678" })},
	{"an address for answers that breaks off", "44" + from + "00 08" + scts + "07 04 22020891 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "A" })},
	{"an address for answers, then one that breaks off", "44" + from + "00 08" + scts + "0F 0C 2206 089121436587 22020891 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text, d.ReplyTo = 8, "A", "+12345678" })},
	{"two addresses for answers", "44" + from + "00 08" + scts + "13 10 2206 089121436587 2206 089121436589 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text, d.ReplyTo = 8, "A", "+12345698" })},
	{"an address for answers that is none", "44" + from + "00 08" + scts + "05 02 2200 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "A" })},
	{"an element of no length", "44" + from + "00 08" + scts + "07 04 0000 7000 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "A" })},
	{"a byte order mark", "04" + from + "00 08" + scts + "04 FEFF 044F",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "я" })},
	{"a byte order mark of little-endian", "04" + from + "00 08" + scts + "06 FFFE 4F04 4100",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "яA" })},
	{"a byte order mark of little-endian and half a unit", "04" + from + "00 08" + scts + "05 FFFE 4F04 41",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "я" })},
	{"half a byte order mark", "04" + from + "00 08" + scts + "01 FE", with(func(d *sms.Deliver) { d.DCS = 8 })},
	{"half a byte order mark of little-endian", "04" + from + "00 08" + scts + "01 FF", with(func(d *sms.Deliver) { d.DCS = 8 })},
	{"a character that is no byte order mark", "04" + from + "00 08" + scts + "02 FE01", with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "\uFE01" })},
	{"nor is this one", "04" + from + "00 08" + scts + "02 FF21", with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "Ａ" })},
	{"nor these", "04" + from + "00 08" + scts + "04 00FF 00FE", with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "ÿþ" })},
	{"data that begins as a byte order mark", "04" + from + "00 04" + scts + "04 FFFE 4F04",
		with(func(d *sms.Deliver) { d.DCS, d.Data = 4, []byte{0xFF, 0xFE, 0x4F, 0x04} })},
	{"a byte order mark alone", "04" + from + "00 08" + scts + "02 FEFF",
		with(func(d *sms.Deliver) { d.DCS = 8 })},
	{"UTF-16 that is filled up with U+0000", "04" + from + "00 08" + scts + "06 044F 0000 0000",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "я" })},
	{"29 February in a leap year", "04" + from + "00 00 82209221222300 01 35",
		with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Date(2028, 2, 29, 12, 22, 32, 0, time.UTC), "5" })},
	{"29 February in another", "04" + from + "00 00 62209221222300 01 35",
		with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Time{}, "5" })},
	{"day 0", "04" + from + "00 00 62110021222300 01 35",
		with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Time{}, "5" })},
	{"hour 24", "04" + from + "00 00 62111242222300 01 35",
		with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Time{}, "5" })},
	{"second 60", "04" + from + "00 00 62111222130600 01 35",
		with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Time{}, "5" })},
	{"minute 60", "04" + from + "00 00 62111222062300 01 35",
		with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Time{}, "5" })},
	{"the zone furthest east", "04" + from + "00 00 62111222132365 01 35",
		with(func(d *sms.Deliver) {
			d.SCTS, d.Text = time.Date(2026, 11, 21, 22, 31, 32, 0, time.FixedZone("", 14*60*60)), "5"
		})},
	{"a zone further east than any", "04" + from + "00 00 62111222132375 01 35",
		with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Date(2026, 11, 21, 22, 31, 32, 0, time.UTC), "5" })},
	{"a zone of 4 h 45 min", "04" + from + "00 00 62111222132391 01 35",
		with(func(d *sms.Deliver) {
			d.SCTS, d.Text = time.Date(2026, 11, 21, 22, 31, 32, 0, time.FixedZone("", (4*60+45)*60)), "5"
		})},
	{"a zone of no decimal digit", "04" + from + "00 00 621112221323A1 01 35",
		with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Date(2026, 11, 21, 22, 31, 32, 0, time.UTC), "5" })},
	{"a quarter of an hour", "04" + from + "00 00 62111222132310 01 35",
		with(func(d *sms.Deliver) {
			d.SCTS, d.Text = time.Date(2026, 11, 21, 22, 31, 32, 0, time.FixedZone("", 15*60)), "5"
		})},
	{"the zone furthest west", "04" + from + "00 00 6211122213236D 01 35",
		with(func(d *sms.Deliver) {
			d.SCTS, d.Text = time.Date(2026, 11, 21, 22, 31, 32, 0, time.FixedZone("", -14*60*60)), "5"
		})},
	{"the last second of a day", "04" + from + "00 00 62111232959500 01 35",
		with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Date(2026, 11, 21, 23, 59, 59, 0, time.UTC), "5" })},
	{"19 hours and 9 in each place", "04" + from + "00 00 90909091909000 01 35",
		with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Date(2009, 9, 9, 19, 9, 9, 0, time.UTC), "5" })},
	{"no decimal digit in the tens", "04" + from + "00 00 6A111222132300 01 35",
		with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Time{}, "5" })},
	{"no decimal digit in the ones", "04" + from + "00 00 A6111222132300 01 35",
		with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Time{}, "5" })},
	{"the year 2069", "04" + from + "00 00 96101000000000 01 35",
		with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Date(2069, 1, 1, 0, 0, 0, 0, time.UTC), "5" })},
	{"the year 1970", "04" + from + "00 00 07101000000000 01 35",
		with(func(d *sms.Deliver) { d.SCTS, d.Text = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), "5" })},
	{"a sender of seven letters in whole octets", "04 0ED0D4F29C2E7EE301 00 00" + scts + "01 35",
		with(func(d *sms.Deliver) { d.From, d.Text = "Testbox", "5" })},
	{"a sender of eight letters", "04 0ED0D4F29C2E7EE365 00 00" + scts + "01 35",
		with(func(d *sms.Deliver) { d.From, d.Text = "Testbox2", "5" })},
	{"a sender of no letters", "04 00D0 00 00" + scts + "01 35",
		with(func(d *sms.Deliver) { d.From, d.Text = "", "5" })},
	{"a sender of seven letters, then fill of ones", "04 0DD0D4F29C2E7EE3F1 00 00" + scts + "01 35",
		with(func(d *sms.Deliver) { d.From, d.Text = "Testbox", "5" })},
	{"an alphanumeric sender whose plan is named", "04 0BD1C7F7FBCC2E03 00 00" + scts + "01 35",
		with(func(d *sms.Deliver) { d.From, d.Text = "Google", "5" })},
	{"an international sender whose plan is none", "04 0B905155214365F7 00 00" + scts + "01 35",
		with(func(d *sms.Deliver) { d.Text = "5" })},
	{"a national sender", "04 0AA17010325476 00 00" + scts + "01 35",
		with(func(d *sms.Deliver) { d.From, d.Text = "0701234567", "5" })},
	{"a sender with all that is no decimal digit", "04 0681BADCFE 00 00" + scts + "01 35",
		with(func(d *sms.Deliver) { d.From, d.Text = "*#abc", "5" })},
	{"a header element longer than its header", "44" + from + "00 08" + scts + "06 030003 57 0041",
		with(func(d *sms.Deliver) { d.DCS, d.Text = 8, "A" })},
	{"more octets than the length says", "04" + from + "00 00" + scts + "01 35 FFFF",
		with(func(d *sms.Deliver) { d.Text = "5" })},
	{"the reserved message type", "07" + from + "00 00" + scts + "01 35",
		with(func(d *sms.Deliver) { d.Text = "5" })},
}

func TestParseDeliver(t *testing.T) {
	for _, tt := range delivers {
		t.Run(tt.name, func(t *testing.T) {
			got, err := sms.ParseDeliver(octets(t, tt.tpdu))
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, tt.want)
		})
	}
}

// same compares two structures field by field. A format such as %+v shows less: Waiting, for one, prints
// as a phrase for people, which is empty where nothing waits.
func same[T any](t testing.TB, got, want T) {
	t.Helper()
	for _, difference := range differences(got, want) {
		t.Error(difference)
	}
}

func differences[T any](got, want T) (all []string) {
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range g.NumField() {
		a, b := g.Field(i).Interface(), w.Field(i).Interface()
		if at, is := a.(time.Time); is { // the same moment in the same zone, whatever the zone's name
			_, zone := at.Zone()
			_, wanted := b.(time.Time).Zone()
			if at.Equal(b.(time.Time)) && zone == wanted {
				continue
			}
		}
		if !reflect.DeepEqual(a, b) {
			all = append(all, fmt.Sprintf("%s is %#v, want %#v", g.Type().Field(i).Name, a, b))
		}
	}
	return all
}

// A comparison that overlooks a field would let every test above pass.
func TestEveryFieldIsCompared(t *testing.T) {
	want := sms.Deliver{SCTS: time.Unix(0, 0).UTC()}
	for i := range reflect.TypeFor[sms.Deliver]().NumField() {
		got := want
		field := reflect.ValueOf(&got).Elem().Field(i)
		switch value := field.Addr().Interface().(type) {
		case *time.Time:
			*value = value.In(time.FixedZone("", 60*60))
		case *sms.Waiting:
			value.Kind = 1
		case *sms.Coding:
			value.Plain = true
		case *sms.Concat:
			value.Wide = true
		case *sms.Port:
			value.Source = 1
		case *[]byte:
			*value = []byte{}
		case *string:
			*value = "x"
		case *bool:
			*value = true
		case *byte:
			*value = 1
		case *int:
			*value = 1
		default:
			t.Fatalf("no change is known for %T", value)
		}
		if len(differences(got, want)) != 1 {
			t.Errorf("a change of %s is not seen", reflect.TypeFor[sms.Deliver]().Field(i).Name)
		}
	}
}

// Only what ends before its user data is an error. Of user data that ends early the rest is text.
func TestWhatIsCutShort(t *testing.T) {
	const before = 1 + 8 + 1 + 1 + 7 + 1 // octets up to TP-UDL
	const address = 1 + 8
	tests := []struct {
		name, tpdu string
		texts      []string // after TP-UDL and 0, 1, … octets of user data
		part       int      // with that many octets and more the segment's place is known
	}{
		{"in the default alphabet", "04" + from + "00 00" + scts + "0A E8329BFD4697D9EC37",
			[]string{"", "h", "he", "hel", "hell", "hello", "hellohe"[:6], "hellohel", "hellohell"}, 99},
		{"in UTF-16", "04" + from + "00 08" + scts + "06 00410442D83D", []string{"", "", "A", "A", "Aт", "Aт"}, 99},
		{"a part", "44" + from + "00 00" + scts + "0F 050003570202 F0783C1E8FC7E3F1",
			[]string{"", "", "", "", "", "", "", "x", "xx", "xxx", "xxxx", "xxxxx", "xxxxxx", "xxxxxxx"}, 6},
		{"a part in UTF-16", "44" + from + "00 08" + scts + "0A 050003570202 044F0442", []string{"", "", "", "", "", "", "", "", "я", "я"}, 6},
		{"a part whose header goes on", "44" + from + "00 08" + scts + "0E 0B0003570202 05040B8423F0 0041",
			slices.Repeat([]string{""}, 14), 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			whole := octets(t, tt.tpdu)
			if len(whole) != before+len(tt.texts) {
				t.Fatalf("it has %d octets", len(whole))
			}
			for n := range whole {
				got, err := sms.ParseDeliver(whole[:n])
				sender := ""
				if n >= address {
					sender = "+15551234567"
				}
				if n < before {
					if !errors.Is(err, sms.ErrTruncated) || got.From != sender {
						t.Errorf("first %d octets: got %+v, %v", n, got, err)
					}
					continue
				}
				text, joinErr := sms.Join([][]byte{whole[:n]})
				if err != nil || !got.Cut || got.Text != tt.texts[n-before] || got.From != sender || text != got.Text || joinErr != nil ||
					(got.Concat.Total == 2) != (n-before >= tt.part) {
					t.Errorf("first %d octets: got %+v, %v", n, got, err)
				}
			}
			if got, err := sms.ParseDeliver(whole); got.Cut || err != nil {
				t.Errorf("the whole: got %+v, %v", got, err)
			}
		})
	}
	submit := octets(t, "11 00 0B916407281553F8 00 00 AA 0A E8329BFD4697D9EC37")
	for n := range submit { // as the SMSC sees them
		if _, err := sms.ParseSubmit(submit[:n]); !errors.Is(err, sms.ErrTruncated) {
			t.Errorf("first %d octets of a SMS-SUBMIT: %v", n, err)
		}
	}
}

// The groups of TP-DCS. 3GPP TS 23.038 4
func TestCodingGroups(t *testing.T) {
	const gsm7, data, utf16 = "è\u00DF", "", "я" // the octets 04 4F as each of the alphabets
	is := func(active, discard bool, kind byte) sms.Waiting {
		return sms.Waiting{Indicated: true, Active: active, Discard: discard, Kind: kind}
	}
	none := sms.Waiting{}
	for _, c := range []struct {
		dcs     byte
		text    string
		class   int
		waiting sms.Waiting
	}{
		// General data coding, without and with a class.
		{0x00, gsm7, -1, none}, {0x03, gsm7, -1, none}, {0x04, data, -1, none}, {0x08, utf16, -1, none}, {0x0C, gsm7, -1, none},
		{0x10, gsm7, 0, none}, {0x11, gsm7, 1, none}, {0x13, gsm7, 3, none}, {0x15, data, 1, none}, {0x1A, utf16, 2, none}, {0x1C, gsm7, 0, none},
		// Compressed: it cannot be read.
		{0x20, data, -1, none}, {0x28, data, -1, none}, {0x31, data, 1, none}, {0x3A, data, 2, none},
		// The same, marked for automatic deletion.
		{0x40, gsm7, -1, none}, {0x44, data, -1, none}, {0x48, utf16, -1, none}, {0x4C, gsm7, -1, none},
		{0x50, gsm7, 0, none}, {0x52, gsm7, 2, none}, {0x54, data, 0, none}, {0x59, utf16, 1, none},
		{0x60, data, -1, none}, {0x68, data, -1, none}, {0x73, data, 3, none}, {0x7F, data, 3, none},
		// Reserved.
		{0x80, gsm7, -1, none}, {0x88, gsm7, -1, none}, {0x94, gsm7, -1, none}, {0xA0, gsm7, -1, none}, {0xB4, gsm7, -1, none}, {0xBF, gsm7, -1, none},
		// Message waiting: to be discarded, to be kept, to be kept in UTF-16.
		{0xC0, gsm7, -1, is(false, true, 0)}, {0xC8, gsm7, -1, is(true, true, 0)}, {0xC9, gsm7, -1, is(true, true, 1)}, {0xCF, gsm7, -1, is(true, true, 3)},
		{0xD0, gsm7, -1, is(false, false, 0)}, {0xD8, gsm7, -1, is(true, false, 0)}, {0xDE, gsm7, -1, is(true, false, 2)},
		{0xE0, utf16, -1, is(false, false, 0)}, {0xE8, utf16, -1, is(true, false, 0)}, {0xEB, utf16, -1, is(true, false, 3)},
		// Data coding and class.
		{0xF0, gsm7, 0, none}, {0xF1, gsm7, 1, none}, {0xF2, gsm7, 2, none}, {0xF3, gsm7, 3, none},
		{0xF4, data, 0, none}, {0xF5, data, 1, none}, {0xF6, data, 2, none}, {0xF7, data, 3, none},
		{0xF8, gsm7, 0, none}, {0xFD, data, 1, none},
	} {
		t.Run(fmt.Sprintf("%02X", c.dcs), func(t *testing.T) {
			tpdu := octets(t, fmt.Sprintf("04 %s 00 %02X %s 02 044F", from, c.dcs, scts))
			want := sms.Deliver{From: "+15551234567", SCTS: time.Date(2026, 11, 21, 22, 31, 32, 0, time.FixedZone("", 10*60*60)),
				DCS: c.dcs, Class: c.class, Text: c.text, Waiting: c.waiting}
			if c.text == data {
				want.Data = []byte{0x04, 0x4F}
			}
			got, err := sms.ParseDeliver(tpdu)
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, want)
			if text, err := sms.Join([][]byte{tpdu}); text != c.text || err != nil {
				t.Errorf("joined it is %q, %v", text, err)
			}
		})
	}
}

func TestMessageType(t *testing.T) {
	for first, want := range map[byte]sms.MTI{
		0x04: sms.MTIDeliver, 0x44: sms.MTIDeliver, 0x07: sms.MTIDeliver,
		0x03: sms.MTIDeliver, 0x00: sms.MTIDeliver, 0xFC: sms.MTIDeliver, 0xFE: sms.MTIStatusReport,
		0x01: sms.MTISubmitReport, 0x06: sms.MTIStatusReport,
	} {
		if got, err := sms.MessageType([]byte{first}); got != want || err != nil {
			t.Errorf("0x%02X: got %d, %v, want %d", first, got, err, want)
		}
	}
	if _, err := sms.MessageType(nil); err == nil {
		t.Error("an empty TPDU has a type")
	}
	if _, err := sms.ParseDeliver(octets(t, "06"+from+"00 00"+scts+"01 35")); err == nil {
		t.Error("a SMS-STATUS-REPORT was taken for a SMS-DELIVER")
	}
}

func TestJoinMendsWhatTheSenderSplit(t *testing.T) {
	part := func(dcs string, seq int, ud string) []byte {
		return octets(t, fmt.Sprintf("44 %s 00 %s %s %02X 0500030102%02X %s",
			from, dcs, scts, 6+len(strings.ReplaceAll(ud, " ", ""))/2, seq, ud))
	}
	gsm7 := func(seq, udl int, ud string) []byte {
		return octets(t, fmt.Sprintf("44 %s 00 00 %s %02X 0500030102%02X %s", from, scts, udl, seq, ud))
	}
	turkish := func(seq int) []byte { // ğ of the Turkish single shift table
		return octets(t, fmt.Sprintf("44 %s 00 00 %s 0D 08 0003010 2%02X 240101 607306", from, scts, seq))
	}
	tests := []struct {
		name  string
		parts [][]byte
		want  string
	}{
		{"a surrogate pair", [][]byte{part("08", 1, "0041 D83D"), part("08", 2, "DE00 0042")}, "A😀B"},
		{"a UTF-16 unit", [][]byte{part("08", 1, "0041 04"), part("08", 2, "4F 0042")}, "AяB"},
		{"an escape pair", [][]byte{gsm7(1, 7+1, "36"), gsm7(2, 7+1, "CA")}, "€"},
		{"two alphabets", [][]byte{part("08", 1, "044F"), gsm7(2, 7+1, "6A")}, "я5"},
		{"a national table in the first part alone", [][]byte{turkish(1), gsm7(2, 7+1, "6A")}, "ğ5"},
		{"a national table in the last part alone", [][]byte{gsm7(1, 7+1, "6A"), turkish(2)}, "5ğ"},
		{"an escape before a part with a national table", [][]byte{gsm7(1, 7+1, "36"), turkish(2)}, " ğ"},
		{"a byte order mark in each part", [][]byte{part("08", 1, "FEFF 0041"), part("08", 2, "FEFF 0042")}, "AB"},
		{"a byte order mark of little-endian in each part", [][]byte{part("08", 1, "FFFE 4100"), part("08", 2, "FFFE 4200")}, "AB"},
		{"a byte order mark, then a pair that was split", [][]byte{part("08", 1, "FEFF D83D"), part("08", 2, "DE00 0000")}, "😀"},
		{"a part that was cut short, then another", [][]byte{part("08", 1, "0041 D83D 0042")[:29], part("08", 2, "DE00 0043")}, "A\uFFFD\uFFFDC"},
		{"none", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := sms.Join(tt.parts); got != tt.want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
	for _, cut := range [][]byte{nil, {0x01}, {0x44}} { // nothing, the first octets of a SMS-SUBMIT and of a SMS-DELIVER
		if _, err := sms.Join([][]byte{part("08", 1, "0041"), cut}); !errors.Is(err, sms.ErrTruncated) {
			t.Errorf("%X joined: %v", cut, err)
		}
	}
}

func TestDeliverRoundTrip(t *testing.T) {
	at := time.Date(2026, 11, 21, 22, 31, 32, 0, time.FixedZone("", -(3*60+30)*60))
	for _, text := range []string{"", "hi", strings.Repeat("€uro {[|]} ", 60), strings.Repeat("я😀", 200)} {
		for _, from := range []string{"+15551234567", "12345", "Bank@ÄÖ", "ABCDEFGHIJK"} {
			tpdus, err := sms.Deliver{From: from, SCTS: at, Text: text}.TPDUs(9)
			if err != nil {
				t.Fatal(err)
			}
			if len(tpdus) != (sms.Coding{}).Segments(text) {
				t.Errorf("got %d TPDUs, Segments says %d", len(tpdus), sms.Coding{}.Segments(text))
			}
			for i, b := range tpdus {
				d, err := sms.ParseDeliver(b)
				if err != nil {
					t.Fatal(err)
				}
				if d.From != from || !d.SCTS.Equal(at) {
					t.Errorf("got from %q at %v, want %q at %v", d.From, d.SCTS, from, at)
				}
				if len(tpdus) > 1 && d.Concat != (sms.Concat{Ref: 9, Total: byte(len(tpdus)), Seq: byte(i + 1)}) {
					t.Errorf("segment %d: got %+v", i+1, d.Concat)
				}
			}
			if got, err := sms.Join(tpdus); got != text || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, text)
			}
		}
	}
}

func TestDeliverOnTheWire(t *testing.T) {
	at := time.Date(2026, 11, 21, 22, 31, 32, 0, time.FixedZone("", 10*60*60))
	for _, c := range []struct {
		name    string
		deliver sms.Deliver
		want    []string
	}{
		{"a text", sms.Deliver{From: "+15551234567", Text: "hellohello", SCTS: at, PID: 0x41},
			[]string{"04" + from + "41 00" + scts + "0A E8329BFD4697D9EC37"}},
		{"from a name", sms.Deliver{From: "Google", Text: "я", SCTS: at}, []string{"04 0BD0C7F7FBCC2E03 00 08" + scts + "02 044F"}},
		{"data to a port", sms.Deliver{From: "+15551234567", Data: []byte{6, 1}, Port: sms.Port{Dest: 2948, Source: 9200}, SCTS: at},
			[]string{"44" + from + "00 04" + scts + "09 0605040B8423F0 0601"}},
		{"two parts", sms.Deliver{From: "+15551234567", Text: strings.Repeat("я", 70) + "A", SCTS: at},
			[]string{"44" + from + "00 08" + scts + "8C 050003340201 " + strings.Repeat("044F", 67),
				"44" + from + "00 08" + scts + "0E 050003340202 044F044F044F0041"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.deliver.TPDUs(0x1234)
			if err != nil || len(got) != len(c.want) {
				t.Fatalf("got %X, %v", got, err)
			}
			for i := range got {
				if want := octets(t, c.want[i]); string(got[i]) != string(want) {
					t.Errorf("segment %d:\n got %X\nwant %X", i+1, got[i], want)
				}
			}
		})
	}
}

func TestDeliverDataToAPort(t *testing.T) {
	data := []byte(strings.Repeat("\x00\xff\x1b", 100))
	port := sms.Port{Dest: 2948, Source: 9200}
	tpdus, err := sms.Deliver{From: "12345", SCTS: time.Unix(0, 0).UTC(), Data: data, Port: port}.TPDUs(7)
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for _, b := range tpdus {
		d, err := sms.ParseDeliver(b)
		if err != nil || d.Port != port || d.Text != "" || len(d.Data) > 128 {
			t.Fatalf("got %+v, %v", d, err)
		}
		got = append(got, d.Data...)
	}
	if string(got) != string(data) || len(tpdus) != 3 {
		t.Errorf("got %d octets in %d segments", len(got), len(tpdus))
	}
}

// How many octets of data a segment holds: 140 without a header, 133 beside a port, and seven less where there
// are several (six octets of concatenation, or five and the length of the header). 3GPP TS 23.040 9.2.3.24
func TestDataIsCutIntoSegments(t *testing.T) {
	port := sms.Port{Dest: 2948}
	for _, c := range []struct {
		octets int
		port   sms.Port
		wide   bool
		want   int
	}{
		{0, sms.Port{}, false, 1}, {140, sms.Port{}, false, 1}, {141, sms.Port{}, false, 2},
		{2 * 134, sms.Port{}, false, 2}, {2*134 + 1, sms.Port{}, false, 3},
		{140, sms.Port{}, true, 1}, {2 * 133, sms.Port{}, true, 2}, {2*133 + 1, sms.Port{}, true, 3},
		{133, port, false, 1}, {134, port, false, 2}, {2 * 128, port, false, 2}, {2*128 + 1, port, false, 3},
		{2 * 127, port, true, 2}, {2*127 + 1, port, true, 3},
	} {
		data := bytes.Repeat([]byte{0xA5}, c.octets)
		tpdus, err := sms.Deliver{From: "12345", Data: data, Port: c.port, Coding: sms.Coding{WideRef: c.wide}}.TPDUs(7)
		if err != nil || len(tpdus) != c.want {
			t.Errorf("%+v: got %d segments, %v", c, len(tpdus), err)
		}
		var got []byte
		for _, b := range tpdus {
			d, err := sms.ParseDeliver(b)
			if err != nil || d.Data == nil || d.Cut {
				t.Errorf("%+v: got %+v, %v", c, d, err)
			}
			got = append(got, d.Data...)
		}
		if !bytes.Equal(got, data) {
			t.Errorf("%+v: the segments hold %d octets", c, len(got))
		}
	}
}

// The types of number. 3GPP TS 23.040 9.1.2.5
func TestSenderType(t *testing.T) {
	for deliver, want := range map[string]sms.NumberType{
		"04 05 81 2143F5": sms.NumberUnknown, "04 05 91 2143F5": sms.NumberInternational, "04 05 A1 2143F5": sms.NumberNational,
		"04 05 B0 2143F5": sms.NumberNetworkSpecific, "04 05 C0 2143F5": sms.NumberSubscriber, "04 04 D0 C834": sms.NumberAlphanumeric,
		"04 05 E0 2143F5": sms.NumberAbbreviated, "04 05 FF 2143F5": sms.NumberReserved,
		"04 00 91": sms.NumberInternational, "04 05": sms.NumberUnknown, "": sms.NumberUnknown,
	} {
		if got := sms.SenderType(octets(t, deliver)); got != want {
			t.Errorf("%s: got %d, want %d", deliver, got, want)
		}
	}
	for value, number := range []sms.NumberType{sms.NumberUnknown, sms.NumberInternational, sms.NumberNational, sms.NumberNetworkSpecific,
		sms.NumberSubscriber, sms.NumberAlphanumeric, sms.NumberAbbreviated, sms.NumberReserved} {
		if int(number) != value {
			t.Errorf("the type %d is %d", value, number)
		}
	}
}

func TestSenderThatCannotBe(t *testing.T) {
	for _, from := range []string{"", "TwelveLetter", "€uro", "Ивана", "a\x1bb"} {
		if _, err := (sms.Deliver{From: from}).TPDUs(0); err == nil {
			t.Errorf("%q sent a text", from)
		}
	}
}

// The library builds its tables on first use without a lock, which the race
// detector sees if we let it.
func TestDecodingAtTheSameTime(t *testing.T) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := (sms.Deliver{From: "Bank", Text: "hi €"}).TPDUs(0); err != nil {
				t.Error(err)
			}
			for language := range 15 {
				b := octets(t, fmt.Sprintf("44 %s 00 00 %s 0B 062401%02X2501%02X 601C3A", from, scts, language, language))
				if _, err := sms.ParseDeliver(b); err != nil {
					t.Error(err)
				}
				if _, err := (sms.Submit{To: "12345", Text: "hi €"}).TPDUs(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestWhatIsWaitingInWords(t *testing.T) {
	for want, w := range map[string]sms.Waiting{
		"":                                       {},
		"e-mails are waiting":                    {Indicated: true, Active: true, Kind: 2},
		"1 fax is waiting":                       {Indicated: true, Active: true, Count: 1, Kind: 1},
		"1 e-mail is waiting":                    {Indicated: true, Active: true, Count: 1, Kind: 2},
		"1 message of another kind is waiting":   {Indicated: true, Active: true, Count: 1, Kind: 3},
		"2 voice messages are waiting":           {Indicated: true, Active: true, Count: 2},
		"254 voice messages are waiting":         {Indicated: true, Active: true, Count: 254},
		"voice messages are waiting":             {Indicated: true, Active: true},
		"1 voice message is waiting":             {Indicated: true, Active: true, Count: 1},
		"3 e-mails are waiting":                  {Indicated: true, Active: true, Count: 3, Kind: 2},
		"255 or more faxes are waiting":          {Indicated: true, Active: true, Count: 255, Kind: 1},
		"2 messages of another kind are waiting": {Indicated: true, Active: true, Count: 2, Kind: 3},
	} {
		if got := w.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := (sms.Waiting{Indicated: true, Kind: 1}).String(); got != "" {
		t.Errorf("where nothing waits it says %q", got)
	}
}
