package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// adapter is all that differs between servers.
type adapter interface {
	// subscribe connects and returns once the server has said yes.
	subscribe(k int) (*subscriber, error)
	// resume connects a dropped subscriber again and returns once it is live.
	resume(s *subscriber) (*subscriber, error)
	// publisher makes what publishes to the first room; it waits for nothing.
	publisher() func(text string)
}

// subscriber is one connection and what continues it.
type subscriber struct {
	ws      *websocket.Conn
	room    string
	session string
	pos     string
}

// bare is a server that sends whatever one client sends to all the others.
type bare struct{ url string }

func (b *bare) subscribe(int) (*subscriber, error) {
	ws, err := dial(b.url)
	return &subscriber{ws: ws}, err
}

func (b *bare) resume(*subscriber) (*subscriber, error) { return b.subscribe(0) }

func (b *bare) publisher() func(string) {
	ws, err := dial(b.url)
	if err != nil {
		log.Fatal(err)
	}
	return func(text string) {
		if err := ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			log.Fatal(err)
		}
	}
}

// parlour logs each subscriber in as a user of its own, with a token from the development endpoint.
type parlour struct {
	url   string
	rooms int
	users atomic.Int64
}

// answer is what the adapter reads of any server frame.
type answer struct {
	T         string            `json:"t"`
	OK        bool              `json:"ok"`
	SessionID string            `json:"sessionID"`
	Position  string            `json:"position"`
	Pos       string            `json:"pos"`
	Rooms     map[string]string `json:"rooms"`
	Error     json.RawMessage   `json:"error"`
}

func (p *parlour) subscribe(k int) (*subscriber, error) {
	user, room := fmt.Sprintf("user%d", p.users.Add(1)), fmt.Sprintf("fan%d", k%p.rooms)
	token, err := p.token(user)
	if err != nil {
		return nil, err
	}
	ws, err := dial(p.url)
	if err != nil {
		return nil, err
	}
	err = ws.WriteJSON(map[string]any{"t": "login", "id": uuid(), "appID": token.AppID, "roomID": room, "token": token.Token,
		"user": map[string]string{"userID": user}})
	if err != nil {
		return nil, err
	}
	got, err := await(ws, "res")
	return &subscriber{ws, room, got.SessionID, got.Position}, err
}

func (p *parlour) resume(s *subscriber) (*subscriber, error) {
	ws, err := dial(p.url)
	if err != nil {
		return nil, err
	}
	err = ws.WriteJSON(map[string]any{"t": "resume", "id": uuid(), "sessionID": s.session, "rooms": map[string]string{s.room: s.pos}})
	if err != nil {
		return nil, err
	}
	got, err := await(ws, "live")
	return &subscriber{ws, s.room, s.session, got.Pos}, err
}

func (p *parlour) publisher() func(string) {
	s, err := p.subscribe(0)
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for {
			if _, _, err := s.ws.ReadMessage(); err != nil {
				return
			}
		}
	}()
	return func(text string) {
		err := s.ws.WriteJSON(map[string]any{"t": "barrage", "id": uuid(), "roomID": s.room, "message": text})
		if err != nil {
			log.Fatal(err)
		}
	}
}

type devToken struct {
	AppID int    `json:"appID"`
	Token string `json:"token"`
}

func (p *parlour) token(user string) (devToken, error) {
	body, _ := json.Marshal(map[string]string{"userID": user})
	made := devToken{}
	r, err := http.Post(p.url+"/v1/dev/token", "application/json", bytes.NewReader(body))
	if err != nil {
		return made, err
	}
	defer r.Body.Close()
	return made, json.NewDecoder(r.Body).Decode(&made)
}

// await reads until a frame of this type.
func await(ws *websocket.Conn, kind string) (answer, error) {
	_ = ws.SetReadDeadline(time.Now().Add(30 * time.Second))
	defer func() { _ = ws.SetReadDeadline(time.Time{}) }()
	for {
		_, frame, err := ws.ReadMessage()
		if err != nil {
			return answer{}, err
		}
		var got answer
		if err := json.Unmarshal(frame, &got); err != nil {
			return got, err
		}
		if len(got.Error) > 0 {
			return got, fmt.Errorf("%s", got.Error)
		}
		if got.T == kind {
			return got, nil
		}
	}
}

func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
