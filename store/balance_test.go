package store_test

import (
	"testing"

	"omsbox/store"
)

func TestTheAmountIsReadOutOfWhatNetworksSay(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{
		"Balance 12.34 EUR":                                 12.34,
		"Your balance is £5.00. Valid to 01.02.2027":        5,
		"Guthaben: 5,00 Euro, gueltig bis 31.12.26":         5,
		"Saldo: 1.234,56 €":                                 1234.56,
		"Bal:N1,250.00. Bonus 200MB":                        1250,
		"You have 3 texts and KES 15.20 left":               15.2,
		"Ihr Guthaben am 3.10.2026 um 12.30 Uhr: 9,99 EUR.": 9.99,
		"Balance: -0.50 USD":                                -0.5,
		"Konto 10 zł":                                       10,
		"Balance Rs.45":                                     45,
		"رصيدك ٤٫٥٠ EGP":                                    4.5,
		"0.00":                                              0,
		"1 234,50 kr":                                       234.5, // a plain space parts two numbers
	} {
		if got, ok := store.Amount(text); !ok || got != want {
			t.Errorf("%q: got %v, %t, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "Dial again later", "Offer 7 ends 1.2.2027", "Code 1234"} {
		if got, ok := store.Amount(text); ok {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func FuzzAmount(f *testing.F) {
	f.Add("Balance 1.234,56 EUR on 12.10.2026")
	f.Fuzz(func(t *testing.T, text string) { store.Amount(text) })
}
