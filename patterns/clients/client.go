// A component in Go, which passes `supe conformance -- ./client` after `go build client.go`.
// handle is yours; the rest is the wire (contract, sections 2 and 3).
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strconv"
)

type frame struct {
	Type, Signal, From, ID string
	Msg                    json.RawMessage
}
var channel *os.File

func send(frame map[string]any) {
	text, _ := json.Marshal(frame)
	if _, err := channel.Write(append(text, '\n')); err != nil {
		os.Exit(1)
	}
}

func signal(name string, data any) {
	send(map[string]any{"type": "signal", "signal": name, "data": data})
}

func ready() { signal("READY-TO-RECEIVE-MAIL", map[string]int{"window": 8}) }

func handle(mail frame, msg map[string]json.RawMessage) {
	if reply, ok := msg["reply"]; ok {
		send(map[string]any{"type": "mail", "to": mail.From, "msg": reply})
	}
	if msg["pause"] != nil {
		signal("NOT-READY-TO-RECEIVE-MAIL", map[string]int{})
	}
}

func main() {
	fd, _ := strconv.Atoi(os.Getenv("NODE_CHANNEL_FD"))
	channel = os.NewFile(uintptr(fd), "channel")
	in := bufio.NewReader(channel)
	ready()
	for line, err := in.ReadBytes('\n'); err == nil; line, err = in.ReadBytes('\n') {
		var f frame
		if json.Unmarshal(line, &f) != nil || f.Signal == "SUPE-SHUTDOWN" {
			break
		}
		if f.Type == "mail" {
			var msg map[string]json.RawMessage // stays nil where msg is no object
			json.Unmarshal(f.Msg, &msg)
			handle(f, msg) // before the ack: until then the mail comes again after a crash
			signal("ACK-CURRENT-MAIL", map[string][]string{"ids": {f.ID}})
			if msg["pause"] != nil {
				ready()
			}
		}
	}
}
