package oms

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"strings"

	"omsbox/store"
)

// XMSUser is who a client says it is.
type XMSUser struct {
	Client   string // "Microsoft Office Outlook 14.0"
	UserID   string
	Password string
}

// ParseXMSUser reads an xmsUser document, whatever the order, the namespaces and the encoding label.
func ParseXMSUser(text string) (XMSUser, error) {
	var u XMSUser
	r := readDocument(text)
	root, err := r.root()
	if err != nil {
		return XMSUser{}, err
	}
	if root.Name.Local != "xmsUser" {
		return XMSUser{}, errors.New("the root element is not xmsUser")
	}
	u.Client = attribute(root, "client")
	err = r.children(func(e xml.StartElement) (err error) {
		switch e.Name.Local {
		case "userId":
			u.UserID, err = r.text()
			u.UserID = strings.TrimSpace(u.UserID)
		case "password":
			u.Password, err = r.text()
		}
		return err
	})
	if err == nil {
		err = r.end()
	}
	return u, err
}

// getUserInfo tells a user's own number and the address that replies come from.
func (s *Service) getUserInfo(c *call) string {
	if strings.TrimSpace(c.argument) == "" {
		return userInfo("", "", invalidUser) // a probe: nobody tried to sign in
	}
	asked, err := ParseXMSUser(c.argument)
	if err != nil {
		return userInfo("", "", invalidFormat)
	}
	user, refused := s.admit(c, asked.UserID, asked.Password)
	if refused != nil {
		return userInfo("", "", refused.code)
	}
	if err := s.store.SawService(c, user.ID, c.service); err != nil && c.Err() == nil {
		s.log.Error("note that a client asked what the service is like", "err", err) // it will be told again
	}
	return userInfo(user.Phone, s.store.Address(user), accepted)
}

// userInfo writes the document. Unlike that of xmsResponse, its error has no children.
func userInfo(replyPhone, smtpAddress string, result code) string {
	var d document
	d.raw(`<userInfo xmlns="`, namespace, `">`)
	if replyPhone != "" {
		d.element("replyPhone", replyPhone)
	}
	if smtpAddress != "" {
		d.element("smtpAddress", smtpAddress)
	}
	d.raw(`<error code="`, result.name, `" severity="`, string(result.severity), `" /></userInfo>`)
	return string(d)
}

// signIn finds the user, or the error that tells why not. A userInfo can tell its code alone, so who
// is made to wait gets other there: invalidUser would say that the right password is wrong.
func (s *Service) signIn(c *call, userID, password string) (store.User, *responseError) {
	from, _, _ := net.SplitHostPort(c.remote)
	user, err := s.store.Authenticate(c, userID, password, from, s.use)
	var throttled *store.Throttled
	switch {
	case err == nil:
		return user, nil
	case errors.Is(err, store.ErrCredentials):
		s.log.Info("sign-in refused", "from", c.remote)
		return user, &responseError{code: invalidUser}
	case errors.Is(err, store.ErrDisabled):
		return user, &responseError{code: expiredUser}
	case errors.Is(err, store.ErrAppPassword):
		s.log.Info("sign-in refused: the own password of an administrator", "from", c.remote)
		return user, &responseError{code: invalidUser, content: "An administrator signs in here with an app password: " +
			"omsbox user app-password ID makes one."}
	case errors.As(err, &throttled):
		s.log.Debug("sign-in put off", "from", c.remote, "seconds", throttled.Seconds)
		unit := "seconds"
		if throttled.Seconds == 1 {
			unit = "second"
		}
		return user, &responseError{code: other, content: fmt.Sprintf("Too many wrong passwords from here. Try again in %d %s.", throttled.Seconds, unit)}
	case errors.Is(err, store.ErrBusy):
		return user, &responseError{code: other, content: "Too many people are signing in at once. Nothing was sent; please try again in a moment."}
	case c.Err() == nil:
		s.log.Error("sign in", "err", err)
	}
	return user, &responseError{code: other, content: unable}
}
