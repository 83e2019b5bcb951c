// Package oms is Microsoft's Outlook Mobile Service, later Office Mobile Service: the SOAP web
// service that Outlook 2007/2010 and SharePoint call to send text messages.
//
// One POST is one operation. The envelope (soap.go) carries a name and one string; the string is
// an XML document of its own (xmsUser, xmsData, xmsBatch), and so is the result (serviceInfo, userInfo,
// xmsResponse, xmsResponses). What goes wrong with a message is told inside the result, with HTTP 200
// (xmsresponse.go); only what is no SOAP at all is a fault (fault.go). DeliverXms answers ok once the
// message is committed to the store and not before.
//
// ASP.NET would also take a parameter as a form field, at service.asmx/DeliverXms. It does so for its own
// test page, and from the server itself only; Outlook and SharePoint never do, and neither do we.
package oms

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	texttemplate "text/template"

	"omsbox/store"
)

// Service answers at the OMS addresses, which are those of Answers: POST is the web service, GET a page
// for people, GET ?wsdl the description for programs.
type Service struct {
	store *store.Store
	log   *slog.Logger
	use   store.Use // what its clients sign in for
	pages *template.Template
	wsdl  *texttemplate.Template
	room  *room // for large requests
}

// New returns the service on that store.
func New(s *store.Store, log *slog.Logger) *Service {
	return &Service{
		store: s,
		log:   log.With("part", "oms"),
		use:   store.Programs,
		pages: template.Must(template.New("").Parse(pageHTML)),
		wsdl:  texttemplate.Must(texttemplate.New("").Parse(serviceWSDL)),
		room:  newRoom(),
	}
}

// OldPrograms is the same service for connections that may be listened to: whoever comes over one
// signs in with an app password. It shares its limits with s.
func (s *Service) OldPrograms() http.Handler {
	old := *s
	old.use = store.OldPrograms
	return &old
}

// operation is one method of the web service: its name, the name of its only parameter, and what
// answers it with a document.
type operation struct {
	Name      string
	Parameter string // "" where it takes none
	answer    func(*Service, *call) string
}

// operations are all that are answered.
var operations = []operation{
	{"GetServiceInfo", "", (*Service).getServiceInfo},
	{"GetUserInfo", "xmsUser", (*Service).getUserInfo},
	{"DeliverXms", "xmsData", (*Service).deliverXMS},
	{"SendXms", "xmsData", (*Service).deliverXMS}, // the name that Outlook 2007 knew before SP1
	{"DeliverXmsBatch", "packageXml", (*Service).deliverXMSBatch},
}

// call is one operation while it is answered.
type call struct {
	context.Context // ends when the client hangs up
	address
	remote   string // where the request came from
	argument string // the parameter, "" where it is absent
	owed     []owed // messages that wait to hear whether the answer was written
}

// owed is a message whose store.Answered is still to be called.
type owed struct {
	message int64
	told    []int64 // deliveries whose failure the answer tells
}

// ServeHTTP answers one request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	at, ok := s.addressOf(r)
	switch {
	case !ok:
		s.show(w, http.StatusNotFound, "missing", nil)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		s.describe(w, r, at)
	case r.Method == http.MethodPost:
		s.post(w, r, at)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "This address takes GET, HEAD and POST.", http.StatusMethodNotAllowed)
	}
}

func (s *Service) post(w http.ResponseWriter, r *http.Request, at address) {
	share := s.room.share(w, r)
	defer share.close()
	label := labelOf(r.Header.Get("Content-Type"), r.Header.Get("SOAPAction"))
	var b body
	err := read(w, r, &b, share)
	if err == nil && b.blank() {
		// OMS guidelines part 1, Web Service URL Redirection: a client that looks for the
		// service posts nothing at first.
		write(w, http.StatusOK, label.contentType(), nil)
		return
	}
	if err == nil {
		err = b.decode(label.charset)
	}
	if err == nil {
		err = share.take(r.Context(), int64(b.size-b.length())) // what it takes more than it was sent as
	}
	if err != nil {
		b = body{}
		share.close()
		s.unread(w, r, label.Style, err)
		return
	}
	request, err := b.envelope(label)
	if err != nil {
		s.refuse(w, r, request.Style, err)
		return
	}
	c := &call{Context: r.Context(), address: at, remote: r.RemoteAddr, argument: request.Argument}
	request.Argument = "" // once it is answered, nobody needs it
	written := false
	defer func() { // on every way out, a panic too
		for _, o := range c.owed {
			s.store.Answered(o.message, written, o.told)
		}
	}()
	result := request.operation.answer(s, c)
	c.argument = ""
	err = write(w, http.StatusOK, request.contentType(), request.response(request.Operation, result))
	written = err == nil && r.Context().Err() == nil
}

// unread answers a request that did not arrive whole, or that is too much to read.
func (s *Service) unread(w http.ResponseWriter, r *http.Request, style Style, err error) {
	if errors.Is(err, tooLarge) || errors.Is(err, errNoShare) {
		http.NewResponseController(w).EnableFullDuplex() // answer first, read the rest then
		defer discard(w, r)
	} else if fault := (*Fault)(nil); errors.As(err, &fault) { // it is all there
		s.refuse(w, r, style, err)
		return
	}
	w.Header().Set("Connection", "close")
	var status int
	var text string
	switch {
	case errors.Is(err, tooLarge):
		s.log.Info("a request is larger than any may be", "from", r.RemoteAddr, "octets", r.ContentLength, "most", maxBody)
		s.fault(w, style, tooLarge)
		return
	case errors.Is(err, errNoShare):
		s.log.Warn("too many large requests at once", "from", r.RemoteAddr)
		w.Header().Set("Retry-After", "5")
		status, text = http.StatusServiceUnavailable, "Too many large messages are arriving at once. Nothing was sent; please try again in a few seconds.\n"
	case errors.Is(err, os.ErrDeadlineExceeded):
		status, text = http.StatusRequestTimeout, "The request did not arrive in time. Nothing was sent.\n"
	default:
		status, text = http.StatusBadRequest, "The request is cut off or damaged. Nothing was sent.\n"
	}
	write(w, status, "text/plain; charset=utf-8", []byte(text))
}

// refuse answers what could not be understood as a call.
func (s *Service) refuse(w http.ResponseWriter, r *http.Request, style Style, err error) {
	var fault *Fault
	if !errors.As(err, &fault) {
		fault = &Fault{Code: faultClient, Text: err.Error()}
	}
	s.log.Info("not a call of this web service", "from", r.RemoteAddr, "fault", fault.Code)
	s.fault(w, style, fault)
}

func (s *Service) fault(w http.ResponseWriter, style Style, fault *Fault) {
	write(w, fault.status(style), style.contentType(), fault.envelope(style))
}

// write sends the whole answer, and fails where it did not get as far as the connection.
func write(w http.ResponseWriter, status int, contentType string, body []byte) error {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}
