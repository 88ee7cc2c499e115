// An origin of Go's net/http: origin LARGE_FILE SOCKET prints its port.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
)

const small = "Hello, World!"

func stream(w http.ResponseWriter) {
	file, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	io.Copy(w, file)
}

func digest(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	octets, err := io.Copy(hash, r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	mark := r.Trailer.Get("X-Mark")
	if mark == "" {
		mark = "-"
	}
	fmt.Fprintf(w, "%d %x %s", octets, hash.Sum(nil), mark)
}

// Some of a body, then the connection is closed; with linger 0 it is reset.
func cut(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "-length") {
		w.Header().Set("Content-Length", "20000")
	}
	w.Write(make([]byte, 10000))
	w.(http.Flusher).Flush()
	if strings.HasPrefix(r.URL.Path, "/reset") {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
		return
	}
	panic(http.ErrAbortHandler)
}

func serve(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/small":
		io.WriteString(w, small)
	case "/large":
		w.Header().Set("Content-Length", "33554432")
		if r.Method != "HEAD" {
			stream(w)
		}
	case "/chunked":
		stream(w)
	case "/digest":
		digest(w, r)
	case "/empty":
		w.WriteHeader(204)
	case "/same":
		w.Header().Set("ETag", "\"a\"")
		w.WriteHeader(304)
	case "/close":
		w.Header().Set("Connection", "close")
		io.WriteString(w, small)
	case "/hints":
		w.WriteHeader(102)
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(103)
		io.WriteString(w, small)
	case "/trailers":
		w.Header().Set("Trailer", "X-Mark, X-More")
		w.(http.Flusher).Flush()
		io.WriteString(w, small)
		w.Header().Set("X-Mark", "here")
		w.Header().Set("X-More", "there")
	case "/refused-417":
		w.WriteHeader(417)
	case "/refused-413":
		w.WriteHeader(413)
	case "/vanish":
		panic(http.ErrAbortHandler)
	case "/cut-length", "/cut-chunked", "/reset-length", "/reset-chunked":
		cut(w, r)
	default:
		w.WriteHeader(404)
	}
}

func main() {
	log.SetOutput(io.Discard)
	server := &http.Server{Handler: http.HandlerFunc(serve)}
	local, err := net.Listen("unix", os.Args[2])
	if err == nil {
		go server.Serve(local)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("port %d\n", listener.Addr().(*net.TCPAddr).Port)
	server.Serve(listener)
}
