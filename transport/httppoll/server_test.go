package httppoll_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/transport/httppoll"
)

// ids returns the IDs of an answer's messages.
func ids(t *testing.T, text string) string {
	t.Helper()
	var answer struct {
		Messages []dffmpeg.Message `json:"messages"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("answer %q: %v", text, err)
	}
	if answer.Messages == nil {
		t.Errorf("answer %q has no list of messages", text)
	}
	var all []string
	for _, m := range answer.Messages {
		all = append(all, m.ID)
	}
	return strings.Join(all, " ")
}

// poll polls as a stock peer does, and says how long the answer took.
func (w *world) poll(path string) (body string, took time.Duration) {
	w.t.Helper()
	began := time.Now()
	response := w.get(path, as(worker.ID))
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		w.t.Fatalf("GET %s: %s %s, %v", path, response.Status, text, err)
	}
	if media := response.Header.Get("Content-Type"); media != "application/json" {
		w.t.Errorf("GET %s: Content-Type %s", path, media)
	}
	return string(text), time.Since(began)
}

func TestPollWaits(t *testing.T) {
	for query, want := range map[string]time.Duration{
		"": 0, "?wait=0": 0, "?wait=5": 5 * time.Second, "?wait=2.5": 2500 * time.Millisecond,
		"?wait=100000": time.Minute, "?wait=inf": time.Minute,
	} {
		t.Run(query, func(t *testing.T) {
			inBubble(t, func(w *world) {
				body, took := w.poll("/poll/worker" + query)
				if body != `{"messages":[]}` || took != want {
					t.Errorf("answer %q after %s, want none after %s", body, took, want)
				}
			})
		})
	}
}

func TestPollAnswersWhenMailComes(t *testing.T) {
	inBubble(t, func(w *world) {
		w.addAfter(1234*time.Millisecond, "hello")
		body, took := w.poll("/poll/worker?wait=5")
		if !strings.Contains(body, `"payload":"hello"`) || took != 1234*time.Millisecond {
			t.Errorf("answer %q after %s, want the message after 1.234s", body, took)
		}
	})
}

func TestPollAnswersMailThatCameDue(t *testing.T) {
	inBubble(t, func(w *world) {
		held := w.mailbox.AddHeld(worker, "later", time.Now().Add(time.Second))
		body, took := w.poll("/poll/worker?wait=5") // without a wake-up
		if ids(t, body) != held.ID || took != 5*time.Second {
			t.Errorf("answer %q after %s", body, took)
		}
	})
}

// TestPollCursors plays the habits of stock peers: no cursor at first, then the
// ID of the last message (protocol.md, Endpoints).
func TestPollCursors(t *testing.T) {
	inBubble(t, func(w *world) {
		a, b := w.add("a"), w.add("b")
		expect := func(query, want string) {
			t.Helper()
			body, _ := w.poll("/poll/worker" + query)
			if got := ids(t, body); got != want {
				t.Errorf("%s: got %q, want %q", query, got, want)
			}
			synctest.Wait() // messages count as sent once the answer is written
		}
		expect("", a.ID+" "+b.ID)
		expect("", "") // sent
		expect("?last_message_id="+a.ID, b.ID)
		expect("?last_message_id="+b.ID, "")
		c := w.add("c")
		expect("?last_message_id="+b.ID, c.ID)
		expect("", "")
		expect("?last_message_id=zzz", "") // compared as text
		expect("?last_message_id=0", a.ID+" "+b.ID+" "+c.ID)
		w.mailbox.Acknowledge(worker, a.ID, c.ID)
		expect("?ack=true", b.ID)
		expect("?ack=false", "")
	})
}

func TestRefusals(t *testing.T) {
	inBubble(t, func(w *world) {
		for path, want := range map[string]int{
			"/poll/worker?wait=-1":                                         http.StatusBadRequest,
			"/poll/worker?wait=NaN":                                        http.StatusBadRequest,
			"/poll/worker?wait=soon":                                       http.StatusBadRequest,
			"/poll/worker?ack=perhaps":                                     http.StatusBadRequest,
			"/poll/worker?wait=%zz":                                        http.StatusBadRequest,
			"/poll/worker?last_message_id=" + strings.Repeat("x", 200):     http.StatusBadRequest,
			"/poll/jobs/01A?wait=x":                                        http.StatusBadRequest,
			"/poll/jobs/01A":                                               http.StatusOK,
			"/poll/worker?last_message_id=01ARZ3NDEKTSV4RRFFQ69G5FAV&wait": http.StatusOK,
		} {
			if got := w.get(path, as("worker1")).StatusCode; got != want {
				t.Errorf("GET %s: status %d, want %d", path, got, want)
			}
		}
		if got := w.get("/poll/worker", as("alice")).StatusCode; got != http.StatusForbidden {
			t.Errorf("a client polls for a worker: status %d", got)
		}
	})
}

func TestStreamHeadersComeAtOnce(t *testing.T) {
	inBubble(t, func(w *world) {
		response := w.get("/poll/worker?wait=5", streaming(worker.ID))
		if got := response.Header.Get("Content-Type"); got != "application/x-ndjson" {
			t.Errorf("Content-Type %q", got)
		}
		if got := response.Header.Get("X-Accel-Buffering"); got != "no" {
			t.Errorf("X-Accel-Buffering %q", got)
		}
	})
}

func TestStreamKeepsAlive(t *testing.T) {
	for query, every := range map[string]time.Duration{"": 15 * time.Second, "?wait=5": 5 * time.Second, "?wait=500": time.Minute} {
		t.Run(query, func(t *testing.T) {
			inBubble(t, func(w *world) {
				stream := w.stream("/poll/worker" + query)
				for i := 1; i <= 20; i++ { // longer than any limit on writes
					if line, at := stream.next(); line != "\n" || at != time.Duration(i)*every {
						t.Fatalf("line %q after %s, want a blank one after %s", line, at, time.Duration(i)*every)
					}
				}
			})
		})
	}
}

func TestStreamDeliversAtOnce(t *testing.T) {
	inBubble(t, func(w *world) {
		first := w.add("first")
		stream := w.stream("/poll/worker?wait=5")
		if line, at := stream.next(); ids(t, line) != first.ID || at != 0 {
			t.Errorf("line %q after %s", line, at)
		}
		synctest.Wait()
		if w.mailbox.SentCount(worker) != 1 {
			t.Error("a message that was sent does not count as sent")
		}
		w.addAfter(time.Second, "second")
		if line, at := stream.next(); !strings.Contains(line, `"payload":"second"`) || at != time.Second {
			t.Errorf("line %q after %s, want the second message after 1s", line, at)
		}
	})
}

func TestStreamDeliversHeldMailAtKeepAlive(t *testing.T) {
	inBubble(t, func(w *world) {
		held := w.mailbox.AddHeld(worker, "later", time.Now().Add(6*time.Second))
		stream := w.stream("/poll/worker?wait=5")
		stream.next()
		stream.next()
		if line, at := stream.next(); ids(t, line) != held.ID || at != 10*time.Second {
			t.Errorf("line %q after %s, want the message after 10s, without a wake-up", line, at)
		}
	})
}

func TestStreamCutsMailIntoLines(t *testing.T) {
	inBubble(t, func(w *world) {
		var want []string
		for range 7 {
			want = append(want, w.mailbox.Add(worker, strings.Repeat("x", 400<<10)).ID)
		}
		stream := w.stream("/poll/worker?wait=5")
		for _, part := range [][]string{want[0:2], want[2:4], want[4:6], want[6:]} {
			if line, _ := stream.next(); ids(t, line) != strings.Join(part, " ") {
				t.Errorf("a line of %d bytes has the messages %s, want %s", len(line), ids(t, line), part)
			}
		}
		body, _ := w.poll("/poll/worker?last_message_id=0")
		if got := ids(t, body); got != strings.Join(want[:2], " ") {
			t.Errorf("a poll answers %s, want the first two", got)
		}
	})
}

func TestStreamEscapesLineEnds(t *testing.T) {
	inBubble(t, func(w *world) {
		w.add("a\u0085b\u2028c\u2029d")
		line, _ := w.stream("/poll/worker").next()
		if strings.ContainsAny(line, "\u0085\u2028\u2029") || !strings.Contains(line, `a\u0085b\u2028c\u2029d`) {
			t.Errorf("line %q", line)
		}
	})
}

// TestRestartedWorkerReplacesItsDeadStream plays a worker whose machine died
// without a word, and that starts again without a cursor.
func TestRestartedWorkerReplacesItsDeadStream(t *testing.T) {
	inBubble(t, func(w *world) {
		w.get("/poll/worker?wait=60", streaming(worker.ID)) // nobody reads it
		synctest.Wait()
		fresh := w.stream("/poll/worker?wait=60")
		synctest.Wait()
		message := w.add("for the living")
		if line, _ := fresh.next(); ids(t, line) != message.ID {
			t.Errorf("line %q", line)
		}
	})
}

// TestReplacedStreamMarksNothing holds a message in a write that the dead never
// reads; the living must get it.
func TestReplacedStreamMarksNothing(t *testing.T) {
	inBubble(t, func(w *world) {
		message := w.add(strings.Repeat("x", 64<<10)) // more than buffers hold
		w.get("/poll/worker?wait=60", streaming(worker.ID))
		synctest.Wait()
		line, _ := w.stream("/poll/worker?wait=60").next()
		if ids(t, line) != message.ID {
			t.Errorf("the message is not in %.100q", line)
		}
	})
}

func TestReplacedStreamEnds(t *testing.T) {
	inBubble(t, func(w *world) {
		old := w.stream("/poll/worker?wait=60")
		synctest.Wait()
		w.stream("/poll/worker?wait=60")
		old.ended()
	})
}

func TestCursorDoesNotReplace(t *testing.T) {
	inBubble(t, func(w *world) {
		old := w.stream("/poll/worker?wait=60")
		synctest.Wait()
		second := w.stream("/poll/worker?wait=60&last_message_id=0")
		synctest.Wait()
		message := w.add("both")
		for _, stream := range []*lines{old, second} {
			if line, _ := stream.next(); ids(t, line) != message.ID {
				t.Errorf("line %q", line)
			}
		}
	})
}

func TestStreamDropsPeerThatDoesNotRead(t *testing.T) {
	inBubble(t, func(w *world) {
		response := w.get("/poll/worker?wait=60", streaming(worker.ID))
		w.add(strings.Repeat("x", 1<<20))
		time.Sleep(time.Minute) // virtual
		if _, err := io.Copy(io.Discard, response.Body); err == nil {
			t.Error("a stream whose peer did not read for a minute ended in good order, want it cut")
		}
		if w.mailbox.SentCount(worker) != 0 {
			t.Error("a message that could not be written counts as sent")
		}
	})
}

func TestServerEndsStreamsAndPolls(t *testing.T) {
	inBubble(t, func(w *world) {
		stream := w.stream("/poll/worker?wait=60")
		time.AfterFunc(time.Second, w.end)
		w.poll("/poll/worker?wait=60&last_message_id=0")
		stream.ended()
		if took := time.Since(stream.began); took != time.Second {
			t.Errorf("peers were let go after %s, want 1s", took)
		}
	})
}

func TestStreamOutlivesTheStoresAbsence(t *testing.T) {
	inBubble(t, func(w *world) {
		stream := w.stream("/poll/worker?wait=5")
		w.mailbox.SetAway(true)
		message := w.add("hello")
		stream.next()
		synctest.Wait()
		w.mailbox.SetAway(false)
		stream.next()
		if line, at := stream.next(); ids(t, line) != message.ID || at != 10*time.Second {
			t.Errorf("line %q after %s", line, at)
		}
	})
}

// TestStreamSaysThatTheStoreIsAway: to peers of ours, which then do not count as
// hearing; stock ones get what they know.
func TestStreamSaysThatTheStoreIsAway(t *testing.T) {
	for query, want := range map[string]string{"": "\n", "&ack=true": `{"messages":[],"away":true}` + "\n"} {
		t.Run(query, func(t *testing.T) {
			inBubble(t, func(w *world) {
				stream := w.stream("/poll/worker?wait=5" + query)
				stream.next()
				w.mailbox.SetAway(true)
				if line, _ := stream.next(); line != "\n" {
					t.Errorf("line %q before anybody has tried to read", line)
				}
				if line, at := stream.next(); line != want || at != 15*time.Second {
					t.Errorf("line %q after %s, want %q", line, at, want)
				}
				w.mailbox.SetAway(false)
				stream.next()
				if line, _ := stream.next(); line != "\n" {
					t.Errorf("line %q, want a blank one again", line)
				}
			})
		})
	}
}

// TestHeldStreamIgnoresWhatItIsSent: what a peer says after its request is not
// for us, and does not disturb keep-alives.
func TestHeldStreamIgnoresWhatItIsSent(t *testing.T) {
	inBubble(t, func(w *world) {
		conn, err := w.pipes.dial(w.t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		send := func(text string) {
			if _, err := io.WriteString(conn, text); err != nil {
				t.Error(err)
			}
		}
		send("GET /poll/worker?wait=5 HTTP/1.1\r\nHost: x\r\nX-Test-Identity: worker1\r\nAccept: application/x-ndjson\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { send("\r\n and a long text that says nothing \r\n") })
		began, line := time.Now(), make([]byte, 1)
		if _, err := response.Body.Read(line); err != nil || string(line) != "\n" || time.Since(began) != 5*time.Second {
			t.Errorf("%q after %s, %v", line, time.Since(began), err)
		}
	})
}

// TestStreamOnAnOldConnection: HTTP/1.0 knows no chunks.
func TestStreamOnAnOldConnection(t *testing.T) {
	inBubble(t, func(w *world) {
		message := w.mailbox.Add(worker, "hello")
		conn, err := w.pipes.dial(w.t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = io.WriteString(conn, "GET /poll/worker?wait=5 HTTP/1.0\r\nX-Test-Identity: worker1\r\nAccept: application/x-ndjson\r\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(response.TransferEncoding) > 0 {
			t.Errorf("the answer is %s", response.TransferEncoding)
		}
		line, err := bufio.NewReader(response.Body).ReadString('\n')
		if err != nil || ids(t, line) != message.ID {
			t.Errorf("line %q, %v", line, err)
		}
	})
}

func TestPollSaysThatTheStoreIsAway(t *testing.T) {
	inBubble(t, func(w *world) {
		w.mailbox.SetAway(true)
		response := w.get("/poll/worker?wait=5", as(worker.ID))
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), `"detail"`) {
			t.Errorf("answer %s %s", response.Status, body)
		}
	})
}

func TestWakeWithoutListeners(t *testing.T) {
	server := httppoll.NewServer(httppoll.ServerSettings{BasePath: "/poll"}, nil, nil)
	server.Wake(worker) // must neither block nor fail
	if got := server.Address(worker)["path"]; got != "/poll/worker" {
		t.Errorf("a worker's path is %v", got)
	}
}

func TestPollAnswersWithWhatThereIsAtTheEnd(t *testing.T) {
	inBubble(t, func(w *world) {
		time.AfterFunc(time.Second, func() {
			w.mailbox.Add(worker, "late") // the wake-up is lost
			w.end()
		})
		if body, took := w.poll("/poll/worker?wait=60"); !strings.Contains(body, "late") || took != time.Second {
			t.Errorf("answer %q after %s", body, took)
		}
	})
}
