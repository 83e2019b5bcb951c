package condition

// The codes, by part. Beside each stand its arguments.
const (
	// Sentence is what an older version stored in words: text.
	Sentence Code = "sentence"
)

// english says each condition in words: what is wrong, then what to do. {name} stands for an argument. A phrase
// begins with a small letter, unless a name stands there, and ends without a full stop.
var english = map[Code]string{
	Sentence: "{text}",
}
