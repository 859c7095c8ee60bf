// sfuload: the same WebRTC load against any SFU, with the SFU's own CPU time per forwarded packet.
//
//	go build -o sfuload .
//	sfuload -target janus -url http://127.0.0.1:8088/janus -pid PID -pubs 1 -subs 20 -pps 300 -secs 10
//
// It publishes P synthetic VP8 streams, plays each of them S times, and prints sent, received, loss,
// latency (publisher's write to player's read) and the SFU's CPU nanoseconds per packet it delivered.
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

type signaller interface {
	// Publish answers the client's offer for a new stream.
	Publish(streamID string, pc *webrtc.PeerConnection) error
	// Play connects pc as a player of the stream.
	Play(streamID string, pc *webrtc.PeerConnection) error
	// Leave ends the signalling session of pc.
	Leave(pc *webrtc.PeerConnection)
}

var bind = flag.String("bind", "127.0.0.1", "the clients' address")

func newPC(gcm bool) *webrtc.PeerConnection {
	var m webrtc.MediaEngine
	if err := m.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000},
		PayloadType:        96,
	}, webrtc.RTPCodecTypeVideo); err != nil {
		log.Fatal(err)
	}
	var s webrtc.SettingEngine
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(*bind)})
	if err != nil {
		log.Fatal(err)
	}
	_ = conn.SetReadBuffer(4 << 20)
	s.SetICEUDPMux(webrtc.NewICEUDPMux(nil, conn))
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetIncludeLoopbackCandidate(true)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(&m), webrtc.WithSettingEngine(s), webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		log.Fatal(err)
	}
	return pc
}

// offer makes the client's offer with its candidates in it.
func offer(pc *webrtc.PeerConnection) (string, error) {
	o, err := pc.CreateOffer(nil)
	if err != nil {
		return "", err
	}
	done := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(o); err != nil {
		return "", err
	}
	<-done
	return pc.LocalDescription().SDP, nil
}

func connected(pc *webrtc.PeerConnection) chan struct{} {
	ch := make(chan struct{})
	var once sync.Once
	pc.OnConnectionStateChange(func(st webrtc.PeerConnectionState) {
		if st == webrtc.PeerConnectionStateConnected {
			once.Do(func() { close(ch) })
		}
	})
	return ch
}

// cpu is the user+system seconds that the processes have used: the sum over their threads in nanoseconds,
// or the process's own count in 10 ms steps where that is larger (threads have ended).
func cpu(pids []string) float64 {
	total := 0.0
	for _, p := range pids {
		b, err := os.ReadFile("/proc/" + p + "/stat")
		if err != nil {
			log.Fatal(err)
		}
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))
		u, _ := strconv.ParseFloat(f[11], 64)
		s, _ := strconv.ParseFloat(f[12], 64)
		fine := 0.0
		tasks, _ := filepath.Glob("/proc/" + p + "/task/*/schedstat")
		for _, t := range tasks {
			if b, err := os.ReadFile(t); err == nil {
				ns, _ := strconv.ParseFloat(strings.Fields(string(b))[0], 64)
				fine += ns / 1e9
			}
		}
		total += max((u+s)/100, fine)
	}
	return total
}

func main() {
	target := flag.String("target", "janus", "janus | whip")
	url := flag.String("url", "http://127.0.0.1:8088/janus", "signalling address")
	pidList := flag.String("pid", "", "the SFU's process ids, comma separated")
	pubs := flag.Int("pubs", 1, "publishers")
	subs := flag.Int("subs", 10, "players of each stream")
	pps := flag.Int("pps", 100, "packets a second, each publisher")
	burst := flag.Int("burst", 4, "packets a frame")
	size := flag.Int("size", 1100, "payload bytes")
	secs := flag.Int("secs", 10, "seconds measured")
	warm := flag.Int("warm", 2, "seconds before the measure")
	token := flag.String("token", "", "bearer token (whip)")
	joins := flag.Int("joins", 0, "measure this many players joining one after another instead of the load")
	flag.Parse()

	var sig signaller
	switch *target {
	case "janus":
		sig = newJanus(*url)
	case "whip":
		sig = &whip{url: *url, token: *token}
	}
	var all []*webrtc.PeerConnection
	leave := func() {
		for _, pc := range all {
			sig.Leave(pc)
			_ = pc.Close()
		}
		time.Sleep(200 * time.Millisecond)
	}
	var measuring atomic.Bool
	var sent, got, bytesGot uint64
	var lat []float64
	var latMu sync.Mutex
	var tracks []*webrtc.TrackLocalStaticRTP
	for p := 0; p < *pubs; p++ {
		pc := newPC(false)
		all = append(all, pc)
		tr, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, "video", "s"+strconv.Itoa(p))
		if err != nil {
			log.Fatal(err)
		}
		snd, err := pc.AddTrack(tr)
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			for {
				if _, _, err := snd.ReadRTCP(); err != nil {
					return
				}
			}
		}()
		up := connected(pc)
		if err := sig.Publish("stream"+strconv.Itoa(p), pc); err != nil {
			log.Fatal("publish: ", err)
		}
		<-up
		tracks = append(tracks, tr)
	}
	for p := 0; p < *pubs; p++ {
		for s := 0; s < *subs && *joins == 0; s++ {
			pc := newPC(false)
			all = append(all, pc)
			pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
				buf := make([]byte, 1600)
				n := 0
				for {
					k, _, err := tr.Read(buf)
					if err != nil {
						return
					}
					if !measuring.Load() {
						continue
					}
					atomic.AddUint64(&got, 1)
					atomic.AddUint64(&bytesGot, uint64(k))
					n++
					if n%16 == 0 && k > 40 {
						t := int64(binary.BigEndian.Uint64(buf[k-8 : k]))
						d := float64(time.Now().UnixNano()-t) / 1e6
						latMu.Lock()
						lat = append(lat, d)
						latMu.Unlock()
					}
				}
			})
			up := connected(pc)
			if err := sig.Play("stream"+strconv.Itoa(p), pc); err != nil {
				log.Fatal("play: ", err)
			}
			select {
			case <-up:
			case <-time.After(10 * time.Second):
				log.Fatal("a player did not connect in 10 s")
			}
		}
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for _, tr := range tracks {
		tr := tr
		wg.Add(1)
		go func() {
			defer wg.Done()
			payload := make([]byte, *size)
			payload[0] = 0x10 // VP8 descriptor: start of a partition
			payload[1] = 0x00 // a key frame's first byte
			period := time.Duration(float64(*burst) / float64(*pps) * float64(time.Second))
			next := time.Now()
			var seq uint16
			var ts uint32
			for {
				select {
				case <-stop:
					return
				default:
				}
				for b := 0; b < *burst; b++ {
					binary.BigEndian.PutUint64(payload[*size-8:], uint64(time.Now().UnixNano()))
					pkt := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: seq, Timestamp: ts, Marker: b == *burst-1}, Payload: payload}
					if err := tr.WriteRTP(pkt); err != nil {
						log.Print(err)
					}
					if measuring.Load() {
						atomic.AddUint64(&sent, 1)
					}
					seq++
				}
				ts += uint32(period.Seconds() * 90000)
				next = next.Add(period)
				if d := time.Until(next); d > 0 {
					time.Sleep(d)
				}
			}
		}()
	}
	time.Sleep(time.Duration(*warm) * time.Second)
	pids := strings.Split(*pidList, ",")
	if *joins > 0 {
		measureJoins(*target, sig, pids, *joins, *secs)
		close(stop)
		wg.Wait()
		leave()
		return
	}
	measuring.Store(true)
	c0, t0 := cpu(pids), time.Now()
	self0 := cpu([]string{strconv.Itoa(os.Getpid())})
	time.Sleep(time.Duration(*secs) * time.Second)
	c1, dt := cpu(pids), time.Since(t0).Seconds()
	self1 := cpu([]string{strconv.Itoa(os.Getpid())})
	measuring.Store(false)
	close(stop)
	wg.Wait()
	leave()
	latMu.Lock()
	defer latMu.Unlock()
	sort.Float64s(lat)
	q := func(p float64) float64 {
		if len(lat) == 0 {
			return -1
		}
		return lat[int(p*float64(len(lat)-1))]
	}
	want := sent * uint64(*subs)
	fmt.Printf("%s pubs=%d subs=%d sent/s=%.0f delivered/s=%.0f loss=%.3f%% Mbit/s=%.0f cpu=%.1f%% ns/pkt=%.0f lat_ms p50=%.2f p99=%.2f max=%.2f loadgen_cpu=%.0f%%\n",
		*target, *pubs, *subs, float64(sent)/dt, float64(got)/dt, 100*(1-float64(got)/float64(want)), float64(bytesGot)*8/dt/1e6,
		100*(c1-c0)/dt, (c1-c0)*1e9/float64(got), q(0.5), q(0.99), q(1), 100*(self1-self0)/dt)
}
