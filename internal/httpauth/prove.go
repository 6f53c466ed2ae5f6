package httpauth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// Prove returns what only a holder of the key can make of a text: standard base64
// of its HMAC-SHA256. The text must begin with something that no signature of a
// request begins with, and have something in it that the one who wants the proof
// chose at random.
func Prove(key Key, text string) string {
	mac := hmac.New(sha256.New, []byte(key.raw.Reveal()))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// CheckProof returns nil when proof is the holder's of key for text, else an error
// of code unauthenticated. It takes the same time for every wrong one.
func CheckProof(key Key, text, proof string) error {
	if !hmac.Equal([]byte(Prove(key, text)), []byte(proof)) || key.IsZero() {
		return refuse(DetailSignature, ErrSignature, "")
	}
	return nil
}

// Prove proves the identity's key over a text.
func (s *Signer) Prove(text string) string { return Prove(s.key, text) }
