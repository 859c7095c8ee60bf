// Fan-out of a WebSocket event server: subscribers of rooms, the CPU of the server's process for each delivery, its memory for each idle
// subscriber, and how long all of them take to be live again after they were dropped at once.
//
//	go build -o fanout . && ./fanout -target parlour -url http://127.0.0.1:8080 -pid PID -conns 1000 -rates 10,50,100
//
// One line of JSON for each thing measured. A message carries "@nanoseconds@": whoever receives it knows how old it is.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const dialsAtOnce = 16

// meter counts what the subscribers receive while it is on, and samples how old it is.
type meter struct {
	on  atomic.Bool
	got atomic.Uint64
	mu  sync.Mutex
	age []float64
}

func (m *meter) note(frame []byte, sampled bool) {
	now := time.Now().UnixNano()
	for {
		i := bytes.IndexByte(frame, '@')
		if i < 0 {
			return
		}
		frame = frame[i+1:]
		j := bytes.IndexByte(frame, '@')
		if j < 0 {
			return
		}
		sent, err := strconv.ParseInt(string(frame[:j]), 10, 64)
		frame = frame[j+1:]
		if err != nil {
			continue
		}
		m.got.Add(1)
		if sampled {
			m.mu.Lock()
			m.age = append(m.age, float64(now-sent)/1e6)
			m.mu.Unlock()
		}
	}
}

// percentile of the ages, in milliseconds.
func (m *meter) percentile(p float64) float64 {
	if len(m.age) == 0 {
		return -1
	}
	sort.Float64s(m.age)
	return m.age[int(p*float64(len(m.age)-1))]
}

func listen(s *subscriber, m *meter, k int) {
	var frame bytes.Buffer
	for n := k; ; n++ {
		_, r, err := s.ws.NextReader()
		if err != nil {
			return
		}
		frame.Reset()
		if _, err = frame.ReadFrom(r); err != nil {
			return
		}
		if m.on.Load() {
			m.note(frame.Bytes(), n%16 == 0)
		}
	}
}

// each runs f for 0 … n-1, a few at a time.
func each(n int, f func(k int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range dialsAtOnce {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for k := range next {
				f(k)
			}
		}()
	}
	for k := range n {
		next <- k
	}
	close(next)
	wg.Wait()
}

func say(what string, values map[string]any) {
	values["what"] = what
	line, err := json.Marshal(values)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(line))
}

// fan publishes for a while and says what a delivery cost the server.
func fan(a adapter, m *meter, pid string, conns int, rate float64, size, secs int) {
	publish := a.publisher()
	pad := strings.Repeat("x", size)
	stop, stopped := make(chan struct{}), make(chan struct{})
	var sent, late atomic.Uint64
	go func() {
		defer close(stopped)
		period := time.Duration(float64(time.Second) / rate)
		for at := time.Now(); ; {
			select {
			case <-stop:
				return
			default:
			}
			publish(fmt.Sprintf("@%d@%s", time.Now().UnixNano(), pad))
			if m.on.Load() {
				sent.Add(1)
			}
			at = at.Add(period)
			if d := time.Until(at); d > 0 {
				time.Sleep(d)
			} else {
				late.Add(1)
			}
		}
	}()
	time.Sleep(time.Second)
	m.got.Store(0)
	m.age = m.age[:0]
	m.on.Store(true)
	c, self, t := cpuSeconds(pid), cpuSeconds(strconv.Itoa(os.Getpid())), time.Now()
	time.Sleep(time.Duration(secs) * time.Second)
	c, self = cpuSeconds(pid)-c, cpuSeconds(strconv.Itoa(os.Getpid()))-self
	seconds, got := time.Since(t).Seconds(), float64(m.got.Load())
	m.on.Store(false)
	close(stop)
	<-stopped
	m.mu.Lock()
	defer m.mu.Unlock()
	say("fan", map[string]any{
		"rate": rate, "sent_per_s": float64(sent.Load()) / seconds, "delivered_per_s": got / seconds, "late": late.Load(),
		"cpu_us_per_delivery": c * 1e6 / got, "cpu": c / seconds, "age_ms_p50": m.percentile(0.5), "age_ms_p99": m.percentile(0.99),
		"generator_cpu": self / seconds, "rss_mb": residentKB(pid) / 1024,
	})
}

// storm drops every connection at once and says when all of them are live again.
func storm(a adapter, subscribers []*subscriber, m *meter, pid string) {
	for _, s := range subscribers {
		_ = s.ws.UnderlyingConn().Close()
	}
	began, c := time.Now(), cpuSeconds(pid)
	ages := make([]float64, len(subscribers))
	each(len(subscribers), func(k int) {
		back, err := a.resume(subscribers[k])
		if err != nil {
			log.Fatal("resume ", k, ": ", err)
		}
		ages[k] = time.Since(began).Seconds()
		subscribers[k] = back
		go listen(back, m, k)
	})
	sort.Float64s(ages)
	say("storm", map[string]any{
		"connections": len(subscribers), "half_live_s": ages[len(ages)/2], "all_live_s": ages[len(ages)-1],
		"cpu_us_each": (cpuSeconds(pid) - c) * 1e6 / float64(len(ages)),
	})
}

func main() {
	target := flag.String("target", "parlour", "parlour | readers | bare")
	url := flag.String("url", "http://127.0.0.1:8080", "the server's http address")
	pid := flag.String("pid", "", "the server's process id")
	conns := flag.Int("conns", 1000, "subscribers")
	rooms := flag.Int("rooms", 1, "rooms that they are spread over; messages go to the first")
	rates := flag.String("rates", "", "messages a second, comma separated; none: idle connections only")
	size := flag.Int("size", 270, "bytes of a message beside its stamp")
	secs := flag.Int("secs", 8, "seconds measured")
	drops := flag.Bool("storm", false, "drop all and resume")
	flag.Parse()
	var a adapter = &parlour{url: *url, rooms: *rooms}
	switch *target {
	case "bare":
		a = &bare{url: *url}
	case "readers":
		outside, err := newReaders(*url, *rooms)
		if err != nil {
			log.Fatal(err)
		}
		a = outside
	}
	var m meter
	subscribers := make([]*subscriber, *conns)
	before, c, began := residentKB(*pid), cpuSeconds(*pid), time.Now()
	each(*conns, func(k int) {
		s, err := a.subscribe(k)
		if err != nil {
			log.Fatal("subscriber ", k, ": ", err)
		}
		subscribers[k] = s
		go listen(s, &m, k)
	})
	took := time.Since(began).Seconds()
	time.Sleep(4 * time.Second)
	say("connected", map[string]any{
		"connections": *conns, "per_s": float64(*conns) / took, "cpu_us_each": (cpuSeconds(*pid) - c) * 1e6 / float64(*conns),
		"kb_each": (residentKB(*pid) - before) / float64(*conns), "rss_mb": residentKB(*pid) / 1024,
	})
	for _, rate := range strings.FieldsFunc(*rates, func(r rune) bool { return r == ',' }) {
		value, err := strconv.ParseFloat(rate, 64)
		if err != nil {
			log.Fatal(err)
		}
		fan(a, &m, *pid, *conns, value, *size, *secs)
	}
	if *drops {
		storm(a, subscribers, &m, *pid)
	}
}

func dial(url string) (*websocket.Conn, error) {
	dialer := websocket.Dialer{ReadBufferSize: 2048, WriteBufferSize: 1024, HandshakeTimeout: time.Minute}
	ws, _, err := dialer.Dial(strings.Replace(url, "http", "ws", 1)+"/ws", nil)
	return ws, err
}
