package sms

// plain are the typographic characters for which Coding.Plain sends others:
// what word processors put in by themselves, and what comes along in pasted
// text. Letters are not among them, accents being part of the word, nor are the
// joiners U+200C and U+200D, which some scripts need.
var plain = []struct{ typographic, plain string }{
	{"‘’‚‛‹›′‵ʹʼ´", "'"},
	{"“”„‟«»″‶", `"`},
	{"‐‑‒–—―−⁃", "-"},
	{"…", "..."},
	{"‥", ".."},
	{"·", "."},
	{"⁄", "/"},
	{"•‣◦▪●\uF0B7", "*"}, // the last one is the bullet of Word's Symbol font
	{"→", "->"},
	{"←", "<-"},
	{"↔", "<->"},
	{"⇒", "=>"},
	{"©", "(c)"},
	{"®", "(r)"},
	{"™", "(tm)"},
	{"½", " 1/2"}, // the blank keeps 1½ from becoming 11/2
	{"¼", " 1/4"},
	{"¾", " 3/4"},
	{"ﬀ", "ff"},
	{"ﬁ", "fi"},
	{"ﬂ", "fl"},
	{"ﬃ", "ffi"},
	{"ﬄ", "ffl"},
	{"\t\u00A0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u202F\u205F\u3000", " "},
	{"\v\u0085\u2028\u2029", "\n"},
	// Soft hyphen, zero width space, word joiner, byte order mark, and the marks
	// of direction that come along with a pasted phone number.
	{"\u00AD\u200B\u2060\uFEFF\u200E\u200F\u202A\u202B\u202C\u202D\u202E\u2066\u2067\u2068\u2069", ""},
}
