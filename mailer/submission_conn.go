package mailer

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// clientConn is a connection as go-smtp sees it. It hands over one command at a time, so that go-smtp has
// answered each before the next is read. It decodes mails (dataDecoder), encrypts (STARTTLS), and puts the
// box's words in place of go-smtp's (replyWriter). All but Close and the deadlines is done by the goroutine
// that reads.
type clientConn struct {
	net.Conn  // the line, or TLS above it
	line      *line
	in        *bufio.Reader
	encrypted bool
	unnamed   bool // EHLO has not been said since STARTTLS

	ready   []byte       // decoded, and not yet read by go-smtp
	data    *dataDecoder // nil where no mail is coming in
	chunk   uint64       // octets that are left of what follows BDAT
	lacking bool         // a chunk of the mail was refused
	replies replyWriter
}

// newClientConn returns a connection that is encrypted at once where it begins so.
func newClientConn(l *line, conn net.Conn, name func() string) *clientConn {
	_, encrypted := conn.(*tls.Conn)
	c := &clientConn{Conn: conn, line: l, in: bufio.NewReaderSize(conn, submissionLine), encrypted: encrypted}
	c.replies = replyWriter{name: name, startTLS: l.gate.tls != nil && !encrypted}
	return c
}

// Read hands over what go-smtp is to read next.
func (c *clientConn) Read(p []byte) (int, error) {
	for len(c.ready) == 0 {
		var err error
		if c.replies.last == startData && c.data == nil {
			c.data = new(dataDecoder)
		}
		switch {
		case c.data != nil:
			err = c.readData()
		case c.chunk > 0:
			n, err := c.in.Read(p[:min(uint64(len(p)), c.chunk)])
			c.chunk -= uint64(n)
			return n, err
		default:
			err = c.readCommand()
		}
		if err != nil && len(c.ready) == 0 {
			return 0, err
		}
	}
	n := copy(p, c.ready)
	c.ready = c.ready[n:]
	return n, nil
}

// readData decodes what has come in of a mail, and waits where nothing has.
func (c *clientConn) readData() error {
	const most = 4096 // octets at once
	c.ready = c.ready[:0]
	for len(c.ready) < most && (len(c.ready) == 0 || c.in.Buffered() > 0) {
		octet, err := c.in.ReadByte()
		if err != nil {
			return err
		}
		var over bool
		if c.ready, over = c.data.next(c.ready, octet); over {
			c.data, c.replies.last = nil, 0
			return nil
		}
	}
	return nil
}

// sayEHLO is the answer to a command that comes too early. RFC 3207 4.2
const sayEHLO = "503 5.5.1 Say EHLO again after STARTTLS"

// readCommand reads one line: a command, or what a client says to sign in. It answers those commands that
// go-smtp is not to see.
func (c *clientConn) readCommand() error {
	text, err := c.in.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) { // go-smtp refuses a line that is too long
		return err
	}
	verb, argument, _ := strings.Cut(string(bytes.TrimRight(text, "\r\n")), " ")
	verb = strings.ToUpper(verb)
	switch {
	case c.replies.last == continueSignIn: // text may be anything in Base64
	case verb == "STARTTLS" && c.encrypted:
		return c.answer("503 5.5.1 This connection is encrypted already")
	case verb == "STARTTLS" && c.replies.startTLS:
		return c.encrypt()
	case verb == "EHLO", verb == "HELO":
		c.unnamed, c.lacking = false, false
	case verb == "BDAT" && err == nil:
		if answered, err := c.readChunk(argument, ""); answered || err != nil {
			return err
		}
	case err == nil && isChunk(text):
		_, err := c.readChunk(strings.TrimSpace(string(text))[len("BDAT"):], "501 5.5.4 Write BDAT, one space and the size")
		return err
	case verb == "RSET":
		c.lacking = false
	case c.unnamed && verb != "QUIT" && verb != "NOOP" && verb != "RSET": // RFC 3207 4.2
		return c.answer(sayEHLO)
	}
	c.replies.command = verb
	c.ready = append(c.ready[:0], text...)
	return nil
}

// mostDropped is how many octets of a refused chunk are read away. A client that announces more is sent away.
const mostDropped = 16 * submissionMail

// chunkSize returns how many octets follow BDAT with that argument, and why the box refuses the command; "" where
// that is go-smtp's to say. known is false where nobody can tell how many octets follow, or they are too many to be
// read away. RFC 3030 2
func chunkSize(argument string) (size uint64, known bool, why string) {
	fields := strings.Fields(argument)
	if len(fields) == 0 {
		return 0, false, "501 5.5.4 The size of the chunk is missing"
	}
	size, err := strconv.ParseUint(fields[0], 10, 64)
	if errors.Is(err, strconv.ErrRange) || size > mostDropped {
		return 0, false, "552 5.3.4 The mail is too large"
	}
	switch {
	case err != nil:
		return 0, false, "501 5.5.4 The size of the chunk is not a number"
	case len(fields) > 2:
		return size, true, "501 5.5.4 BDAT has too many parameters"
	case len(fields) == 2 && !strings.EqualFold(fields[1], "LAST"):
		return size, true, "501 5.5.4 Only LAST may follow the size"
	}
	return size, true, ""
}

// isChunk reports whether a line is BDAT with other white space than one blank, which go-smtp does not know.
func isChunk(line []byte) bool {
	words := bytes.Fields(line)
	return len(words) > 0 && bytes.EqualFold(words[0], []byte("BDAT"))
}

// readChunk reads what follows BDAT where go-smtp is not to see the command; answered is false where it is. A chunk
// of unknown size ends the connection, since its octets would be taken for commands. Where a chunk was refused, the
// mail lacks something: the others are refused too, until RSET. RFC 3030 2
// refusal is why the box refuses the command anyway.
func (c *clientConn) readChunk(argument, refusal string) (answered bool, err error) {
	size, known, why := chunkSize(argument)
	why = cmp.Or(why, refusal)
	switch {
	case !known:
		c.answer(why)
		return true, io.EOF
	case why != "":
		c.lacking = true
	case c.unnamed:
		why = sayEHLO
	case c.lacking:
		why = "503 5.5.1 A chunk of this mail was refused: say RSET"
	default:
		c.chunk = size
		return false, nil
	}
	if _, err := io.CopyN(io.Discard, c.in, int64(size)); err != nil {
		return true, err
	}
	return true, c.answer(why)
}

// answer writes a reply of the box's own.
func (c *clientConn) answer(reply string) error {
	c.Conn.SetWriteDeadline(time.Now().Add(grace))
	_, err := io.WriteString(c.Conn, reply+"\r\n")
	return err
}

// encrypt answers STARTTLS. What the client had sent in the clear behind that command is dropped, and
// EHLO must be said again. RFC 3207 4.2, 6
func (c *clientConn) encrypt() error {
	if err := c.answer("220 2.0.0 Begin TLS"); err != nil {
		return err
	}
	c.Conn.SetWriteDeadline(time.Now().Add(c.line.gate.patience))
	encrypted := tls.Server(c.Conn, c.line.gate.tls)
	if err := encrypted.Handshake(); err != nil {
		return io.EOF // the client hears the alert
	}
	c.Conn = encrypted
	c.in.Reset(encrypted)
	c.encrypted, c.unnamed, c.replies.startTLS = true, true, false
	return nil
}

// Write sends replies to the client, in the box's words. An error is not reported: go-smtp ignores it, but
// its buffer would then keep later replies back, and 354 tells Read that a mail comes in. The client may
// have said all and gone.
func (c *clientConn) Write(p []byte) (int, error) {
	c.Conn.Write(c.replies.reword(p))
	return len(p), nil
}
