package modem

import "slices"

// Portless is a device that looks like a modem and has no serial port.
type Portless struct {
	USB    USB
	Reason string // what it is instead, and what to do
}

// modemMakers are the idVendor of those who make sticks: what they make and shows no serial port is
// worth a word.
var modemMakers = []string{
	"12d1", // Huawei
	"19d2", // ZTE
	"1bbb", // Alcatel, TCL
	"2c7c", // Quectel
	"1e0e", // SIMCom, Qualcomm's reference
	"1199", // Sierra Wireless
	"0af0", // Option
	"1c9e", // Longcheer
	"2357", // TP-Link
	"2020", // others with Qualcomm's firmware
}

// routers are sticks that are a router with a web page and nothing else: idVendor:idProduct.
var routers = []string{
	"12d1:14db", "12d1:14dc", // Huawei HiLink: E3131, E353, E3372h
	"19d2:1405", "19d2:1403", // ZTE MF823 and the like
	"1bbb:0195", // Alcatel
}

// disks are sticks that are still the disk with their Windows drivers: idVendor:idProduct.
var disks = []string{
	"12d1:1446", "12d1:14fe", "12d1:1505", "12d1:1520", "12d1:155b", "12d1:1f01", // Huawei
	"19d2:2000", "19d2:1225", // ZTE
	"1bbb:f000", // Alcatel
	"05c6:1000", // Qualcomm
}

// portless says what a USB device without serial port is, given the classes and the drivers of its
// interfaces; "" where it seems to be no modem at all.
func portless(u USB, interfaces []string) string {
	id := u.Vendor + ":" + u.ID
	has := func(any ...string) bool {
		return slices.ContainsFunc(any, func(s string) bool { return slices.Contains(interfaces, s) })
	}
	const (
		asRouter = "a HiLink stick: it is a router with a web page of its own and has no port for AT commands. " +
			"Its maker may have other firmware for it (\"stick mode\"); otherwise another modem is needed"
		asDisk = "still shows the disk with its Windows drivers: install usb_modeswitch (sudo apt install usb-modeswitch) and plug it in again"
	)
	switch {
	case slices.Contains(routers, id):
		return asRouter
	case slices.Contains(disks, id):
		return asDisk
	case !slices.Contains(modemMakers, u.Vendor):
		return ""
	case has("cdc_ether", "rndis_host"):
		return asRouter
	case has("qmi_wwan", "cdc_mbim", "huawei_cdc_ncm"):
		return "offers the network's side only (QMI or MBIM) and no port for AT commands"
	case has("08"):
		return asDisk
	}
	return "shows no serial port: the kernel may lack its driver (try: sudo modprobe option)"
}
