package mailer

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What the mail programs write above the mail that is answered, in the languages they have.
var (
	// wrote is the verb of "On 5 January 2026, Bob wrote:".
	wrote = regexp.MustCompile(`(?i)(\b(wrote|writes|said|schrieb|geschrieben|ha scritto|scrive|escreveu|schreef|skrev|` +
		`kirjoitti|napisał\(a\)|pisze|napsal\(a\)|napísal\(a\)|a scris|va escriure|napisao je)(\W|$)|` +
		`a écrit|escribió|napisał|napsal|napísal|írta|пишет|написал|пише|писал|yazdı|έγραψε|写道|寫道|` +
		`のメール|书写|작성|כתב|كتب)`)
	// when is a time of day or a date, in the digits of any script.
	when = regexp.MustCompile(`\p{Nd}{1,2}[:.h]\p{Nd}{2}|(^|[^\p{Nd}+])\p{Nd}{4}([^\p{Nd}]|$)|` +
		`\p{Nd}{1,2}[./-]\p{Nd}{1,2}[./-]\p{Nd}{2}`)
	// address is a mail address; its domain is the first group.
	address = regexp.MustCompile(`[^\s<>()"“”\[\]:;,|]+@([\p{L}\p{N}.-]+)`)
	// who is a mail address in brackets.
	who = regexp.MustCompile(`[<\[]\s?[^<>\[\]\s]+@[^<>\[\]\s]+[>\]]`)
	// opens is how an attribution begins, where a program broke it.
	opens = regexp.MustCompile(`^(On|Am|Le|El|Il|Em|Op|Den|Dne|Dňa|W dniu|Στις|No dia|Pe|Dana|Il giorno)\b.*\d`)
	// dashed is a title between dashes: -----Original Message-----, or ---- On Monday Bob wrote ---
	dashed = regexp.MustCompile(`^\*?-{2,}\s?[^\s-].{1,200}?\s?-{2,}\*?$`)
	// original is such a title that an answered mail follows for certain.
	original = regexp.MustCompile(`(?i)original[- ](message|nachricht|appointment|mail)|` +
		`ursprüngliche (nachricht|e-?mail)|message d['’]origine|message original|mensa(je|gem) original|` +
		`messaggio originale|oorspronkelijk bericht|(ursprungligt|oprindelig|opprinnelig) ` +
		`(meddelande|meddelelse|besked|melding)|alkuperäinen viesti|oryginalna wiadomość|wiadomość oryginalna|` +
		`původní zpráva|pôvodná správa|eredeti üzenet|исходное сообщение|оригинальное сообщение|αρχικό μήνυμα|` +
		`(orijinal|özgün) ileti|mesaj original|原始邮件|原邮件|原始郵件|元のメッセージ|원본 ?메시지|` +
		`הודעה מקורית|الرسالة الأصلية`)
	// forwarded is how Apple Mail begins what is passed on.
	forwarded = regexp.MustCompile(`(?i)^(begin forwarded message|anfang der weitergeleiteten nachricht|` +
		`début du message (réexpédié|transféré)|inicio del mensaje reenviado|inizio messaggio inoltrato|` +
		`begin doorgestuurd bericht|vidarebefordrat brev|início da mensagem reencaminhada|` +
		`start på videresendt besked)\s?:$`)
	// passing is a title between dashes that a mail follows which is passed on.
	passing = regexp.MustCompile(`(?i)forwarded (message|mail)|weitergeleitete (nachricht|e-?mail)|` +
		`message (transféré|réexpédié)|(mensaje|correo) reenviado|mensagem (encaminhada|reencaminhada)|messaggio inoltrato|` +
		`doorgestuurd bericht|vidarebefordrat (meddelande|mejl|brev)|videresen(dt|d) (besked|melding)|` +
		`välitetty viesti|przekazana wiadomość|wiadomość przekazana|přeposlaná zpráva|preposlaná správa|` +
		`továbbított (üzenet|levél)|пересланное сообщение|пересылаемое (сообщение|письмо)|переслане повідомлення|` +
		`προωθημένο μήνυμα|iletilen (ileti|mesaj)|mesaj redirecționat|转发|轉寄|転送|전달된|הודעה שהועברה|رسالة محولة`)
	// drawn is a line that a program draws above the mail that is answered.
	drawn = regexp.MustCompile(`^\s*([_-]{10,}|[─━]{5,})$`)
	// labelled is a field of a header as programs show it, whatever its language; its name is the first group.
	labelled = regexp.MustCompile(`^\s?\*?([\p{L}\p{M}][\p{L}\p{M}' .-]{0,30}?)\s?\*?\s?[:：]\s?\*?\s*(.*)$`)
	// initials begin the quoted lines of The Bat! and others: B> or Bob>
	initials = regexp.MustCompile(`^\s?\p{L}{1,5}>+( |$)`)
	// salutes is the line that The Bat! writes above an answer.
	salutes = regexp.MustCompile(`^\p{L}+ [^,]{1,40},$`)
)

// What a field tells that Outlook and others show of the mail that is answered.
const (
	tellsFrom = 1 << iota
	tellsDate
	tellsTo
	tellsSubject
)

// fields are the names of such fields, in lower case, with what they tell.
var fields = fieldNames(map[int]string{
	tellsFrom: "From Von De Da Van Från Fra Frå Lähettäjä Od Feladó От Від Kimden Gönderen Από 差出人 发件人 寄件者 寄件人 " +
		"보낸\u00a0사람 De\u00a0la Expéditeur Saatja No מאת من",
	tellsDate: "Sent Date Gesendet Datum Envoyé Enviado Enviada Fecha Data Inviato Verzonden Skickat Sendt Dato " +
		"Lähetetty Wysłano Odesláno Odoslané Elküldve Dátum Отправлено Дата Надіслано Gönderildi Tarih Στάλθηκε " +
		"Ημερομηνία 送信日時 日付 发送时间 日期 傳送日期 寄件日期 보낸\u00a0날짜 날짜 Trimis נשלח تاريخ Enviado\u00a0em Enviado\u00a0el",
	tellsTo: "To An À A Para Aan Till Til Vastaanottaja Do Komu Címzett Кому Kime Προς 宛先 收件人 받는\u00a0사람 Către Cc " +
		"Kopie Copie אל إلى",
	tellsSubject: "Subject Betreff Objet Asunto Oggetto Assunto Onderwerp Ämne Emne Aihe Temat Předmět Predmet Tárgy " +
		"Тема Konu Θέμα 件名 主题 主旨 제목 Subiect Teema נושא الموضوع",
})

// fieldNames takes names apart; U+00A0 stands for a space in one.
func fieldNames(told map[int]string) map[string]int {
	names := map[string]int{}
	for tells, text := range told {
		for name := range strings.SplitSeq(text, " ") {
			names[strings.ToLower(strings.ReplaceAll(name, "\u00a0", " "))] |= tells
		}
	}
	return names
}

// history finds in the lines of an answer those of the mail that is answered.
type history struct {
	mail  *traits
	lines []string

	out  []string // the writer's own
	bat  bool     // lines with initials before them are quoted
	list listKind // of the last line that header was asked for
}

// listKind says what list a line may belong to.
type listKind int

const (
	noList    listKind = iota
	someList           // Word: …
	fieldList          // Word: … with the name of a field
)

func listOf(line string) listKind {
	if !strings.ContainsAny(line, ":：") {
		return noList
	}
	switch field := labelled.FindStringSubmatch(line); {
	case field == nil:
		return noList
	case fields[strings.ToLower(field[1])] != 0:
		return fieldList
	}
	return someList
}

// withoutHistory leaves out of an answer's lines those of the mail that is answered: quoted ones, and all
// below a mark that an unquoted copy follows. What stands below quoted lines is the writer's.
func withoutHistory(lines []string, mail *traits) []string {
	h := history{mail: mail, lines: lines}
	for i := 0; i < len(lines); {
		if h.quotes(i) {
			i, h.list = h.afterQuoted(i), noList
			continue
		}
		if n := h.header(i); n > 0 {
			h.out = withoutRule(h.out)
			if i += n; !isQuoted(nextSaid(lines[i:])) {
				return h.out // a copy that is not quoted
			}
			continue
		}
		h.out = append(h.out, lines[i])
		i++
		if over := h.attributed(i); over {
			return h.out
		}
	}
	return h.out
}

// quotes reports whether line i is quoted. A space before the mark may be a program's below another quoted line.
func (h *history) quotes(i int) bool {
	line := h.lines[i]
	return strings.HasPrefix(line, ">") || isQuoted(line) && i > 0 && isQuoted(h.lines[i-1]) || h.bat && initials.MatchString(line)
}

// isQuoted reports whether a line has the mark of a quotation, with spaces before it or without.
func isQuoted(line string) bool { return strings.HasPrefix(strings.TrimLeft(line, " "), ">") }

// afterQuoted returns where the quoted line i ends. The end of a long link may stand in a line of its own.
func (h *history) afterQuoted(i int) int {
	line := h.lines[i]
	open := strings.LastIndex(line, "<http")
	if open > strings.LastIndexByte(line[1:], '>')+1 && i+1 < len(h.lines) {
		if next := h.lines[i+1]; !isQuoted(next) && strings.Contains(next, ">") && !strings.Contains(next, " ") {
			return i + 2
		}
	}
	return i + 1
}

// attributed leaves out the last lines of the writer's if they say who wrote what follows at line i. It
// reports whether that is a copy which is not quoted, so that the writer's words are over.
func (h *history) attributed(i int) (over bool) {
	last := h.out[len(h.out)-1]
	if !strings.HasSuffix(last, ":") && !strings.HasSuffix(last, "：") {
		return false
	}
	next := nextSaid(h.lines[i:])
	quoted := isQuoted(next) || initials.MatchString(next)
	n := h.attribution(quoted)
	if n == 0 || !quoted && next == "" && !wrote.MatchString(last) {
		return false
	}
	h.out = h.out[:len(h.out)-n]
	h.bat = h.bat || quoted && !isQuoted(next)
	const fewLines = 4 // a line and empty ones
	if strings.Contains(h.mail.program, "The Bat!") && len(h.out) <= fewLines {
		if above := strings.TrimSpace(strings.Join(h.out, "\n")); salutes.MatchString(above) {
			h.out = nil
		}
	}
	return !quoted && next != ""
}

// attribution returns how many of the last lines say who wrote what follows, and when; 0 for none. Where
// nothing quoted follows, it takes a verb, a time and an address to be sure, or the box's own address.
func (h *history) attribution(quoted bool) int {
	const most, longest = 4, 500 // lines; octets
	last := h.out[len(h.out)-1]
	whole := ""
	for n := 1; n <= min(most, len(h.out)); n++ {
		line := h.out[len(h.out)-n]
		if line == "" || len(line)+len(whole) > longest || n > 1 && !isBroken(line) {
			break
		}
		whole = line + " " + whole
		if !isTimed(whole) {
			continue
		}
		says, has := wrote.MatchString(whole), address.MatchString(whole)
		switch {
		case has && (says || h.mail.knows(whole)), quoted && (has || says && (n == 1 || opens.MatchString(line))):
			return n + h.opening(n)
		}
	}
	if quoted && len(last) < 200 && wrote.MatchString(last) { // Bob wrote:
		return 1
	}
	return 0
}

// isTimed reports whether a line has a time, beside the digits of addresses.
func isTimed(line string) bool {
	return when.MatchString(line) && when.MatchString(address.ReplaceAllString(line, " "))
}

// isBroken reports whether a program may have ended a line because it was full, or an address follows.
func isBroken(line string) bool {
	const least = 50 // characters
	return utf8.RuneCountInString(line) >= least || strings.HasSuffix(line, "<")
}

// opening returns how many lines above the last n begin what these end: a time at the beginning of a line
// may be the end of a longer one.
func (h *history) opening(n int) int {
	const most = 4
	if opens.MatchString(h.out[len(h.out)-n]) {
		return 0
	}
	for more := n + 1; more <= min(most, len(h.out)); more++ {
		if !isBroken(h.out[len(h.out)-more]) {
			break
		}
		if opens.MatchString(h.out[len(h.out)-more]) {
			return more - n
		}
	}
	return 0
}

// header returns how many lines at i are the header of the mail that is answered, with the title above it;
// 0 where it is not certain that they are.
func (h *history) header(i int) int {
	line := h.lines[i]
	before := h.list
	h.list = listOf(line)
	if strings.HasSuffix(line, ":") && forwarded.MatchString(line) {
		return 1
	}
	if !dashed.MatchString(line) {
		if h.list <= before {
			return 0 // the first line of a list tells of all of it
		}
		return shownHeader(h.lines[i:], h.mail, i > 0 && drawn.MatchString(lastSaid(h.lines[:i])))
	}
	if isTimed(line) && address.MatchString(line) && (wrote.MatchString(line) || h.mail.knows(line)) { // of Zoho
		return 1
	}
	rest := h.lines[i+1:]
	empty := slices.IndexFunc(rest, func(l string) bool { return l != "" })
	if empty < 0 {
		return 0
	}
	certain := original.MatchString(line)
	if n := shownHeader(rest[empty:], h.mail, certain); n > 0 {
		return 1 + empty + n
	}
	if certain || h.listsAddress(rest[empty:]) {
		return 1
	}
	return 0
}

// listsAddress reports whether lines begin with a paragraph that has an address of the box, or the writer's
// own, near its beginning, as those that 163.com draws as a table.
func (h *history) listsAddress(lines []string) bool {
	const most = 4
	for _, line := range lines[:min(most, len(lines))] {
		if line == "" {
			return false
		}
		if who.MatchString(line) && h.mail.knows(line) {
			return true
		}
	}
	return false
}

// shownHeader returns how many lines at the beginning show the header of a mail as Outlook does; 0 where it
// is not certain. A person writes such lists too. So a header in a known language (who sent it, what about, and
// when or to whom) needs a mark beside: a mail address in brackets, an address of the box or the writer's own,
// the subject of this mail; or ruled, a line above it, where it has all four. A run of three other fields needs
// such an address or the subject, and a second mark.
func shownHeader(lines []string, mail *traits, ruled bool) int {
	const most = 12           // lines
	n, named, told := 0, 0, 0 // lines; with a label; what the labels tell
	addressed, known, titled := false, false, false
	for n < min(most, len(lines)) && lines[n] != "" {
		line := lines[n]
		field := labelled.FindStringSubmatch(line)
		switch {
		case field != nil:
			named++
			told |= fields[strings.ToLower(field[1])]
			known = known || mail.knows(line)
			titled = titled || mail.subject != "" && bareSubject(field[2]) == mail.subject
		case n == 0:
			return 0
		case line[0] != ' ' && !strings.ContainsAny(line, "@;,"): // no names of which a long list goes on
			lines = lines[:n]
			continue
		}
		addressed = addressed || who.MatchString(line)
		n++
	}
	first := slices.IndexFunc(lines[:n], func(l string) bool { return listOf(l) == fieldList })
	if first > 0 && shownHeader(lines[first:], mail, ruled) > 0 {
		return 0 // it begins there, and above it is the writer's own list
	}
	const all = tellsFrom | tellsDate | tellsTo | tellsSubject
	switch {
	case listOf(lines[0]) == fieldList && told&tellsFrom != 0 && told&tellsSubject != 0 && told&(tellsDate|tellsTo) != 0:
		if addressed || known || titled || ruled && told == all {
			return n
		}
	case named >= 3:
		if known && (addressed || titled || ruled) || titled && (addressed || ruled) {
			return n
		}
	}
	return 0
}

// withoutRule leaves out a line that was drawn above what follows, with the empty lines beside it.
func withoutRule(lines []string) []string {
	lines = trimmed(lines)
	if n := len(lines); n > 0 && drawn.MatchString(lines[n-1]) {
		return lines[:n-1]
	}
	return lines
}

// passedOn returns the lines of a mail that passes another on, without the header of that one: what its writer
// put above it, and what is passed on. That may have been passed on itself, with words above it; what it answers
// is left out. Where the mail answers one of the box's, the writer's words are the answer, and nothing below them is.
func passedOn(lines []string, mail *traits) []string {
	const most = 10 // times
	var said []string
	for n := range most {
		begin, end := passedOnHeader(lines, mail)
		if end == 0 {
			break
		}
		if above := own(withoutRule(slices.Clone(lines[:begin])), mail); visible(above) {
			said = append(said, strings.Split(above, "\n")...)
			if mail.answersBox || (n > 0 || !mail.forwards) && !passes(lines[begin]) {
				return said
			}
			said = append(said, "")
		}
		lines = unquoted(lines[end:])
		first := slices.IndexFunc(lines, func(l string) bool { return l != "" })
		if first < 0 {
			return said
		}
		lines = lines[first:]
		lines = lines[shownHeader(lines, mail, true):]
	}
	return append(said, lines...)
}

// passes reports whether a line is what programs write above a mail that is passed on.
func passes(line string) bool {
	return forwarded.MatchString(line) || dashed.MatchString(line) && passing.MatchString(line)
}

// passedOnHeader returns where the header of the mail that is passed on begins and ends, with the title above
// it; an end of 0 where none was found.
func passedOnHeader(lines []string, mail *traits) (begin, end int) {
	h := history{mail: mail, lines: lines}
	for i, line := range lines {
		if n := h.header(i); n > 0 {
			return i, i + n
		}
		if dashed.MatchString(line) && labelled.MatchString(strings.TrimLeft(nextSaid(lines[i+1:]), "> ")) {
			return i, i + 1
		}
	}
	return 0, 0
}

// unquoted returns lines without the mark of one level of quotation, where all that say something have it.
func unquoted(lines []string) []string {
	out := slices.Clone(lines)
	for i, line := range out {
		rest, found := strings.CutPrefix(line, ">")
		if !found && line != "" {
			return lines
		}
		out[i] = strings.TrimPrefix(rest, " ")
	}
	return out
}

// nextSaid returns the first line that is not empty.
func nextSaid(lines []string) string {
	for _, line := range lines {
		if line != "" {
			return line
		}
	}
	return ""
}

// lastSaid returns the last line that is not empty.
func lastSaid(lines []string) string {
	for _, line := range slices.Backward(lines) {
		if line != "" {
			return line
		}
	}
	return ""
}

// prefixes are how programs begin the subject of an answer and of a mail that is passed on, in lower case.
// VS is Finnish for an answer, and Danish and Norwegian for a mail that is passed on.
const (
	answerPrefixes = " re aw antw antwort sv vs r rif res odp vá ynt yan atb bls απ σχετ ответ отв odg odgovor odpověď " +
		"odpoveď vast ats 回复 回覆 答复 答覆 返信 답장 회신 השב תגובה رد "
	forwardPrefixes = " fw fwd wg tr rv enc i doorst vb vs vl pd fs i̇lt ilt πρθ προωθ továbbítás tov hns переслано пересл " +
		"转发 轉寄 轉發 転送 전달 הועבר إعادة "
)

// prefix is what may be one of them: Re: AW[2]: SV(3): 回复：
var prefix = regexp.MustCompile(`^\s*(\p{L}[\p{L}\p{M}]{0,11})(\s?[\[(^]\d+[\])]?)?\s?[:：]\s*`)

// subjectPrefix returns the known prefix of a subject in lower case with a blank on either side, as in the
// lists, and the subject without it; "" where it has none.
func subjectPrefix(subject string) (known, rest string) {
	m := prefix.FindStringSubmatch(subject)
	if m == nil {
		return "", subject
	}
	known = " " + strings.ToLower(m[1]) + " "
	if !strings.Contains(answerPrefixes, known) && !strings.Contains(forwardPrefixes, known) {
		return "", subject
	}
	return known, subject[len(m[0]):]
}

// bareSubject returns a subject without prefixes, in lower case, with single spaces.
func bareSubject(subject string) string {
	for known := " "; known != ""; {
		known, subject = subjectPrefix(subject)
	}
	return strings.ToLower(strings.Join(strings.FieldsFunc(subject, unicode.IsSpace), " "))
}
