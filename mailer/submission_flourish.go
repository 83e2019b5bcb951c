package mailer

import (
	"regexp"
	"strings"
	"unicode"
)

// A flourish is what telephones and web mail put under a mail, as a paragraph of its own: Sent from my iPhone.
// A person may end a mail with "Sent from my office at 9" as well. So each word of a flourish must be known,
// and one of them names a device or a program: a known one, or one that the mail's header shows.

// wordSet is a set of words in lower case.
type wordSet map[string]bool

// words returns the set of words in a text.
func words(text string) wordSet {
	set := wordSet{}
	for word := range strings.FieldsSeq(text) {
		set[word] = true
	}
	return set
}

var (
	// sentWords say that something was sent.
	sentWords = words(`
		sent gesendet verschickt envoyé envoyée expédié enviado enviada enviat inviato inviata verzonden verstuurd
		skickat skickades sendt send lähetetty wysłano wysłane wysłana odesláno odoslané odoslaná küldve elküldve
		отправлено отправлена надіслано gönderildi στάλθηκε trimis poslano saadetud nosūtīts išsiųsta`)
	// getWords say where to get a program. They count beside a link alone.
	getWords = words(`
		get download holen hol laden herunterladen beziehen downloaden télécharger téléchargez obtenir obtenez
		obtener descargar obter baixar obtenha scarica ottieni hämta hent få skaff hanki pobierz získat stáhnout
		скачать haal`)
	// fillWords are what else may stand in a flourish. No word for "to" is among them: "sent to my phone" is a
	// person's.
	fillWords = words(`
		from with via using my mine the for this message mail email e-mail was is secure free app mobile device new
		all verizon at&t t-mobile von vom aus mit meinem meiner dem der einem diese nachricht wurde über per für sie
		sich dir gerät unterwegs sicheren e de depuis avec mon ma le la les un une du pour appareil messagerie
		courrier sécurisée sécurisé desde con mi el del una para correo dispositivo móvil do da meu minha o os um
		uma com através correio dal dall dalla il lo mio mia tramite posta vanaf met vanuit mijn uit een voor dit
		bericht från fra med min mitt för denne besked en z ze zo mojego mojej mého můj pomocí za pomocą przez dla
		aplikacji с из от моего моей мобильной почты устройства помощью для із мого пристрою мобільного
		készülékemről készülékről ról ről az egy benim cihazımdan από το μου συσκευή din pe prin dispozitivul ul`)
	// devices are telephones and the like without a name: a word for "my" stands beside.
	devices = words(`
		phone smartphone telephone mobile cellphone handset tablet handy mobiltelefon mobilgerät telefon téléphone
		portable tablette móvil celular teléfono telefone telemóvel telefono cellulare telefonino telefoon mobieltje
		mobil puhelimesta telefonu telefonem мобильного телефона`)
	myWords = words(`
		my meinem meiner mon ma mi meu minha mio mia mijn min mit mojego mojej mého моего моей мого`)
	// products are names of devices and programs. A word that begins with one counts, as words have endings.
	// Names that are words beside, such as Spark and Airmail, count where the mail's header has them.
	products = strings.Fields(`
		iphon ipad ipod macbook imac ios android galaxy samsung huawei xiaomi redmi oneplus oppo realme motorola
		nokia xperia blackberry fairphone outlook gmail yahoo aol proton protonmail tutanota k-9 k9 fairemail
		thunderbird bluemail mailbird aquamail emclient windows zoho hushmail fastmail gmx web.de freenet t-online
		yandex яндекс mail.ru icloud mailspring roundcube lumia zenfone`)
	// origins are endings that say "from" in languages in which no word does, beside what was sent.
	origins = map[string]*regexp.Regexp{
		"gönderildi": regexp.MustCompile(`(?i)[dt][ae]n\s`), "lähetetty": regexp.MustCompile(`(?i)[ls]t[aä]\b`),
		"küldve": regexp.MustCompile(`(?i)[rb][óő]l\s`), "elküldve": regexp.MustCompile(`(?i)[rb][óő]l(\s|$)`),
	}
	// phrases are left out before the words are looked at.
	phrases = regexp.MustCompile(`(?i) (à|a) partir |(\b(from|via|with|using)|,) an? |\b(auf|sur|on|en|em|på|op|su) (android|ios|iphone|ipad)\b`)
	// tails are whole sentences that may follow.
	tails = regexp.MustCompile(`(?i)[.\s]*(please |bitte |pardon )?(excuse|entschuldigen sie|entschuldige) ` +
		`(my |any |the |meine |die )?(brevity|typos|kürze|tippfehler)( and (brevity|typos))?\s*\.?$`)
	// links are what is left out before it is seen whether a paragraph is a flourish.
	links = regexp.MustCompile(`[<(\[]?https?://[^\s>)\]]+[>)\]]?`)
	// eastern is a flourish in a script without spaces between words; its device is the one group that is not
	// empty.
	eastern = regexp.MustCompile(`^(?:(.{1,20})から送信|[从從]我的?(.{1,20})(?:发送|發送|傳送)|[发發]自我?的?(.{1,20})|` +
		`나의 ?(.{1,20})에서 보냄)[。.]?$`)
	// easternProducts are names in those scripts.
	easternProducts = regexp.MustCompile(`华为|華為|小米|荣耀|三星|网易|網易|腾讯|qq|手机|手機|스마트폰|갤럭시|` +
		`アンドロイド|スマートフォン|スマホ`)
)

// model is the number of a device: 10, S24, 15
var model = regexp.MustCompile(`^([a-z]{0,2}\d{1,4}[a-z]{0,3}|pro|plus|max|mini|ultra|edge|note|lite|air|5g|4g|lte|xl|fe)$`)

// withoutFlourish cuts off last paragraphs that say what the mail was written with. program is what the mail's
// header says of that.
func withoutFlourish(lines []string, program string) []string {
	for {
		begin := len(lines)
		for begin > 0 && lines[begin-1] != "" {
			begin--
		}
		const most = 500 // octets
		paragraph := strings.Join(lines[begin:], " ")
		if len(paragraph) == 0 || len(paragraph) > most || !isFlourish(paragraph, program) {
			return lines
		}
		lines = trimmed(lines[:begin])
	}
}

// isFlourish reports whether a paragraph says what the mail was written with, and nothing else.
func isFlourish(paragraph, program string) bool {
	const most = 120 // octets
	bare := strings.TrimSpace(tails.ReplaceAllString(strings.TrimSpace(links.ReplaceAllString(paragraph, "")), ""))
	if bare == "" || len(bare) > most {
		return false
	}
	linked := bare != paragraph && links.MatchString(paragraph)
	program = strings.ToLower(program)
	main := programName(program)
	if m := eastern.FindStringSubmatch(bare); m != nil {
		device := strings.ToLower(strings.TrimSpace(strings.Join(m[1:], "")))
		return easternProducts.MatchString(device) || isProduct(device) || device == main
	}
	sent, named, device, mine := false, false, false, false
	bare = phrases.ReplaceAllStringFunc(bare, func(phrase string) string {
		_, last, _ := strings.Cut(phrase, " ")
		named = named || isProduct(strings.ToLower(last)) // on Android
		return " "
	})
	for word := range strings.FieldsFuncSeq(strings.ToLower(bare), func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(`,;:!()[]"*_/`, r)
	}) {
		word = strings.ReplaceAll(strings.Trim(word, ".-"), "’", "'")
		if article, rest, found := strings.Cut(word, "'"); found && len(article) == 1 {
			word = rest // l'appareil, d'Outlook
		}
		switch {
		case word == "":
		case sentWords[word]:
			if from := origins[word]; from != nil && !from.MatchString(bare) {
				return false
			}
			sent = true
		case linked && getWords[word]:
			sent = true
		case isProduct(word):
			named = true
		case fillWords[word] || myWords[word]:
			mine = mine || myWords[word]
			device = device || devices[word]
		case devices[word]:
			device = true
		case model.MatchString(word):
		case word == main:
			named = true
		case main != "" && strings.Contains(program, word) && named: // more of its name
		default:
			return false
		}
	}
	return sent && (named || device && mine)
}

// isProduct reports whether a word is the name of a device or program. A name that begins other words has no
// ending but behind a sign.
func isProduct(word string) bool {
	const longestEnding, least = 8, 5 // octets
	for _, p := range products {
		rest, found := strings.CutPrefix(word, p)
		bare := len(p) < least && p != "ipad" || p == "windows"
		if found && (rest == "" || strings.ContainsAny(rest[:1], "-'’") || !bare && len(rest) <= longestEnding) {
			return true
		}
	}
	return false
}

// programName returns the name of a program out of what User-Agent or X-Mailer say in lower case, without who
// makes it.
func programName(program string) string {
	const least = 3 // letters
	for name := range strings.FieldsFuncSeq(program, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' }) {
		switch name {
		case "the", "microsoft", "mozilla", "apple", "mail", "internet", "web", "webmail":
		default:
			if len(name) >= least {
				return name
			}
		}
	}
	return ""
}
