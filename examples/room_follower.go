// Copies a room's events to a file, one JSON line per event: each once and in order, even if this program or a gateway is killed.
//
//	PARLOUR_TOKEN=… go run room_follower.go FILE ROOM http://gateway …
//
// The token is a subscription token: parlour token --subscribe --room ROOM --scope events. A line with "resync" says that the events
// before it are of another history; GET /v1/rooms/ROOM/state?at=POSITION has the state to continue from.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const waitS = 25

var (
	file, room, gateways = os.Args[1], os.Args[2], os.Args[3:]
	gateway              = 0
	client               = &http.Client{Timeout: (waitS + 30) * time.Second}
	reserved             = regexp.MustCompile(`[^A-Za-z0-9_-]`)
)

// item is an event, or a range of events outside the token's read scope; of a range, Type is empty and From its first number.
type item struct {
	Call                  string `json:"roomUID"`
	Seq, From             int64
	Prev, Hash, Type, Pos string
	Data                  json.RawMessage
}

func (i item) position() string { return fmt.Sprintf("%s.%d.%.16s", i.Call, i.Seq, i.Hash) }

// parsed returns a position's call, event number and hash.
func parsed(position string) (call string, seq int64, hash string) {
	if parts := strings.Split(position, "."); len(parts) == 3 {
		call, hash = parts[0], parts[2]
		seq, _ = strconv.ParseInt(parts[1], 10, 64)
	}
	return
}

// lastPosition returns the position of the last complete line, and removes a partial line that a crash left behind it.
func lastPosition() string {
	text, _ := os.ReadFile(file) // there is none at the first start
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	check(os.WriteFile(file, whole, 0o600))
	var line struct{ Position string }
	if lines := bytes.Split(bytes.TrimSpace(whole), []byte("\n")); len(whole) > 0 {
		check(json.Unmarshal(lines[len(lines)-1], &line))
	}
	return line.Position
}

// get sends a GET request and decodes the answer, at the next gateway if one does not serve it. It returns false where the position is
// not in the room's history, and ends the program where the token is refused.
func get(what string, query url.Values, answer any) bool {
	name := reserved.ReplaceAllStringFunc(room, func(s string) string {
		return strings.ReplaceAll(fmt.Sprintf("=% X", s), " ", "=") // ’ is =E2=80=99
	})
	for ; ; gateway++ {
		address := fmt.Sprintf("%s/v1/rooms/%s/%s?%s", gateways[gateway%len(gateways)], name, what, query.Encode())
		request, _ := http.NewRequest("GET", address, nil)
		request.Header.Set("Authorization", "Bearer "+os.Getenv("PARLOUR_TOKEN"))
		if response, err := client.Do(request); err == nil {
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			switch status := response.StatusCode; {
			case err != nil || status == 408 || status == 429 || status >= 500: // an answer that was cut off, or not now
			case status == 409:
				return false
			case status >= 300:
				log.Fatalf("refused: %s", body)
			default:
				check(json.Unmarshal(body, answer))
				return true
			}
		}
		time.Sleep(time.Duration(200+rand.Intn(800)) * time.Millisecond)
	}
}

// items returns a page's events and skipped ranges in the order of the record.
func items(events, skipped []item) []item {
	for _, skip := range skipped {
		call, seq, hash := parsed(skip.Pos)
		events = append(events, item{Call: call, Seq: seq, Hash: hash, From: skip.From})
	}
	return slices.SortedFunc(slices.Values(events), func(a, b item) int {
		return cmp.Or(strings.Compare(a.Call, b.Call), cmp.Compare(a.Seq, b.Seq))
	})
}

// checkContinues ends the program where an item does not continue the position: an event would be missing.
func checkContinues(position string, i item) {
	call, before, hash := parsed(position)
	if call != i.Call {
		before, hash = 0, strings.Repeat("0", 16)
	}
	if cmp.Or(i.From, i.Seq) != before+1 || i.Type != "" && i.Prev[:16] != hash {
		log.Fatalf("event %d of %s does not follow %s", i.Seq, i.Call, position)
	}
}

func main() {
	position := lastPosition()
	lines, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0o600)
	check(err)
	write := json.NewEncoder(lines).Encode
	for {
		var found struct {
			Events, Skipped []item
			Next            string
		}
		if !get("events", url.Values{"after": {position}, "wait": {strconv.Itoa(waitS)}}, &found) {
			var state item
			get("state", nil, &state)
			position = state.position()
			check(write(map[string]any{"position": position, "resync": "diverged"}))
			continue
		}
		for _, i := range items(found.Events, found.Skipped) {
			checkContinues(position, i)
			if position = i.position(); i.Type != "" {
				check(write(map[string]any{"position": position, "type": i.Type, "data": i.Data}))
			}
		}
		position = found.Next
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
