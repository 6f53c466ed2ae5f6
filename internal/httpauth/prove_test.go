package httpauth

import (
	"errors"
	"testing"
)

func TestProof(t *testing.T) {
	key, other := NewKey(), NewKey()
	signer, err := NewSigner("w1", key, "")
	if err != nil {
		t.Fatal(err)
	}
	proof := signer.Prove("a text")
	if err := CheckProof(key, "a text", proof); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"another text": CheckProof(key, "another text", proof),
		"another key":  CheckProof(other, "a text", proof),
		"no proof":     CheckProof(key, "a text", ""),
		"no key":       CheckProof(Key{}, "a text", Prove(Key{}, "a text")),
	} {
		if !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
