package mailer

import (
	"regexp"
	"strings"
)

// marksAnswer is how the subject of an answer, or of a mail that is passed on, begins: Re:, AW:, SV[2]:, 回复：
var marksAnswer = regexp.MustCompile(`^\s*\p{L}{1,5}(\[\d+\])?\s?[:：]`)

// What the mail programs write above the mail that is answered, in the languages they have.
var (
	// wrote is the verb of "On 5 January 2026, Bob wrote:".
	wrote = regexp.MustCompile(`(?i)(\b(wrote|writes|schrieb|geschrieben|ha scritto|scrive|escreveu|schreef|skrev|kirjoitti|napisał\(a\)|pisze|napsal\(a\)|napísal\(a\)|a scris|va escriure|napisao je)(\W|$)` +
		`|a écrit|escribió|napisał|napsal|napísal|írta|пишет|написал|пише|писал|yazdı|έγραψε|写道|寫道|のメール|书写|작성|כתב|كتب)`)
	// when is a time of day or a date.
	when = regexp.MustCompile(`\d{1,2}[:.h]\d{2}|\d{4}|\d{1,2}[./-]\d{1,2}[./-]\d{2}`)
	// who is a mail address in brackets.
	who = regexp.MustCompile(`<[^<>\s]+@[^<>\s]+>`)
	// opens is how such a line begins, where a program broke it.
	opens = regexp.MustCompile(`^(On|Am|Le|El|Il|Em|Op|Den|Dne|Dňa|W dniu|Στις|No dia|Pe|Dana|Il giorno)\b.*\d`)
	// dashed is -----Original Message-----, whatever the language.
	dashed = regexp.MustCompile(`^\*?-{4,}\s?\p{L}[^-]{2,60}\s?-{4,}\*?$`)
	// forwarded is how Apple Mail says it.
	forwarded = regexp.MustCompile(`(?i)^(begin forwarded message|anfang der weitergeleiteten nachricht|début du message réexpédié|début du message transféré|inicio del mensaje reenviado|inizio messaggio inoltrato|begin doorgestuurd bericht|vidarebefordrat brev)\s?:$`)
	// links are what is left out before it is seen whether a paragraph is a flourish.
	links = regexp.MustCompile(`[<(\[]?https?://[^\s>)\]]+[>)\]]?`)
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
	tellsFrom: "From Von De Da Van Från Fra Frå Lähettäjä Od Feladó От Від Kimden Gönderen Από 差出人 发件人 寄件者 寄件人 보낸\u00a0사람 De\u00a0la Expéditeur Saatja No מאת من",
	tellsDate: "Sent Date Gesendet Datum Envoyé Enviado Enviada Fecha Data Inviato Verzonden Skickat Sendt Dato Lähetetty Wysłano Odesláno Odoslané " +
		"Elküldve Dátum Отправлено Дата Надіслано Gönderildi Tarih Στάλθηκε Ημερομηνία 送信日時 日付 发送时间 日期 傳送日期 寄件日期 보낸\u00a0날짜 날짜 Trimis נשלח تاريخ Enviado\u00a0em Enviado\u00a0el",
	tellsTo:      "To An À A Para Aan Till Til Vastaanottaja Do Komu Címzett Кому Kime Προς 宛先 收件人 받는\u00a0사람 Către Cc Kopie Copie אל إلى",
	tellsSubject: "Subject Betreff Objet Asunto Oggetto Assunto Onderwerp Ämne Emne Aihe Temat Předmět Predmet Tárgy Тема Konu Θέμα 件名 主题 主旨 제목 Subiect Teema נושא الموضوع",
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

// flourishes are what telephones and web mail put under a mail, as a paragraph of its own without links.
var flourishes = []*regexp.Regexp{
	regexp.MustCompile(`(?i)^sent (from|with|via|using) (my|mail for|outlook|yahoo|aol|proton|gmail|samsung|galaxy|windows|android|iphone|ipad|blackberry|k-9|fairemail|spark|nine|a mobile|an? (android|iphone|smart)).{0,60}$`),
	regexp.MustCompile(`(?i)^(get|download|holen sie sich|hol dir|laden sie|télécharger|téléchargez|obtenir|obtenez|obtener|descargar|obter|baixar|obtenha o|scarica|ottieni|hämta|hent|få|skaff|hanki|pobierz|získat|stáhnout) (outlook|bluemail|spark)\b.{0,40}$`),
	regexp.MustCompile(`(?i)^outlook (für|voor|pour|para) .{2,30} (beziehen|herunterladen|downloaden)$`),
	regexp.MustCompile(`(?i)^(von|vom|aus|mit) .{2,50} gesendet\.?$`),
	regexp.MustCompile(`(?i)^diese nachricht wurde von .{2,60} gesendet\.?$`),
	regexp.MustCompile(`(?i)^gesendet (von|mit|aus|über|per) .{2,60}$`),
	regexp.MustCompile(`(?i)^envoyé (de|depuis|avec|à partir|via) .{2,60}$`),
	regexp.MustCompile(`(?i)^enviad[oa] (desde|con|do|da|de|a partir|com|via) .{2,60}$`),
	regexp.MustCompile(`(?i)^inviat[oa] (da|dal|dall[’']|con|tramite).{2,60}$`),
	regexp.MustCompile(`(?i)^(verzonden|verstuurd) (vanaf|met|vanuit|via) .{2,60}$`),
	regexp.MustCompile(`(?i)^(skickat|skickades|sendt) (från|fra|med|via) .{2,60}$`),
	regexp.MustCompile(`(?i)^lähetetty .{2,40}$`),
	regexp.MustCompile(`(?i)^wysłan[eoa] (z|ze|za pomocą|przez) .{2,60}$`),
	regexp.MustCompile(`(?i)^(odesláno|odoslané) (z|ze|zo|pomocí) .{2,60}$`),
	regexp.MustCompile(`(?i)^(.{2,40} küldve|elküldve .{2,40})$`),
	regexp.MustCompile(`(?i)^(отправлено|надіслано) (с|из|от|з|із) .{2,60}$`),
	regexp.MustCompile(`(?i)^.{2,40} gönderildi\.?$`),
	regexp.MustCompile(`(?i)^στάλθηκε από .{2,60}$`),
	regexp.MustCompile(`^.{2,20}から送信$`),
	regexp.MustCompile(`^([发發]自.{2,20}|從我的.{2,20}傳送|나의 .{2,20}에서 보냄)$`),
}

// withoutHistory leaves out of an answer's lines those of the mail that is answered: quoted ones, and
// all below a mark that an unquoted copy of it follows.
func withoutHistory(lines []string) []string {
	tells := make([]int, len(lines))
	for i, line := range lines {
		tells[i] = tellsField(line)
	}
	var out []string
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, ">"):
			continue
		case dashed.MatchString(line), forwarded.MatchString(line), showsHeader(lines[i:], tells[i:]):
			return out
		}
		out = append(out, line)
		if !strings.HasSuffix(line, ":") && !strings.HasSuffix(line, "：") {
			continue
		}
		next := nextSaid(lines[i+1:])
		quoted := strings.HasPrefix(next, ">")
		if n := attribution(out); n > 0 {
			if out = out[:len(out)-n]; !quoted && next != "" {
				return out
			}
		} else if quoted && len(line) < 200 && wrote.MatchString(line) { // Bob wrote:
			out = out[:len(out)-1] // what is not quoted below it is the writer's
		}
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

// attribution returns how many of the last lines say who wrote what follows, and when; 0 for none.
func attribution(lines []string) int {
	const most, longest = 4, 500 // lines; octets
	whole, n, found := "", 0, false
	for n < min(most, len(lines)) && !found {
		line := lines[len(lines)-1-n]
		if line == "" || len(line)+len(whole) > longest {
			return 0
		}
		n++
		whole = line + " " + whole
		found = strings.ContainsAny(whole, "0123456789") && when.MatchString(whole) && (wrote.MatchString(whole) || who.MatchString(whole))
	}
	if !found {
		return 0
	}
	// A time at the beginning of a line may be the end of what a line above it begins.
	for more := n + 1; more <= min(most, len(lines)) && lines[len(lines)-more] != "" && !opens.MatchString(lines[len(lines)-n]); more++ {
		if opens.MatchString(lines[len(lines)-more]) {
			return more
		}
	}
	return n
}

// showsHeader says whether lines begin with the header of a mail, as Outlook shows it: who sent it,
// what about, and when or to whom. tells is what each of them tells.
func showsHeader(lines []string, tells []int) bool {
	const most = 10
	all := 0
	for i, line := range lines[:min(len(lines), most)] {
		if line == "" || tells[0] == 0 {
			break // later ones may go on with a long list of names
		}
		all |= tells[i]
	}
	return all&tellsFrom != 0 && all&tellsSubject != 0 && all&(tellsDate|tellsTo) != 0
}

// tellsField returns what a line tells as a field of a header, even if its name is bold; 0 for nothing.
func tellsField(line string) int {
	name, _, found := strings.Cut(strings.Replace(line[:min(len(line), 60)], "：", ":", 1), ":")
	if !found {
		return 0
	}
	return fields[strings.ToLower(strings.Trim(name, "* "))]
}
