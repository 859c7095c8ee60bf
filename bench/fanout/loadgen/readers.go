package main

import (
	"fmt"
	"os"
)

// readers follow rooms from outside, with the subscription token in PARLOUR_TOKEN; one member in each room opens it and is the publisher.
type readers struct {
	parlour
	token string
}

func newReaders(url string, rooms int) (*readers, error) {
	made := &readers{parlour{url: url, rooms: rooms}, os.Getenv("PARLOUR_TOKEN")}
	for k := range rooms {
		s, err := made.parlour.subscribe(k)
		if err != nil {
			return nil, err
		}
		go drain(s)
	}
	return made, nil
}

func (r *readers) subscribe(k int) (*subscriber, error) {
	return r.follow(&subscriber{room: fmt.Sprintf("fan%d", k%r.rooms)})
}

func (r *readers) resume(s *subscriber) (*subscriber, error) { return r.follow(s) }

func (r *readers) follow(s *subscriber) (*subscriber, error) {
	ws, err := dial(r.url)
	if err != nil {
		return nil, err
	}
	err = ws.WriteJSON(map[string]any{"t": "subscribe", "id": uuid(), "roomID": s.room, "token": r.token, "after": s.pos})
	if err != nil {
		return nil, err
	}
	got, err := await(ws, "live")
	return &subscriber{ws, s.room, "", got.Pos}, err
}

// drain keeps a member's connection read.
func drain(s *subscriber) {
	for {
		if _, _, err := s.ws.ReadMessage(); err != nil {
			return
		}
	}
}
