package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
	"github.com/dffmpeg/dffmpeg/transport"
	"github.com/dffmpeg/dffmpeg/transport/transporttest"
)

// TestMailIsFetched: first what was not acknowledged, then what follows a cursor;
// it counts as handed over.
func TestMailIsFetched(t *testing.T) {
	c := newCluster(t)
	c.want(http.StatusOK, holder, http.MethodPost, "/worker/register", registration(holder))
	c.want(http.StatusOK, holder, http.MethodPost, "/worker/"+holder+"/verify", dffmpeg.VerifyRequest{RegistrationToken: token})
	c.want(http.StatusOK, holder, http.MethodPost, "/worker/register", registration(holder))

	fetch := func(query string) []dffmpeg.NumberedMessage {
		t.Helper()
		return decode[dffmpeg.MailAnswer](t, c.want(http.StatusOK, holder, http.MethodGet, "/worker/"+holder+"/mail"+query, nil)).Messages
	}
	got := fetch("")
	if len(got) != 1 || got[0].Type != dffmpeg.MessageVerifyRegistration || got[0].Seq != 2 {
		t.Fatalf("fetched %+v, want the second token alone: the first was acknowledged", got)
	}
	unsent, err := c.engine.Mail(t.Context(), dffmpeg.ToWorker(holder), store.MailQuery{})
	if err != nil || len(unsent) != 0 {
		t.Errorf("unsent after it was fetched: %v, %v", unsent, err)
	}
	if again := fetch("?after=" + got[0].ID); len(again) != 0 {
		t.Errorf("behind the last one: %+v", again)
	}
	if all := fetch("?after=0"); len(all) != 2 || all[0].Seq != 1 || all[0].ID >= all[1].ID {
		t.Errorf("behind a cursor before all: %+v", all)
	}
	answer := c.do(holder, http.MethodGet, "/worker/"+holder+"/mail?after="+strings.Repeat("x", 200), nil)
	if answer.status != http.StatusUnprocessableEntity {
		t.Errorf("a cursor that is none: status %d", answer.status)
	}
}

// TestTransportWithoutItsBroker is worth trying again, unlike one that is not
// enabled.
func TestTransportWithoutItsBroker(t *testing.T) {
	broker := transporttest.NewLoopback()
	server, err := broker.Plugin().NewServer(transport.ServerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	broker.SetDown(true)
	c := newCluster(t, func(d *Deps) { d.Transports = transport.NewSet(server) })
	request := registration(holder)
	request.SupportedTransports = []string{transporttest.LoopbackName, "other"}
	answer := c.do(holder, http.MethodPost, "/worker/register", request)
	if answer.status != http.StatusServiceUnavailable || !strings.Contains(answer.detail(t), transporttest.LoopbackName) {
		t.Errorf("status %d, detail %q; want 503 and the transport's name", answer.status, answer.detail(t))
	}
	request.SupportedTransports = []string{"other"}
	if answer := c.do(holder, http.MethodPost, "/worker/register", request); answer.status != http.StatusBadRequest {
		t.Errorf("status %d for a transport that is not enabled, want 400", answer.status)
	}
}
