package simulator

import "fmt"

// plainError is an ERROR that has no number: an unknown command, a syntax error.
type plainError struct{}

func (plainError) Error() string { return "ERROR" }

// cmeError is an error of the equipment. 3GPP TS 27.007 9.2
type cmeError int

const (
	cmeNotAllowed      cmeError = 3
	cmeNoSIM           cmeError = 10
	cmeSIMPIN          cmeError = 11
	cmeSIMPUK          cmeError = 12
	cmeWrongPassword   cmeError = 16
	cmeNoService       cmeError = 30
	cmeWrongParameters cmeError = 50
)

func (e cmeError) Error() string { return fmt.Sprintf("+CME ERROR: %d", int(e)) }

// cmsError is an error of the message service. 3GPP TS 27.005 3.2.5
type cmsError int

const (
	cmsNotAllowed    cmsError = 302
	cmsPDUParameter  cmsError = 304
	cmsNoSIM         cmsError = 310
	cmsSIMPIN        cmsError = 311
	cmsSIMPUK        cmsError = 316
	cmsMemoryIndex   cmsError = 321
	cmsNoSMSC        cmsError = 330
	cmsNoService     cmsError = 331
	cmsNoCNMAAwaited cmsError = 340
)

func (e cmsError) Error() string { return fmt.Sprintf("+CMS ERROR: %d", int(e)) }

// verbose are the texts of AT+CMEE=2 for the errors the simulator makes itself.
var verbose = map[error]string{
	cmeNotAllowed:      "operation not allowed",
	cmeNoSIM:           "SIM not inserted",
	cmeSIMPIN:          "SIM PIN required",
	cmeSIMPUK:          "SIM PUK required",
	cmeWrongPassword:   "incorrect password",
	cmeNoService:       "no network service",
	cmeWrongParameters: "incorrect parameters",
	cmsNotAllowed:      "operation not allowed",
	cmsPDUParameter:    "invalid PDU mode parameter",
	cmsNoSIM:           "SIM not inserted",
	cmsSIMPIN:          "SIM PIN required",
	cmsSIMPUK:          "SIM PUK required",
	cmsMemoryIndex:     "invalid memory index",
	cmsNoSMSC:          "SMSC address unknown",
	cmsNoService:       "no network service",
	cmsNoCNMAAwaited:   "no +CNMA acknowledgement expected",
}

// final is the final result code that reports err, as AT+CMEE wants it.
func (t *settings) final(err error) string {
	_, plain := err.(plainError)
	switch {
	case t.cmee == 0 || plain:
		return "ERROR"
	case t.cmee == 1 && !t.words:
		return err.Error()
	}
	kind := "+CME ERROR: "
	if _, cms := err.(cmsError); cms {
		kind = "+CMS ERROR: "
	}
	if text, ok := verbose[err]; ok {
		return kind + text
	}
	return kind + "unknown error"
}
