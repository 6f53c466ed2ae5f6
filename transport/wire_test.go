package transport

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dffmpeg/dffmpeg"
)

func TestMessagesAreCarriedWithTheirNumbers(t *testing.T) {
	want := dffmpeg.Message{ID: "01A", RecipientID: "b1", Type: dffmpeg.MessageJobStatus, Payload: []byte(`{"status":"running"}`), Seq: 7}
	text, err := Encode(&want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(text)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Decode(Encode()), %v (-want +got):\n%s", err, diff)
	}
}

func TestMalformedMessagesAreRefused(t *testing.T) {
	for _, text := range []string{"", "{", "[]", "{}", `{"message_id":7}`, `{"message_id":""}`} {
		if _, err := Decode([]byte(text)); err == nil {
			t.Errorf("Decode(%q) succeeded", text)
		}
	}
}
