package store

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// SetBalance records what the network said of a SIM's balance, and returns the amount in it, nil
// where none can be read.
func (s *Store) SetBalance(ctx context.Context, sim, text string) (amount *float64, err error) {
	if v, ok := Amount(text); ok {
		amount = &v
	}
	return amount, s.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE sims SET balance = ?, amount = ?, asked = ? WHERE id = ?`, line(text, 500), amount, ms(t.now), sim)
		return err
	})
}

// balanceHolds is how long a balance is believed.
const balanceHolds = 48 * time.Hour

// LowBalance says whether the balance of every SIM that is in service is known to be below its
// sim.least, so that who sends is to be warned; balance is what the network said of the first one.
func (s *Store) LowBalance(ctx context.Context) (balance string, low bool, err error) {
	if !s.warned.Load() {
		return "", false, nil // nobody set what is low: that is asked with every message
	}
	sims, err := list(ctx, s, scanSIM, `SELECT `+simColumns+` FROM sims WHERE id IN
		(SELECT CASE imsi WHEN '' THEN 'device:' || device ELSE imsi END FROM modems WHERE state = 'up')`)
	if err != nil || len(sims) == 0 {
		return "", false, err
	}
	for _, m := range sims {
		least, told := s.Least(m.ID, m.ICCID)
		if !told || m.Amount == nil || s.stamp().Sub(m.Asked) > balanceHolds || *m.Amount >= least {
			return "", false, nil
		}
	}
	return sims[0].Balance, true, nil
}

// amounts finds numbers as people and networks write them: 5, -0.50, 1,250.00, 1.250,00, 1 250,00.
var amounts = regexp.MustCompile(`[-−]?\d+(?:[.,'’\x{a0}\x{202f}]\d+)*`)

// currency is a currency's name or sign next to a number.
var currency = regexp.MustCompile(`^(?i:[€$£¥₹₦₱฿₺₴₽₪₫₩]|zł|kč|kr\b|ft\b|lei\b|rs\b|tl\b|euros?\b|dollars?\b|pounds?\b|cents?\b|pesos?\b|francs?\b|rupees?\b|ksh|gh₵|r\$)|^[A-Z]{3}\b`)

// currencyBefore is the same at the end of what stands before a number.
var currencyBefore = regexp.MustCompile(`(?:(?i:[€$£¥₹₦₱฿₺₴₽₪₫₩]|zł|kč|\bkr\.?|\bft|\brs\.?|\btl|\beuro|\bksh|gh₵|r\$|us\$)|\b[A-Z]{3})$`)

// Amount reads an amount of money out of a network's words: the first number next to a currency
// that has decimals, else the first with decimals, else the first next to a currency.
func Amount(text string) (float64, bool) {
	text = strings.Map(western, text)
	best, found := 0, 0.0
	for _, at := range amounts.FindAllStringIndex(text, -1) {
		value, decimals, ok := number(text[at[0]:at[1]])
		if !ok {
			continue
		}
		after, before := strings.TrimLeft(text[at[1]:], " \u00a0\u202f"), strings.TrimRight(text[:at[0]], " \u00a0\u202f:=")
		score := 0
		if decimals {
			score = 2
		}
		if currency.MatchString(after) || currencyBefore.MatchString(before) {
			score += 1 + score/2
		}
		if score > best {
			best, found = score, value
		}
	}
	return found, best > 0
}

// western brings the digits of Arabic and Persian, and their separators, to those that are read here.
func western(r rune) rune {
	switch {
	case r >= '٠' && r <= '٩':
		return r - '٠' + '0'
	case r >= '۰' && r <= '۹':
		return r - '۰' + '0'
	case r == '٫':
		return '.'
	case r == '٬':
		return ','
	}
	return r
}

// number reads a number of either fashion: the last separator is the decimal one if one or two
// digits follow it. A date is none.
func number(text string) (value float64, decimals, ok bool) {
	plain := strings.NewReplacer("−", "-", "'", " ", "’", " ", "\u00a0", " ", "\u202f", " ").Replace(text)
	whole, rest := plain, ""
	if at := strings.LastIndexAny(plain, ".,"); at >= 0 && len(plain)-at-1 <= 2 {
		whole, rest = plain[:at], plain[at+1:]
	}
	groups := strings.FieldsFunc(whole, func(r rune) bool { return r == '.' || r == ',' || r == ' ' })
	for i, g := range groups {
		if i > 0 && len(g) != 3 {
			return 0, false, false // 12.10.2026
		}
	}
	value, err := strconv.ParseFloat(strings.Join(groups, "")+"."+rest+"0", 64)
	return value, rest != "", err == nil
}
