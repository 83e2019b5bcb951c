package modem

import (
	"context"
	"fmt"
	"time"

	"omsbox/store"
)

// askBalance asks for the SIM's balance once a day by the code that sim.balance holds, and tells
// people when it is below sim.least.
func (m *Modem) askBalance(ctx context.Context, s *Session, covered <-chan struct{}) error {
	select {
	case <-covered:
	case <-ctx.Done():
		return nil
	}
	bell := m.store.Subscribe(store.Settings)
	defer bell.Close()
	asked, retry := m.met.Asked, time.Time{}
	code := m.balanceCode()
	for {
		var due <-chan time.Time
		if code != "" {
			due = time.After(max(time.Until(asked.Add(m.Patience.Balance)), time.Until(retry)))
		}
		select {
		case <-bell.C:
			if now := m.balanceCode(); now != code {
				code, asked, retry = now, time.Time{}, time.Time{}
				if code == "" { // nobody wants to know any more
					if err := m.store.Clear(ctx, alarmBalance, m.id); err != nil {
						m.cannot("store an alarm", err)
					}
				}
			}
			continue
		case <-due:
		case <-ctx.Done():
			return nil
		}
		text, err := s.USSD(ctx, code)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && over(err):
			return err
		case err != nil:
			m.log.Warn("the network does not tell the balance", "err", err)
			retry = time.Now().Add(m.Patience.Balance / 24)
			continue
		}
		amount, err := m.store.SetBalance(ctx, m.id, text)
		if err != nil {
			m.cannot("store the balance", err)
			retry = time.Now().Add(m.Patience.Balance / 24)
			continue
		}
		asked = time.Now()
		m.judgeBalance(ctx, amount, text)
	}
}

func (m *Modem) balanceCode() string {
	return m.store.SIMSetting("sim.balance", m.row.IMSI, m.row.ICCID)
}

func (m *Modem) judgeBalance(ctx context.Context, amount *float64, text string) {
	least, told := m.store.Least(m.row.IMSI, m.row.ICCID)
	if told && amount == nil {
		return // what is not understood says neither that it is low nor that it no longer is
	}
	var err error
	if !told || *amount >= least {
		err = m.store.Clear(ctx, alarmBalance, m.id)
	} else {
		err = m.store.Raise(ctx, alarmBalance, m.id, fmt.Sprintf("the balance of the SIM in %s is below %g: %q", m.Device, least, text))
	}
	if err != nil {
		m.cannot("store an alarm", err)
	}
}
