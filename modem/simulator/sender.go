package simulator

import (
	"fmt"

	"omsbox/modem/sms"
)

// What networks send that is not simply a text.

// SendClass sends a text of this message class, of which 0 is a flash message.
// 3GPP TS 23.038 4
func (p *Phone) SendClass(text string, class int) error {
	return p.sendAs(sms.Deliver{Text: text}, 0, func(dcs byte) byte { return dcs | 0x10 | byte(class&3) })
}

// SendSilent sends a short message of type 0, which is not to be shown. 3GPP TS
// 23.040 9.2.3.9
func (p *Phone) SendSilent() error {
	return p.sendAs(sms.Deliver{}, 0x40, func(dcs byte) byte { return dcs })
}

// SendVoicemail tells that voice mail is waiting, or no longer. With a text, the
// message is meant to be kept. 3GPP TS 23.038 4
func (p *Phone) SendVoicemail(waiting bool, text string) error {
	dcs := byte(0xC0) // discard
	if text != "" {
		dcs = 0xD0 // store
	}
	if waiting {
		dcs |= 8
	}
	return p.sendAs(sms.Deliver{Text: text}, 0, func(byte) byte { return dcs })
}

// SendData sends 8-bit data, to an application port if that is not 0: 2948 is
// that of WAP push.
func (p *Phone) SendData(data []byte, port sms.Port) error {
	return p.sendAs(sms.Deliver{Data: data, Port: port}, 0, func(dcs byte) byte { return dcs })
}

// SendCoded sends a text in this coding, such as one of a national table.
func (p *Phone) SendCoded(text string, coding sms.Coding) error {
	return p.sendAs(sms.Deliver{Text: text, Coding: coding}, 0, func(dcs byte) byte { return dcs })
}

// sendAs sends a message with this TP-PID and another TP-DCS of the same
// alphabet.
func (p *Phone) sendAs(d sms.Deliver, pid byte, recode func(dcs byte) byte) error {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	p.ref++
	d.From, d.SCTS, d.PID = p.number, p.s.options.Now(), pid
	tpdus, err := d.TPDUs(uint16(p.ref))
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	for _, tpdu := range tpdus {
		dcs := &tpdu[1+2+(int(tpdu[1])+1)/2+1] // behind TP-OA and TP-PID
		*dcs = recode(*dcs)
	}
	return p.sendTPDUs(d.Text, tpdus)
}
