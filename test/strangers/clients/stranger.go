// The acts of a stranger by Go's net/http: stranger ACT URL FILE prints one line of JSON.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"time"
)

type told struct {
	Status   int    `json:"status"`
	Octets   int    `json:"octets"`
	Sha256   string `json:"sha256"`
	Body     string `json:"body"`
	Interim  []int  `json:"interim"`
	Statuses []int  `json:"statuses"`
}

var client = &http.Client{Transport: &http.Transport{ExpectContinueTimeout: 30 * time.Second}}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func ask(method, url string, body io.Reader, fields ...string) told {
	request, err := http.NewRequest(method, url, body)
	must(err)
	for i := 0; i+1 < len(fields); i += 2 {
		request.Header.Set(fields[i], fields[i+1])
	}
	var t told
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
		t.Interim = append(t.Interim, code)
		return nil
	}}
	response, err := client.Do(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
	must(err)
	octets, err := io.ReadAll(response.Body)
	must(err)
	response.Body.Close()
	sum := sha256.Sum256(octets)
	t.Status, t.Octets, t.Sha256 = response.StatusCode, len(octets), hex.EncodeToString(sum[:])
	if len(octets) < 1000 {
		t.Body = string(octets)
	}
	return t
}

func abrupt(url string) told {
	response, err := client.Get(url)
	must(err)
	_, err = io.ReadFull(response.Body, make([]byte, 65536))
	must(err)
	response.Body.Close()
	return told{Status: response.StatusCode}
}

func play(act, url string, octets []byte) told {
	switch act {
	case "head":
		return ask("HEAD", url, nil)
	case "upload", "refuse":
		return ask("POST", url, bytes.NewReader(octets))
	case "expect":
		return ask("POST", url, bytes.NewReader(octets), "Expect", "100-continue")
	case "streamed":
		return ask("POST", url, io.MultiReader(bytes.NewReader(octets)))
	case "keep_alive":
		var t told
		for i := 0; i < 100; i++ {
			t.Statuses = append(t.Statuses, ask("GET", url, nil).Status)
		}
		return t
	case "abrupt":
		return abrupt(url)
	}
	return ask("GET", url, nil)
}

func main() {
	octets, err := os.ReadFile(os.Args[3])
	must(err)
	must(json.NewEncoder(os.Stdout).Encode(play(os.Args[1], os.Args[2], octets)))
	client.CloseIdleConnections()
}
